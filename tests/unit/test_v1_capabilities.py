"""What a key lacks is said before anything is begun, with what is missing and what the key is restricted to."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define

from b2pure.shell.v1.session import Session
from b2pure.v1 import (
    AbstractFolder,
    B2Api,
    Bucket,
    CopySource,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    RawSimulator,
    Synchronizer,
    UploadSourceBytes,
    WriteIntent,
    parse_sync_folder,
)
from b2pure.v1.exception import B2Error, Unauthorized

CAPABILITIES: Final = ("listFiles", "readFiles", "writeFiles", "deleteFiles")
SUBSETS: Final = [frozenset(some) for count in range(5) for some in combinations(CAPABILITIES, count)]
BEGUN: Final = "nothing was begun: missing "


@define(eq=False)
class Here:
    """An account with two buckets, and a folder; between any two of them a sync would do things of every kind."""

    raw: RawSimulator
    api: B2Api
    source: Bucket
    dest: Bucket
    folder: Path

    def api_of(
        self, capabilities: frozenset[str] | set[str], bucket: Bucket | None = None, prefix: str | None = None
    ) -> B2Api:
        """The account as somebody sees it whose key may only do this."""
        made = self.api.create_key(
            [*capabilities, "listBuckets"], "weak", bucket_id=None if bucket is None else bucket.id_, name_prefix=prefix
        )
        weak = B2Api(InMemoryAccountInfo(), raw_api=self.raw)
        weak.authorize_account("production", made["applicationKeyId"], made["applicationKey"])
        return weak

    def state(self) -> object:
        """All that there is."""
        versions = [
            (each.id_, each.file_name, each.action)
            for bucket in (self.source, self.dest)
            for each, _ in bucket.ls(show_versions=True, recursive=True)
        ]
        unfinished = [list(bucket.list_unfinished_large_files()) for bucket in (self.source, self.dest)]
        files = sorted((path.name, path.read_bytes()) for path in self.folder.iterdir())
        return versions, unfinished, files


@pytest.fixture
def here(tmp_path: Path) -> Here:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    source, dest = (api.create_bucket(name, "allPrivate") for name in ("the-source", "the-dest"))
    source.upload_bytes(b"new", "in-source")
    dest.upload_bytes(b"old", "in-dest")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "in-folder").write_bytes(b"here")
    return Here(raw, api, source, dest, folder)


def _ends(here: Here, api: B2Api, direction: str) -> tuple[AbstractFolder, AbstractFolder]:
    places = {
        "up": (str(here.folder), "b2://the-dest"),
        "down": ("b2://the-source", str(here.folder)),
        "copy": ("b2://the-source", "b2://the-dest"),
    }[direction]
    source, dest = (parse_sync_folder(place, api) for place in places)
    return source, dest


def _synced(here: Here, api: B2Api, direction: str, keep: KeepOrDeleteMode, **options: Any) -> None:
    days = 1 if keep is KeepOrDeleteMode.KEEP_BEFORE_DELETE else None
    made = Synchronizer(2, keep_days_or_delete=keep, keep_days=days, **options)
    made.sync_folders(*_ends(here, api, direction), int(time.time() * 1000), None)


KEEP: Final = (KeepOrDeleteMode.NO_DELETE, KeepOrDeleteMode.DELETE)


@pytest.mark.parametrize("keep", KEEP, ids=lambda keep: keep.name)
@pytest.mark.parametrize("direction", ["up", "down", "copy"])
@pytest.mark.parametrize("capabilities", SUBSETS, ids=lambda some: "+".join(sorted(some)))
def test_a_sync_is_refused_before_it_begins_exactly_when_it_would_fail(
    here: Here, capabilities: frozenset[str], direction: str, keep: KeepOrDeleteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = here.api_of(capabilities)
    before = here.state()
    refusal = _refusal(lambda: _synced(here, weak, direction, keep))
    if refusal is None:
        assert here.state() != before
        return
    missing = refusal.split(BEGUN)[1].split(" for application key")[0]
    assert "the capability" in missing
    assert not [name for name in capabilities if name in missing]
    assert here.state() == before
    monkeypatch.setattr(Session, "refuse", lambda *_: None)
    with pytest.raises(B2Error):
        _synced(here, weak, direction, keep)


def _refusal(job: Callable[[], object]) -> str | None:
    try:
        job()
    except Unauthorized as refused:
        return str(refused)
    return None


def test_a_dry_run_needs_only_to_look(here: Here) -> None:
    before = here.state()
    _synced(here, here.api_of({"listFiles"}), "up", KeepOrDeleteMode.DELETE, dry_run=True)
    assert here.state() == before


def test_what_everybody_may_read_needs_no_key_that_reads(here: Here) -> None:
    here.source.set_type("allPublic")
    _synced(here, here.api_of({"listFiles"}), "down", KeepOrDeleteMode.NO_DELETE)
    assert (here.folder / "in-source").read_bytes() == b"new"


def test_a_sync_outside_of_what_the_key_is_restricted_to(here: Here) -> None:
    before = here.state()
    prefixed = here.api_of({*CAPABILITIES}, here.dest, "pre/")
    told = (
        r"missing access to names outside 'pre/' \(the sync is for 'the whole bucket'\) for application key with "
        r"capabilities '.+', restricted to bucket 'the-dest', restricted to files that start with 'pre/'"
    )
    with pytest.raises(Unauthorized, match=told):
        _synced(here, prefixed, "up", KeepOrDeleteMode.NO_DELETE)
    other = here.api_of({*CAPABILITIES}, here.dest)
    strange = other.get_bucket_by_id(here.source.id_)
    with pytest.raises(Unauthorized, match=f"missing access to the bucket '?{here.source.id_}.* bucket 'the-dest'"):
        strange.upload_bytes(b"x", "x")
    assert here.state() == before


MAKERS: Final[dict[str, tuple[set[str], Callable[[Bucket, CopySource, str], object]]]] = {
    "upload": ({"writeFiles"}, lambda bucket, copied, name: bucket.upload_bytes(b"x" * 500, name)),
    "copy": ({"writeFiles", "readFiles"}, lambda bucket, copied, name: bucket.copy(copied.file_id, name)),
    "create_file of bytes": (
        {"writeFiles"},
        lambda bucket, copied, name: bucket.create_file([WriteIntent(UploadSourceBytes(b"x" * 500))], name),
    ),
    "create_file with a copy": (
        {"writeFiles", "readFiles"},
        lambda bucket, copied, name: bucket.create_file(
            [WriteIntent(UploadSourceBytes(b"x" * 500)), WriteIntent(copied, 500)], name
        ),
    ),
    "concatenate": (
        {"writeFiles", "readFiles"},
        lambda bucket, copied, name: bucket.concatenate([UploadSourceBytes(b"x" * 500), copied], name),
    ),
    "concatenate_stream": (
        {"writeFiles", "readFiles"},
        lambda bucket, copied, name: bucket.concatenate_stream(iter([copied, UploadSourceBytes(b"x" * 500)]), name),
    ),
}


def _id(bucket: Bucket, name: str) -> str:
    """A new file of 500 bytes."""
    file_id = bucket.upload_bytes(b"y" * 500, name).id_
    assert file_id is not None
    return file_id


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("capabilities", SUBSETS, ids=lambda some: "+".join(sorted(some)))
def test_a_file_is_made_or_nothing_is_begun(here: Here, maker: str, capabilities: frozenset[str]) -> None:
    needed, make = MAKERS[maker]
    copied = _id(here.source, "to-copy")
    bucket = here.api_of(capabilities).get_bucket_by_name("the-dest")
    before = here.state()
    if needed <= capabilities:
        make(bucket, CopySource(copied, length=500), "made")
        assert here.state() != before
        return
    with pytest.raises(Unauthorized, match="for application key with capabilities") as refused:
        make(bucket, CopySource(copied, length=500), "made")
    if maker != "copy" or "writeFiles" not in capabilities:
        assert BEGUN in str(refused.value)
        assert any(name in str(refused.value) for name in needed - capabilities)
    assert here.state() == before


@pytest.mark.parametrize("maker", MAKERS)
def test_a_name_that_the_key_may_not_write(here: Here, maker: str) -> None:
    copied = _id(here.dest, "pre/to-copy")
    bucket = here.api_of({*CAPABILITIES}, here.dest, "pre/").get_bucket_by_name("the-dest")
    before = here.state()
    with pytest.raises(Unauthorized, match=r"names outside 'pre/' \(the file is 'made'\) .* start with 'pre/'"):
        MAKERS[maker][1](bucket, CopySource(copied, length=500), "made")
    assert here.state() == before
    MAKERS[maker][1](bucket, CopySource(copied, length=500), "pre/made")
    assert here.state() != before
