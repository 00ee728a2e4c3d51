"""Laws of what programs override and patch: whoever only listens changes nothing.

A sync over buckets, accounts, raw apis and sessions whose methods are somebody's own, and do what ours do, leaves the
same world as the sync over ours, says the same, and calls what it should call.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal
from unittest import mock

from attrs import define, frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.v1 import (
    AbstractFolder,
    B2Api,
    B2Folder,
    Bucket,
    CompareVersionMode,
    DownloadDestBytes,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    LocalFolder,
    NewerFileSyncMode,
    RawSimulator,
    Synchronizer,
    SyncReport,
)
from b2pure.v1.exception import B2Error

NAMES: Final = ("a", "b", "d/c", "d/e", "f")
"""None of them is a folder of another: who comes first there is not told by what is there."""
NOW: Final = 1_800_000_000_000
DAY: Final = 86_400

Direction = Literal["up", "down", "across"]


@frozen
class _File:
    """`data` None: a hide marker. `seconds` is the modification time."""

    name: str
    data: bytes | None
    seconds: int


@frozen
class _World:
    """What is there before the sync, and how it is done."""

    direction: Direction
    local: tuple[_File, ...]
    history: tuple[_File, ...]
    beyond: tuple[_File, ...]
    options: dict[str, Any]


DATA: Final = st.sampled_from([b"", b"x", b"yy", b"z" * 250])
SECONDS: Final = st.sampled_from([NOW // 1000 - DAY * days for days in (1, 3, 30)])
FILES: Final = st.builds(_File, st.sampled_from(NAMES), DATA, SECONDS)
VERSIONS: Final = st.builds(_File, st.sampled_from(NAMES), st.none() | DATA, SECONDS)
OPTIONS: Final = st.fixed_dictionaries(
    {
        "newer_file_mode": st.sampled_from(NewerFileSyncMode),
        "compare_version_mode": st.sampled_from(CompareVersionMode),
        "keep_days_or_delete": st.sampled_from([KeepOrDeleteMode.NO_DELETE, KeepOrDeleteMode.DELETE]),
        "allow_empty_source": st.just(True),
    }
)
KEEPING: Final = st.fixed_dictionaries(
    {
        "newer_file_mode": st.sampled_from(NewerFileSyncMode),
        "keep_days_or_delete": st.just(KeepOrDeleteMode.KEEP_BEFORE_DELETE),
        "keep_days": st.sampled_from([1, 10]),
        "allow_empty_source": st.just(True),
    }
)


@st.composite
def worlds(draw: st.DrawFn) -> _World:
    direction: Direction = draw(st.sampled_from(["up", "down", "across"]))
    return _World(
        direction,
        tuple(draw(st.lists(FILES, max_size=5, unique_by=lambda each: each.name))),
        tuple(draw(st.lists(VERSIONS, max_size=8))),
        tuple(draw(st.lists(VERSIONS, max_size=5))),
        draw(OPTIONS if direction == "down" else OPTIONS | KEEPING),
    )


@define
class _After:
    """What a sync left and said. Ids and the times of uploads differ from run to run."""

    here: dict[str, tuple[bytes, int]]
    there: list[tuple[str, str | None, bytes | None, str | None]]
    beyond: list[tuple[str, str | None, bytes | None, str | None]]
    said: list[str]
    totals: tuple[int, ...]
    raised: str | None


class _Place:
    """One world that was made real, over these classes."""

    def __init__(self, world: _World, folder: Path, bucket_class: type[Bucket], api_class: type[B2Api]) -> None:
        self.raw = RawSimulator()
        kind = type("Api", (api_class,), {"BUCKET_CLASS": bucket_class}) if bucket_class is not Bucket else api_class
        self.api: B2Api = kind(InMemoryAccountInfo(), raw_api=self.raw)
        self.api.authorize_account("production", *self.raw.create_account())
        self.world, self.folder = world, folder
        for each in world.local:
            path = folder / each.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.data or b"")
            os.utime(path, (each.seconds, each.seconds))
        plain = B2Api(self.api.account_info, raw_api=self.raw)
        self.there = plain.create_bucket("over-there", "allPrivate")
        self.beyond = plain.create_bucket("far-beyond", "allPrivate")
        for bucket, history in ((self.there, world.history), (self.beyond, world.beyond)):
            for each in history:
                _happened(bucket, each)

    def sync(self) -> Callable[[], _After]:
        """Do it; to be called for what came of it."""
        told = io.StringIO()
        raised = None
        report = SyncReport(told, no_progress=True)
        try:
            Synchronizer(2, **self.world.options).sync_folders(*self._sides(), NOW, report)
        except B2Error as error:
            raised = f"{type(error).__name__} {error}"
        report.close()
        totals = (
            report.transfer_files, report.total_transfer_files, report.transfer_bytes, report.total_transfer_bytes,
        )  # fmt: skip
        return lambda: _After(
            {
                str(path.relative_to(self.folder)): (path.read_bytes(), int(path.stat().st_mtime))
                for path in self.folder.rglob("*")
                if path.is_file()
            },
            list(_versions(self.there)),
            list(_versions(self.beyond)),
            sorted(told.getvalue().split("\n")),
            totals,
            raised,
        )

    def _sides(self) -> tuple[AbstractFolder, AbstractFolder]:
        local, there = LocalFolder(str(self.folder)), B2Folder("over-there", "x", self.api)
        match self.world.direction:
            case "up":
                return local, there
            case "down":
                return there, local
            case "across":
                return there, B2Folder("far-beyond", "x", self.api)


def _happened(bucket: Bucket, file: _File) -> None:
    name = f"x/{file.name}"
    if file.data is not None:
        bucket.upload_bytes(file.data, name, file_infos={"src_last_modified_millis": str(file.seconds * 1000)})
    elif any(each.file_name == name for each, _ in bucket.ls(recursive=True)):
        bucket.hide_file(name)


def _versions(bucket: Bucket) -> Iterator[tuple[str, str | None, bytes | None, str | None]]:
    for version, _ in bucket.ls(show_versions=True, recursive=True):
        data = None
        if version.action == "upload":
            dest = DownloadDestBytes()
            bucket.api.download_file_by_id(str(version.id_), dest)
            data = dest.get_bytes_written()
        yield version.file_name, version.action, data, version.file_info.get("src_last_modified_millis")


def _listening(base: Any, names: frozenset[str], heard: list[str]) -> Any:
    """A subclass of whose methods these write down that they were called, and do what they did."""

    def method_of(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            heard.append(name)
            return getattr(base, name)(self, *args, **kwargs)

        return method

    return type(f"Own{base.__name__}", (base,), {name: method_of(name) for name in names})


OF_BUCKET: Final = ("ls", "upload", "create_file", "download_file_by_id", "copy", "hide_file", "delete_file_version")
OF_API: Final = ("download_file_by_id", "delete_file_version", "list_buckets", "get_bucket_by_name")
OF_RAW: Final = (
    "upload_file", "upload_part", "get_upload_url", "get_upload_part_url", "start_large_file", "finish_large_file",
    "list_file_versions", "list_buckets", "hide_file", "delete_file_version", "copy_file", "download_file_from_url",
    "get_download_url_by_id", "list_unfinished_large_files", "get_file_info",
)  # fmt: skip


def _some(names: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(names))


def _plain(world: _World) -> _After:
    with TemporaryDirectory() as folder:
        return _Place(world, Path(folder), Bucket, B2Api).sync()()


@given(worlds(), _some(OF_BUCKET), _some(OF_API))
def test_a_bucket_whose_methods_only_listen_changes_nothing(
    world: _World, of_bucket: frozenset[str], of_api: frozenset[str]
) -> None:
    """And hears of every action that is its own to do: as many as the report has lines for."""
    heard: list[str] = []
    with TemporaryDirectory() as folder:
        own = _Place(
            world, Path(folder), _listening(Bucket, of_bucket, heard), _listening(B2Api, of_api - of_bucket, heard)
        )
        after = own.sync()()
    assert after == _plain(world)
    lines = [line.split()[0] for line in after.said if line and not line.startswith(("ERROR", "WARNING"))]
    for verb, name in (
        ("upload", "upload"),
        ("copy", "copy"),
        ("hide", "hide_file"),
        ("dnload", "download_file_by_id"),
    ):
        if name in of_bucket | of_api:
            assert heard.count(name) == lines.count(verb)
    if "delete_file_version" in of_bucket | of_api and world.direction != "down":
        assert heard.count("delete_file_version") == lines.count("delete")
    if "ls" in of_bucket:
        assert heard.count("ls") == (2 if world.direction == "across" else 1)


@given(worlds(), _some(OF_RAW), st.sampled_from(["raw api", "its class", "session", "its class too"]))
def test_methods_that_are_wrapped_change_nothing(world: _World, names: frozenset[str], where: str) -> None:
    with TemporaryDirectory() as folder, ExitStack() as patches:
        own = _Place(world, Path(folder), Bucket, B2Api)
        wrapped = {}
        for name in sorted(names):
            thing: Any = own.raw if where in ("raw api", "its class") else own.api.session
            if "class" in where:
                thing = type(thing)
                patch = mock.patch.object(thing, name, autospec=True, side_effect=getattr(thing, name))
            else:
                patch = mock.patch.object(thing, name, wraps=getattr(thing, name))
            wrapped[name] = patches.enter_context(patch)
        look = own.sync()
        called = {name: method.call_count for name, method in wrapped.items()}
        after = look()
    assert after == _plain(world)
    for verb, name in (("hide", "hide_file"), ("dnload", "download_file_from_url")):
        if name in called:
            assert called[name] == sum(line.startswith(verb) for line in after.said)
    if "list_file_versions" in called:
        assert called["list_file_versions"] >= (2 if world.direction == "across" else 1)
