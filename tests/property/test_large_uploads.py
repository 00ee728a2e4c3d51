"""Laws of uploads: whatever the source and however it is cut, the object is the source, and nothing is sent twice.

Rules. A crash is `stop_after`: no program gets to clean up. What was sent is counted in the simulator's journal, where
only calls stand that took effect.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import (
    BUCKET,
    MINIMUM,
    RECOMMENDED,
    REREADABLE,
    STREAMS,
    Given,
    committed,
    count_committed,
    crashing,
    digest,
    files_in,
    locked_bucket,
    make_world,
    only,
    opened,
    sent_parts,
    sources,
    starts,
    unfinished_in,
)

from b2pure.effects.events import BytesMoved, Event, LargeFileBegun
from b2pure.model.calls import CopyPart, UploadPart
from b2pure.model.new_file import LARGE_FILE_SHA1, NewFile
from b2pure.model.protection import FileRetention, SseB2, SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import body_length
from b2pure.plan.resume import Taken
from b2pure.testing import SimulatedB2

DEST: Final = f"b2://{BUCKET}/dir/n"
SEEDS = st.integers(0, 10_000)
PART_SIZES = st.integers(MINIMUM, 12)
KEY: Final = SseC.of(b"k" * 32)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def upload(world: SimulatedB2, source: Given, folder: Path, **choices: Any) -> Any:
    """What came of it."""
    if source.length_known:
        choices["length"] = len(source.data)
    if source.sha1_known:
        choices["sha1"] = digest(source.data)
    return world.client.upload(opened(source, folder), choices.pop("dest", DEST), **choices)


def is_cut(source: Given, part_size: int) -> bool:
    """Whether it becomes a large file: a stream is cut as soon as it is longer than a piece."""
    return len(source.data) >= part_size + (1 if source.is_stream else MINIMUM)


# --- any source -------------------------------------------------------------------------------------------------------


@given(sources(), PART_SIZES, SEEDS)
def test_the_object_is_the_source(folder: Path, source: Given, part_size: int, seed: int) -> None:
    """Any source, any part size, any interleaving; the digest of the whole is told where it can be known."""
    world = make_world(seed=seed)
    reply = upload(world, source, folder, part_size=part_size).unwrap()
    made = only(world)
    assert made.data == source.data
    assert (reply.file_id, reply.file_name, reply.content_length) == (made.file.file_id, "dir/n", len(source.data))
    if is_cut(source, part_size):
        known = source.sha1_known or not source.is_stream
        assert made.file.content_sha1 == "none"
        assert made.info.get(LARGE_FILE_SHA1) == (digest(source.data) if known else None)
    else:
        assert made.file.content_sha1 == digest(source.data)
        assert LARGE_FILE_SHA1 not in made.info


@given(sources(), PART_SIZES, SEEDS)
def test_every_byte_is_sent_once_in_parts_that_b2_takes(folder: Path, source: Given, part_size: int, seed: int) -> None:
    world = make_world(seed=seed)
    upload(world, source, folder, part_size=part_size).unwrap()
    parts = sorted(
        (call.part_number, body_length(call.body)) for call in committed(world) if isinstance(call, UploadPart)
    )
    if not is_cut(source, part_size):
        assert count_committed(world) == {"b2_upload_file": 1}
        return
    assert [number for number, _ in parts] == list(range(1, len(parts) + 1))
    lengths = [length for _, length in parts]
    assert sum(lengths) == len(source.data)
    assert set(lengths[:-1]) == {part_size}
    assert 1 <= lengths[-1] < part_size + MINIMUM
    assert starts(world) == 1


@given(sources(), PART_SIZES, SEEDS)
def test_without_the_digest_of_the_whole_the_object_is_the_source_as_well(
    folder: Path, source: Given, part_size: int, seed: int
) -> None:
    """And tells none, unless it is small: that digest is B2's. B2 has checked each part by its own."""
    world, source = make_world(seed=seed), evolve(source, sha1_known=False)
    upload(world, source, folder, part_size=part_size, whole_sha1=False).unwrap()
    made = only(world)
    assert made.data == source.data
    assert LARGE_FILE_SHA1 not in made.info
    assert made.file.content_sha1 == ("none" if is_cut(source, part_size) else digest(source.data))
    assert sent_parts(world) == sorted(set(sent_parts(world)))


def test_the_digest_of_the_whole_is_not_both_given_and_left_out() -> None:
    """By name or in the info, the caller would have it checked."""
    for choices in ({"sha1": digest(LARGE)}, {"file_info": {LARGE_FILE_SHA1: digest(LARGE)}}):
        world = make_world()
        assert "whole" in str(world.client.upload(LARGE, DEST, whole_sha1=False, **choices).failure())
        assert not files_in(world)


@given(sources(), SEEDS)
def test_progress_tells_every_byte_once(folder: Path, source: Given, seed: int) -> None:
    world, told = make_world(seed=seed), list[Event]()
    upload(world, source, folder, listener=told.append).unwrap()
    assert sum(event.count for event in told if isinstance(event, BytesMoved)) == len(source.data)
    begun = [event for event in told if isinstance(event, LargeFileBegun)]
    assert len(begun) == starts(world)
    assert all(event.reused == 0 for event in begun)


@given(sources(REREADABLE, least=20), PART_SIZES, SEEDS)
def test_a_wrong_promise_makes_no_object(folder: Path, source: Given, part_size: int, seed: int) -> None:
    """A SHA-1 that is another's, or a length."""
    world = make_world(seed=seed)
    source = evolve(source, length_known=False, sha1_known=False)
    assert upload(world, source, folder, part_size=part_size, sha1="0" * 40).failure()
    assert upload(world, source, folder, part_size=part_size, length=len(source.data) + 1).failure()
    assert not files_in(world)
    assert not unfinished_in(world)


# --- crashes ----------------------------------------------------------------------------------------------------------


def check_resumed(folder: Path, source: Given, seed: int, moments: int, **choices: Any) -> bool:
    """Crash after so many moments and run again; whether it crashed. No part is sent twice, and nothing is left."""
    world = make_world(seed=seed)
    crashed = crashing(world, moments, lambda: upload(world, source, folder, **choices).unwrap())
    whole_before = len(files_in(world))
    done_before = sent_parts(world)
    heard: list[LargeFileBegun] = []
    upload(world, source, folder, on_large_file=heard.append, **choices).unwrap()
    assert [made.data for made in files_in(world)] == [source.data] * (1 + whole_before)
    assert not unfinished_in(world)
    if whole_before == 0 and done_before:
        assert sent_parts(world) == sorted(set(sent_parts(world)))
        assert starts(world) == 1
        (begun,) = heard
        (verdict,) = begun.decision.verdicts
        assert verdict.why == Taken(len(done_before))
        assert sorted(begun.decision.finished) == done_before
        assert begun.reused >= len(done_before) * MINIMUM - MINIMUM
    return crashed


@given(sources(REREADABLE, least=20), st.integers(0, 120), PART_SIZES, SEEDS)
def test_killed_at_any_moment_and_run_again_it_sends_only_what_is_missing(
    folder: Path, source: Given, moments: int, part_size: int, seed: int
) -> None:
    """A large file without any part is gone on with as well."""
    check_resumed(folder, source, seed, moments, part_size=part_size)


@given(sources(REREADABLE, least=20), st.integers(0, 120), PART_SIZES, SEEDS)
def test_killed_and_run_again_without_the_digest_of_the_whole_it_sends_only_what_is_missing(
    folder: Path, source: Given, moments: int, part_size: int, seed: int
) -> None:
    check_resumed(folder, evolve(source, sha1_known=False), seed, moments, part_size=part_size, whole_sha1=False)


@given(sources(REREADABLE, least=20), st.integers(0, 60), st.integers(0, 120), st.booleans(), st.booleans(), SEEDS)
def test_what_another_run_began_never_makes_a_file_that_tells_a_wrong_digest(
    folder: Path, source: Given, same: int, moments: int, first: bool, second: bool, seed: int
) -> None:
    """The two runs agree in the first bytes alone, and each has the digest of the whole told or not."""
    world, source = make_world(seed=seed), evolve(source, length_known=False, sha1_known=False)
    changed = evolve(source, data=source.data[:same] + bytes(byte ^ 1 for byte in source.data[same:]))
    crashing(world, moments, lambda: upload(world, source, folder, whole_sha1=first).unwrap())
    before = {each.file.file_id for each in files_in(world)}
    upload(world, changed, folder, whole_sha1=second).unwrap()
    (made,) = [each for each in files_in(world) if each.file.file_id not in before]
    assert made.data == changed.data
    assert made.info.get(LARGE_FILE_SHA1) in (None, digest(changed.data))
    assert LARGE_FILE_SHA1 not in made.info or second


def test_killed_at_each_moment_of_one_upload(folder: Path) -> None:
    """Not at some moments but at every one."""
    moments = 0
    while check_resumed(folder, Given("chain", bytes(range(40))), 3, moments):
        moments += 1
    assert moments > 50


@given(st.lists(st.integers(0, 60), min_size=2, max_size=5), SEEDS)
def test_killed_again_and_again_it_comes_to_its_end(folder: Path, crashes: list[int], seed: int) -> None:
    source, world = Given("file", bytes(range(60))), make_world(seed=seed)
    for moments in crashes:
        crashing(world, moments, lambda: upload(world, source, folder))
        if files_in(world):
            return
    upload(world, source, folder).unwrap()
    assert only(world).data == source.data
    assert sent_parts(world) == list(range(1, 13))


@given(sources(STREAMS, least=20), st.integers(5, 120), SEEDS)
def test_a_stream_that_was_killed_leaves_what_the_clean_up_finds(
    folder: Path, source: Given, moments: int, seed: int
) -> None:
    """And who names the unfinished file goes on with it: equal pieces are not sent again."""
    world = make_world(seed=seed)
    crashing(world, moments, lambda: upload(world, source, folder).unwrap())
    left = unfinished_in(world)
    world.clock.advance(86_400_000)
    plan = world.client.plan_cleanup(f"b2://{BUCKET}/").unwrap()
    assert [file.file_id for file in plan.cancel] == [file.file_id for file in left]
    if not left:
        return
    assert left[0].file_id is not None
    upload(world, source, folder, resume=left[0].file_id).unwrap()
    assert only(world).data == source.data
    assert sent_parts(world) == sorted(set(sent_parts(world)))


@given(sources(REREADABLE, least=20), st.integers(10, 60), SEEDS)
def test_without_resume_all_is_sent_anew(folder: Path, source: Given, moments: int, seed: int) -> None:
    world = make_world(seed=seed)
    crashing(world, moments, lambda: upload(world, source, folder).unwrap())
    left, whole = unfinished_in(world), len(files_in(world))
    before = len(sent_parts(world))
    upload(world, source, folder, resume=False).unwrap()
    assert unfinished_in(world) == left
    assert len(files_in(world)) == whole + 1
    expected = -(-(len(source.data) - MINIMUM + 1) // RECOMMENDED)
    assert len(sent_parts(world)) - before == (expected if is_cut(source, RECOMMENDED) else 0)


# --- settings ---------------------------------------------------------------------------------------------------------

WAYS: Final = ("small", "large", "short stream", "long stream", "append", "copy", "large copy", "large copy of a range")
CREATED: Final = 1_600_000_000_000
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "content_type": st.sampled_from(("text/plain", "b2/x-auto")),
        "file_info": st.sampled_from(({"color": "red"}, {"Color": "Red and blue", "x-1": "ä%20"})),
        "cache_control": st.just("max-age=60"),
        "content_disposition": st.just('attachment; filename="a.txt"'),
        "content_encoding": st.just("gzip"),
        "content_language": st.just("de"),
        "expires": st.just("Thu, 01 Dec 2050 16:00:00 GMT"),
        "encryption": st.sampled_from((SseB2(), KEY)),
        "retention": st.sampled_from(
            (FileRetention("governance", 1_800_000_000_000), FileRetention("compliance", 1_800_000_000_000))
        ),
        "legal_hold": st.sampled_from(("on", "off")),
        "custom_upload_timestamp": st.just(CREATED),
    },
)
FULL: Final[dict[str, Any]] = {
    "content_type": "text/plain",
    "file_info": {"color": "red"},
    "cache_control": "max-age=60",
    "content_disposition": "inline",
    "content_encoding": "gzip",
    "content_language": "de",
    "expires": "Thu, 01 Dec 2050 16:00:00 GMT",
    "encryption": KEY,
    "retention": FileRetention("governance", 1_800_000_000_000),
    "legal_hold": "on",
}
LARGE: Final = bytes(range(40))


def make(way: str, world: SimulatedB2, bucket: str, new: NewFile) -> tuple[Any, bytes]:
    """A file made in this way, and what it has to hold."""
    dest, client = f"b2://{bucket}/made.txt", world.client
    match way:
        case "small":
            return client.upload(LARGE[:4], dest, new), LARGE[:4]
        case "large":
            return client.upload(LARGE, dest, new), LARGE
        case "short stream":
            return client.upload(opened(Given("pipe", LARGE[:4]), Path()), dest, new), LARGE[:4]
        case "long stream":
            return client.upload(opened(Given("pipe", LARGE), Path()), dest, new), LARGE
        case "append":
            client.upload(LARGE[:20], dest, NewFile(encryption=new.encryption)).unwrap()
            world.clock.advance(1)
            return client.upload(LARGE, dest, new, append=True), LARGE
        case "copy":
            client.upload(LARGE, f"b2://{bucket}/source", content_type="text/old").unwrap()
            return client.copy(f"b2://{bucket}/source", dest, new), LARGE
        case "large copy":
            client.upload(LARGE, f"b2://{bucket}/source", content_type="text/old").unwrap()
            return client.copy(f"b2://{bucket}/source", dest, new, max_part_size=10), LARGE
        case _:
            client.upload(LARGE, f"b2://{bucket}/source", content_type="text/old").unwrap()
            return client.copy(f"b2://{bucket}/source", dest, new, wanted=ByteRange(5, 35), max_part_size=10), LARGE[
                5:35
            ]


HEADERS: Final = ("cache_control", "content_disposition", "content_encoding", "content_language", "expires")


def check_settings(way: str, choices: dict[str, Any], seed: int) -> None:
    world = make_world(seed=seed)
    bucket = locked_bucket(world)
    if way == "copy" and "custom_upload_timestamp" in choices:
        assert "timestamp" in str(make(way, world, bucket, NewFile(**choices))[0].failure())
        return
    result, data = make(way, world, bucket, NewFile(**choices))
    reply = result.unwrap()
    (made,) = [each for each in files_in(world, bucket) if each.file.file_id == reply.file_id]
    assert not unfinished_in(world, bucket)
    assert made.data == data
    given_type = choices.get("content_type", "b2/x-auto")
    copied = "copy" in way
    expected = "text/old" if copied and given_type == "b2/x-auto" else "text/plain"
    assert made.file.content_type == expected, "the extension is that of text"
    for name, value in choices.get("file_info", {}).items():
        assert made.info[name.lower()] == value
    for header in HEADERS:
        assert made.info.get("b2-" + header.replace("_", "-")) == choices.get(header)
    mode = {None: None, SseB2(): "SSE-B2", KEY: "SSE-C"}[choices.get("encryption")]
    assert made.file.server_side_encryption is not None
    assert made.file.server_side_encryption.mode == mode
    retention = choices.get("retention", FileRetention(None, None))
    assert made.file.file_retention is not None
    assert made.file.file_retention.value is not None
    told = made.file.file_retention.value
    assert (told.mode, told.retain_until_timestamp) == (retention.mode, retention.retain_until_timestamp)
    assert made.file.legal_hold is not None
    assert made.file.legal_hold.value == choices.get("legal_hold")
    assert (made.file.upload_timestamp == CREATED) == ("custom_upload_timestamp" in choices)
    if len(data) == len(LARGE) and way != "long stream":
        assert LARGE_FILE_SHA1 not in made.info or made.info[LARGE_FILE_SHA1] == digest(data)
        assert way == "copy" or made.info[LARGE_FILE_SHA1] == digest(data)
    else:
        assert LARGE_FILE_SHA1 not in made.info


@given(st.sampled_from(WAYS), SETTINGS, SEEDS)
def test_every_way_to_make_a_file_gives_it_what_was_asked_for(way: str, choices: dict[str, Any], seed: int) -> None:
    check_settings(way, choices, seed)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_takes_all_settings_at_once(way: str) -> None:
    check_settings(way, FULL, 1)
    if way != "copy":
        check_settings(way, {**FULL, "custom_upload_timestamp": CREATED}, 1)


def check_going_on(way: str, moments: int) -> bool:
    """Crash and go on, with all settings; whether it crashed."""
    world = make_world()
    bucket = locked_bucket(world)
    new, dest, source = NewFile(**FULL), f"b2://{bucket}/made.txt", f"b2://{bucket}/source"
    if "copy" in way:
        world.client.upload(LARGE, source).unwrap()
    if way == "append":
        world.client.upload(LARGE[:20], dest, encryption=KEY).unwrap()
        world.clock.advance(1)

    def act() -> Any:
        if "copy" in way:
            wanted = ByteRange(5, 35) if "range" in way else None
            return world.client.copy(source, dest, new, max_part_size=5, wanted=wanted).unwrap()
        return world.client.upload(LARGE, dest, new, append=way == "append").unwrap()

    before, versions = len(sent_parts(world)), len(files_in(world, bucket))
    crashed = crashing(world, moments, act)
    if len(files_in(world, bucket)) > versions:
        return crashed
    left = unfinished_in(world, bucket)
    first = parts_since(world, before)
    reply = act()
    again = parts_since(world, before + len(first))
    assert not left or reply.file_id == left[0].file_id
    assert set(first) | set(again) == set(range(1, max(first + again) + 1))
    assert len(set(first) & set(again)) == (1 if len(first) == max(first + again) else 0)
    assert not unfinished_in(world, bucket)
    return crashed


def parts_since(world: SimulatedB2, count: int) -> list[int]:
    """The numbers of the parts that were sent or copied after so many."""
    return [call.part_number for call in committed(world) if isinstance(call, UploadPart | CopyPart)][count:]


@pytest.mark.parametrize("way", ["large", "append", "large copy", "large copy of a range"])
def test_every_way_that_goes_on_does_so_with_all_settings_at_each_moment(way: str) -> None:
    """With a customer's key, too. Where all parts are there the last one goes again, because it proves the key."""
    moments = 0
    while check_going_on(way, moments):
        moments += 1
    assert moments > 40
