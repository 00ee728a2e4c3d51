"""Laws of listings of the numbered interface, against an oracle that knows only names."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.v1 import B2Api, Bucket, InMemoryAccountInfo, RawSimulator

SEGMENTS = st.sampled_from(["a", "b", "a-", "a.", "a0", "0", "b b", "ä", "~"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


@frozen
class Stored:
    """What is in a bucket: names, oldest version first, hidden where the second is True."""

    writes: list[tuple[str, bool]]

    def versions(self) -> list[tuple[str, str]]:
        """Names in B2's order, the newest version of each first."""
        found: dict[str, list[str]] = {}
        for name, hides in self.writes:
            if not hides:
                found.setdefault(name, []).insert(0, "upload")
            elif found.get(name, ["hide"])[0] == "upload":
                found[name].insert(0, "hide")
        return [(name, action) for name in sorted(found, key=str.encode) for action in found[name]]

    def visible(self) -> list[str]:
        """Names that a reader sees."""
        newest = dict(reversed(self.versions()))
        return [name for name in sorted(newest, key=str.encode) if newest[name] == "upload"]


def _bucket(stored: Stored) -> Bucket:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    bucket = api.create_bucket("holiday", "allPublic")
    newest: dict[str, bool] = {}
    for name, hides in stored.writes:
        if not hides:
            bucket.upload_bytes(b"", name)
            newest[name] = True
        elif newest.get(name):
            bucket.hide_file(name)
            newest[name] = False
    return bucket


def _with_folders(names: list[str], listed: str) -> Iterator[tuple[str, str | None]]:
    """Each name with its folder, if it is the first of that folder; the listed folder itself is told by nobody."""
    seen = {listed}
    for name in names:
        folder = name[: name.rfind("/") + 1]
        yield name, None if folder in seen else folder
        seen.add(folder)


def _collapsed(names: list[str], listed: str) -> Iterator[tuple[str, str | None]]:
    """The files of a folder, and the first file of each folder in it."""
    last: str | None = None
    for name in names:
        head, slash, _ = name[len(listed) :].partition("/")
        folder = listed + head + slash if slash else None
        if folder is None or folder != last:
            yield name, folder
        last = folder


STORED = st.lists(st.tuples(NAMES, st.sampled_from([False, False, False, True])), max_size=12).map(Stored)


@given(STORED, st.sampled_from(["", "a", "a/b", "b"]), st.booleans(), st.booleans(), st.sampled_from([None, 1, 2, 3]))
def test_a_listing_tells_each_file_once_and_each_folder_by_its_first_file(
    stored: Stored, folder: str, versions: bool, recursive: bool, fetch_count: int | None
) -> None:
    """Whatever is asked for at a time."""
    listed = folder + "/" if folder else ""
    every = [name for name, _ in stored.versions()] if versions else stored.visible()
    names = [name for name in every if name.startswith(listed)]
    told = [
        (version.file_name, first) for version, first in _bucket(stored).ls(folder, versions, recursive, fetch_count)
    ]
    assert told == list((_with_folders if recursive else _collapsed)(names, listed))


@given(STORED, NAMES, st.sampled_from([None, 1, 2]))
def test_the_versions_of_a_name_are_told_newest_first(stored: Stored, name: str, fetch_count: int | None) -> None:
    told = [(version.file_name, version.action) for version in _bucket(stored).list_file_versions(name, fetch_count)]
    assert told == [version for version in stored.versions() if version[0] == name]
