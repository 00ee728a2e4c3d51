"""What a sync gives the files that it makes, and files that grew: only the new end is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

import b2pure as b2
from b2pure.effects.program import ok
from b2pure.effects.simulator import SimulatorConfig
from b2pure.model.calls import UploadFile, UploadPart
from b2pure.model.files import B2Path
from b2pure.model.sources import body_length
from b2pure.plan.actions import UploadAction, actions_of
from b2pure.testing import SimulatedB2, simulated_b2

SMALL = SimulatorConfig(absolute_minimum_part_size=3, recommended_part_size=5)
KEY = b2.SseC.of(b"k" * 32)
OTHER = b2.SseC.of(b"o" * 32)
GROWS = b2.SyncPolicy(upload_mode=b2.UploadMode.INCREMENTAL)


def world() -> SimulatedB2:
    return simulated_b2("bucket", "other", config=SMALL, seed=1)


def only(found: SimulatedB2, bucket: str) -> b2.B2Path:
    (item,) = found.versions(bucket).items
    assert isinstance(item, B2Path)
    return item


def test_every_file_of_a_sync_gets_what_the_caller_says() -> None:
    found = world()
    found.disk("here").put("small", b"abc", 5)
    found.disk("here").put("large", b"0123456789" * 3, 5)
    new = b2.NewFile("text/plain", {"who": "me"}, cache_control="no-store", encryption=b2.SseB2(), legal_hold=None)
    assert found.client.sync("here", "b2://bucket", new_files=new).ok
    for file in found.client.ls("b2://bucket", recursive=True):
        assert file.content_type == "text/plain"
        assert file.file_info["who"] == "me"
        assert file.file_info["b2-cache-control"] == "no-store"
        assert file.file_info["src_last_modified_millis"] == "5"
        assert file.server_side_encryption is not None
        assert file.server_side_encryption.mode == "SSE-B2"


def test_a_copy_adds_to_what_the_source_says() -> None:
    found = world()
    content = b"0123456789"
    found.client.upload(content, "b2://bucket/a", content_type="text/a", file_info={"x": "1"}).unwrap()
    assert found.client.sync("b2://bucket", "b2://other", new_files=b2.NewFile(file_info={"y": "2"})).ok
    (copied,) = found.client.ls("b2://other")
    assert copied.content_type == "text/a"
    assert {key: copied.file_info[key] for key in ("x", "y")} == {"x": "1", "y": "2"}


def test_a_saved_plan_names_keys_and_does_not_hold_them(tmp_path: Path) -> None:
    found = world()
    found.disk("here").put("small", b"abc", 5)
    new = b2.NewFile(encryption=KEY)
    plan = found.client.plan_sync("here", "b2://bucket", new_files=new)
    plan.save(tmp_path / "plan")
    text = (tmp_path / "plan").read_text()
    assert KEY.customer_key not in text
    assert KEY.customer_key_md5 in text
    loaded = b2.Plan.load(tmp_path / "plan").unwrap()
    refused = found.client.apply(loaded, keys=[OTHER])
    assert "lacks the SSE-C key" in refused.refused[0]
    assert not list(found.client.ls("b2://bucket"))
    assert found.client.apply(loaded, keys=[OTHER, KEY]).ok
    (file,) = found.client.ls("b2://bucket")
    assert file.server_side_encryption is not None
    assert file.server_side_encryption.mode == "SSE-C"


def test_sources_encrypted_with_a_key_are_copied_with_it() -> None:
    found = world()
    found.client.upload(b"0123456789" * 3, "b2://bucket/large", encryption=KEY).unwrap()
    found.client.upload(b"abc", "b2://bucket/small", encryption=KEY).unwrap()
    assert not found.client.sync("b2://bucket", "b2://other").ok
    assert found.client.sync("b2://bucket", "b2://other", source_encryption=KEY).ok
    assert found.contents("other") == {"large": b"0123456789" * 3, "small": b"abc"}


@pytest.mark.parametrize(
    ("source", "dest", "told"),
    [("b2://bucket", "here", "new_files"), ("here", "b2://bucket", "source_encryption")],
)
def test_settings_that_make_no_sense_are_refused(source: str, dest: str, told: str) -> None:
    found = world()
    found.disk("here").put("small", b"abc", 5)
    new, key = (b2.NewFile("text/plain"), None) if told == "new_files" else (None, KEY)
    with pytest.raises(b2.PlanFailed, match=told):
        found.client.plan_sync(source, dest, new_files=new, source_encryption=key)


def sent(found: SimulatedB2) -> int:
    calls = (done.call for done in found.simulator.journal)
    return sum(body_length(call.body) for call in calls if isinstance(call, UploadPart | UploadFile))


@pytest.mark.parametrize("before", [b"0123456", b"0123456789" * 3], ids=["a small file", "a large file"])
def test_a_file_that_grew_is_appended_to(before: bytes) -> None:
    found = world()
    found.disk("here").put("log", before, 5)
    assert found.client.sync("here", "b2://bucket", GROWS).ok
    first = sent(found)
    after = before + b"the new end of the log"
    found.disk("here").put("log", after, 9)
    (sync,) = found.client.plan_sync("here", "b2://bucket", GROWS)
    (action,) = actions_of(sync)
    assert isinstance(action, UploadAction)
    assert action.append_to is not None
    assert found.client.sync("here", "b2://bucket", GROWS).ok
    assert found.contents("bucket") == {"log": after}
    assert sent(found) - first == len(after) - len(before)


def test_a_file_that_was_rewritten_is_sent_whole() -> None:
    found = world()
    found.disk("here").put("log", b"0123456789", 5)
    assert found.client.sync("here", "b2://bucket", GROWS).ok
    after = b"otherwise than before, and longer"
    found.disk("here").put("log", after, 9)
    assert found.client.sync("here", "b2://bucket", GROWS).ok
    assert found.contents("bucket") == {"log": after}
    assert sent(found) == 10 + len(after)


def test_without_the_mode_a_file_that_grew_is_sent_whole() -> None:
    found = world()
    found.disk("here").put("log", b"0123456789", 5)
    assert found.client.sync("here", "b2://bucket").ok
    found.disk("here").put("log", b"0123456789" * 3, 9)
    assert found.client.sync("here", "b2://bucket").ok
    assert sent(found) == 40


def test_an_appended_file_encrypted_with_a_key() -> None:
    found = world()
    new = b2.NewFile(encryption=KEY)
    found.disk("here").put("log", b"0123456789", 5)
    assert found.client.sync("here", "b2://bucket", GROWS, new_files=new).ok
    found.disk("here").put("log", b"0123456789" * 3, 9)
    report = found.client.sync("here", "b2://bucket", GROWS, new_files=new)
    assert report.ok, report
    assert ok(found.client.copy("b2://bucket/log", "b2://other/", source_encryption=KEY))
    assert found.contents("other") == {"log": b"0123456789" * 3}


def test_the_estimate_of_an_appended_file_counts_the_copied_bytes() -> None:
    found = world()
    found.disk("here").put("log", b"0123456789", 5)
    assert found.client.sync("here", "b2://bucket", GROWS).ok
    found.disk("here").put("log", b"0123456789" * 3, 9)
    cost = found.client.plan_sync("here", "b2://bucket", GROWS).summarize().cost
    assert (cost.bytes_up, cost.bytes_copied) == (20, 10)
