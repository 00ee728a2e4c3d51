"""The versions of files in a simulated bucket: where they are kept, found and listed.

Rules. A name's versions are kept oldest first, ordered by (upload timestamp, serial), because almost every insertion
is then an append; listings read them backwards. Everything that a reply is made of is frozen and shared; a fork
copies only the containers around it. Who may see what is not decided here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from attrs import define, field
from sortedcontainers import SortedDict, SortedList

from b2pure.effects.simulator.content import Extent
from b2pure.model.buckets import NotificationRule
from b2pure.model.ids import FileId
from b2pure.model.replies import BucketReply, FileReply, PartReply

__all__ = ["Bucket", "LargeUpload", "Part", "Version"]


class Version(msgspec.Struct, frozen=True, gc=False):
    """One version of a name: what listings say of it, its place among equal timestamps, and its content.
    `customer_key_md5` tells which key an SSE-C file was sent with; the key itself is kept nowhere.
    """

    file: FileReply
    serial: int
    extents: tuple[Extent, ...] = ()
    customer_key_md5: str | None = None


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of an unfinished large file."""

    reply: PartReply
    extents: tuple[Extent, ...]


@define(eq=False)
class LargeUpload:
    """An unfinished large file: its `start` version and the parts so far, by number."""

    version: Version
    parts: dict[int, Part] = field(factory=dict)


def _order(version: Version) -> tuple[int, int]:
    return version.file.upload_timestamp, version.serial


class Names:
    """Names with their versions (oldest first), in order. New names are sorted in only when somebody looks, all at
    once: filling a bucket with a million names costs one sort.
    """

    __slots__ = ("_fresh", "_order", "versions")

    def __init__(self, versions: dict[str, list[Version]]) -> None:
        self.versions = versions
        self._order: Any = SortedList()
        self._fresh: list[str] = list(versions)

    def new(self, name: str, version: Version) -> None:
        """The first version of a name."""
        self.versions[name] = [version]
        self._fresh.append(name)

    def drop(self, name: str) -> None:
        """A name goes."""
        self._sort()
        self._order.remove(name)
        del self.versions[name]

    def since(self, name: str) -> Iterator[str]:
        """The names from this one on, in the order of their UTF-8 bytes, which is that of `str`."""
        self._sort()
        names: Iterator[str] = self._order.irange(name)
        return names

    def _sort(self) -> None:
        if self._fresh:
            self._order.update(self._fresh)
            self._fresh = []


class Bucket:
    """One bucket: its settings, its names with their versions, its unfinished large files by id, and their sums."""

    __slots__ = ("names", "notifications", "reply", "stored_bytes", "unfinished", "version_count")

    def __init__(self, reply: BucketReply, notifications: tuple[NotificationRule, ...] = ()) -> None:
        self.reply = reply
        self.notifications = notifications
        self.names = Names({})
        self.unfinished: Any = SortedDict()  # FileId -> LargeUpload
        self.version_count = 0
        self.stored_bytes = 0

    def fork(self) -> Bucket:
        """An independent copy."""
        twin = Bucket(self.reply, self.notifications)
        twin.version_count, twin.stored_bytes = self.version_count, self.stored_bytes
        twin.names = Names({name: list(versions) for name, versions in self.names.versions.items()})
        twin.unfinished.update(
            (file_id, LargeUpload(large.version, dict(large.parts))) for file_id, large in self.unfinished.items()
        )
        return twin

    def add(self, version: Version) -> None:
        """A new version takes its place."""
        self.version_count += 1
        self.stored_bytes += version.file.content_length
        versions = self.names.versions.get(version.file.file_name)
        if versions is None:
            self.names.new(version.file.file_name, version)
        elif _order(versions[-1]) < _order(version):
            versions.append(version)
        else:
            insort(versions, version, key=_order)

    def replace(self, old: Version, new: Version) -> None:
        """The new version stands where the old one stood (both have the same time and serial)."""
        self.stored_bytes += new.file.content_length - old.file.content_length
        versions = self.names.versions[old.file.file_name]
        versions[bisect_left(versions, _order(old), key=_order)] = new

    def remove(self, version: Version) -> None:
        """A version goes; with its last version a name goes."""
        self.version_count -= 1
        self.stored_bytes -= version.file.content_length
        versions = self.names.versions[version.file.file_name]
        del versions[bisect_left(versions, _order(version), key=_order)]
        if not versions:
            self.names.drop(version.file.file_name)

    def keep_part(self, large: LargeUpload, part: Part) -> int:
        """A part of an unfinished large file takes the place of the one with its number. How many bytes more it is."""
        number = part.reply.part_number
        before = large.parts[number].reply.content_length if number in large.parts else 0
        large.parts[number] = part
        self.stored_bytes += part.reply.content_length - before
        return part.reply.content_length - before

    def drop_parts(self, file_id: FileId) -> tuple[Part, ...]:
        """A large file is not unfinished any more. Its parts, of which nothing is left here."""
        large: LargeUpload | None = self.unfinished.pop(file_id, None)
        parts = () if large is None else tuple(large.parts.values())
        self.stored_bytes -= sum(part.reply.content_length for part in parts)
        return parts

    @property
    def file_lock_enabled(self) -> bool:
        """Whether files here can be locked."""
        value = self.reply.file_lock_configuration.value
        return value is not None and value.is_file_lock_enabled

    def newest(self, name: str) -> Version | None:
        """The newest version that is not an unfinished large file: an upload, a hide marker, or None."""
        return _newest(self.names.versions.get(name, ()))

    def visible(self, name: str) -> Version | None:
        """What a download by name gives."""
        newest = self.newest(name)
        return newest if newest is not None and newest.file.action == "upload" else None

    def page_of_names(
        self, start: str, prefix: str, delimiter: str | None, count: int
    ) -> tuple[list[FileReply], FileReply | None]:
        """Up to `count` visible files and folders from `start` on, and the one after them."""

        def shown(_: str, versions: list[Version]) -> Iterable[FileReply]:
            newest = versions[-1] if versions[-1].file.action == "upload" else _newest(versions)
            return (newest.file,) if newest is not None and newest.file.action == "upload" else ()

        return _cut(self._walk(max(start, prefix), prefix, delimiter, shown), count)

    def page_of_versions(
        self, start: str, first: int | None, prefix: str, delimiter: str | None, count: int
    ) -> tuple[list[FileReply], FileReply | None]:
        """Up to `count` versions and folders from `start` on, and the one after them. Of the name `start` itself,
        versions newer than the serial `first` are left out.
        """

        def shown(name: str, versions: list[Version]) -> Iterable[FileReply]:
            newest_first = reversed(versions)
            if first is not None and name == start:
                return _from_serial(newest_first, first)
            return (version.file for version in newest_first)

        return _cut(self._walk(max(start, prefix), prefix, delimiter, shown), count)

    def _walk(
        self,
        start: str,
        prefix: str,
        delimiter: str | None,
        shown: Callable[[str, list[Version]], Iterable[FileReply]],
    ) -> Iterator[FileReply]:
        cursor: str | None = start
        while cursor is not None:
            restart: str | None = None
            for name in self.names.since(cursor):
                if not name.startswith(prefix):
                    return
                entries = shown(name, self.names.versions[name])
                cut = name.find(delimiter, len(prefix)) if delimiter else -1
                if not delimiter or cut < 0:
                    yield from entries
                elif any(True for _ in entries):
                    folder = name[: cut + len(delimiter)]
                    yield self._folder(folder)
                    restart = _after_all(folder)
                    break
            cursor = restart

    def _folder(self, name: str) -> FileReply:
        return FileReply(
            account_id=self.reply.account_id,
            action="folder",
            bucket_id=self.reply.bucket_id,
            content_length=0,
            content_sha1=None,
            content_type=None,
            file_id=None,
            file_info={},
            file_name=name,
            upload_timestamp=0,
        )


def _newest(versions: Sequence[Version]) -> Version | None:
    return next((version for version in reversed(versions) if version.file.action != "start"), None)


def _from_serial(newest_first: Iterator[Version], first: int) -> Iterator[FileReply]:
    """The versions from the one with this serial on. When it is gone, those that were made before it."""
    versions = list(newest_first)
    at = next((i for i, version in enumerate(versions) if version.serial == first), None)
    if at is not None:
        return (version.file for version in versions[at:])
    return (version.file for version in versions if version.serial < first)


def _cut(entries: Iterator[FileReply], count: int) -> tuple[list[FileReply], FileReply | None]:
    page = list(islice(entries, count))
    return page, next(entries, None)


_LAST_CHARACTER: Final = 0x10FFFF


def _after_all(prefix: str) -> str | None:
    """The smallest string that is greater than every string with this prefix."""
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None
