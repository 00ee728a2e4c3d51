"""Folders that a sync runs between, as the numbered interface has them.

Rules. The core scans and lists; a folder only says where. `all_files` tells the same as files. A subclass that
overrides it is asked instead, and so is a bucket with an `ls` of its own. A full path never leads out of its folder,
whatever the name is. What cannot take part is told to the reporter; where there is none, the log of this module has a
warning.
"""

from __future__ import annotations

import logging
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from b2pure.effects.job import B2Side
from b2pure.effects.listings import first_page, next_page
from b2pure.model.files import B2Path, SkippedPath, SkipWhy
from b2pure.model.ids import BucketId
from b2pure.model.names import local_path_problem, printable
from b2pure.model.replies import FileReply, FileVersionPage, ListedVersion
from b2pure.plan.listing import group_versions, paths_of
from b2pure.plan.scan import ScanSide
from b2pure.shell.folders import LocalFolderOnDisk, Role
from b2pure.shell.scan import ScanFailed
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.exceptions import CommandError, UnSyncableFilename
from b2pure.shell.v1.file_version import FileVersionInfo
from b2pure.shell.v1.own_bucket import lists_itself, version_told
from b2pure.shell.v1.own_methods import Originals, really_is
from b2pure.shell.v1.scan_policies import DEFAULT_SCAN_MANAGER, ScanPoliciesManager, scanner_of
from b2pure.shell.v1.session import Session
from b2pure.shell.v1.sync_file import File, b2_path, file_of
from b2pure.shell.v1.utils import fix_windows_path_limit
from b2pure.shell.v1.values import file_version

if TYPE_CHECKING:
    from b2pure.shell.v1.api import B2Api
    from b2pure.shell.v1.bucket import Bucket

__all__ = [
    "AS_WANTED",
    "AbstractFolder",
    "B2Folder",
    "LocalFolder",
    "bucket_of",
    "core_prefix",
    "core_root",
    "full_name",
    "in_account",
    "is_told",
    "join_b2_path",
    "maps_paths",
    "report_skipped",
    "tells_files_itself",
    "told_paths",
]


AS_WANTED: Final[frozenset[SkipWhy]] = frozenset({"excluded symlink", "temporary file"})
"""Who left them out: the caller, or this package, whose own files they are."""

_FETCH_COUNT: Final = 1000
_log = logging.getLogger(__name__)


class AbstractFolder(metaclass=ABCMeta):
    """Interface to a folder full of files, which might be a B2 bucket, a virtual folder in a B2 bucket, or a directory
    on a local file system. Files in B2 may have multiple versions, while files in local folders have just one.
    """

    @abstractmethod
    def all_files(self, reporter: Any, policies_manager: ScanPoliciesManager = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
        """Return an iterator over all of the files in the folder, in the order that B2 uses, without those that the
        policies manager leaves out. "/" is used in the file names whatever the local separator is. The reporter is
        told of what cannot be read; where it is None, a warning is logged.
        """

    @abstractmethod
    def folder_type(self) -> str:
        """Return one of: 'b2', 'local'."""

    @abstractmethod
    def make_full_path(self, file_name: str) -> str:
        """Return the full path to the file."""


def join_b2_path(b2_dir: str, b2_name: str) -> str:
    """Like os.path.join, but for B2 file names where the root directory is called ''."""
    return b2_name if b2_dir == "" else b2_dir.rstrip("/") + "/" + b2_name


class LocalFolder(AbstractFolder):
    """Folder interface to a directory on the local machine."""

    def __init__(self, root: str) -> None:
        """`root` is the path of the directory, which need not be there yet. Raises ValueError for what is no text."""
        if not isinstance(root, str):
            raise ValueError("folder path should be unicode: " + repr(root))
        self.root = fix_windows_path_limit(os.path.abspath(root))

    def __repr__(self) -> str:
        return f"LocalFolder({self.root})"

    def folder_type(self) -> str:
        return "local"

    def all_files(self, reporter: Any, policies_manager: ScanPoliciesManager = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
        """Yield all files."""
        scanner = scanner_of(policies_manager, lambda _, path: os.path.join(self.root, path))
        try:
            for item in LocalFolderOnDisk(self.root).scan(scanner, "source"):
                if isinstance(item, SkippedPath):
                    report_skipped(reporter, self, item)
                elif scanner.local_rule(item) is None:
                    yield file_of(item, os.path.join(self.root, item.path))
        except ScanFailed as failed:
            raise CommandError(str(failed)) from None

    def make_full_path(self, file_name: str) -> str:
        """Convert a file name into an absolute path, ensure it is not outside self.root. Raises UnSyncableFilename."""
        problem = local_path_problem(file_name, "windows" if os.name == "nt" else "posix")
        if problem is not None:
            raise UnSyncableFilename(problem, file_name)
        return os.path.join(self.root, *file_name.split("/"))

    def ensure_present(self) -> None:
        """Make sure that the directory exists. Raises CommandError."""
        trouble = LocalFolderOnDisk(self.root).ensure()
        if trouble is not None:
            raise CommandError(f"{self.root}: {trouble.detail}")

    def ensure_non_empty(self) -> None:
        """Make sure that the directory exists and has something in it. Raises CommandError."""
        self.ensure_present()
        if not os.listdir(self.root):
            raise CommandError(f"Directory {self.root} is empty.  Use --allowEmptySource to sync anyway.")


def report_skipped(reporter: Any, folder: Any, item: SkippedPath) -> None:
    """Tell the reporter, or the log if there is none, why a path cannot take part."""
    path = os.path.join(folder.root, item.path)
    told = f"{printable(path)}: {item.why}: {item.detail}"
    if reporter is None:
        if item.why not in AS_WANTED:
            _log.warning("%s", told)
        return
    match item.why:
        case "excluded symlink":
            reporter.symlink_skipped(path)
        case "broken symlink":
            reporter.local_access_error(path)
        case "unreadable":
            reporter.local_permission_error(path)
        case _:
            reporter.error(told)


class B2Folder(AbstractFolder):
    """Folder interface to B2: the files of a bucket below `folder_name`, which may be empty."""

    @checked()
    def __init__(self, bucket_name: str, folder_name: str, api: B2Api) -> None:
        """Looks the bucket up. Raises NonExistentBucket, or RestrictedBucket for one that the key is not for."""
        self.bucket_name, self.folder_name = bucket_name, folder_name.rstrip("/")
        self.api = api
        self.bucket: Bucket = api.get_bucket_by_name(bucket_name)

    def __repr__(self) -> str:
        return f"B2Folder({self.bucket_name}, {self.folder_name})"

    @property
    def prefix(self) -> str:
        """What stands before every name: empty, or ending with '/'."""
        return self.folder_name + "/" if self.folder_name else ""

    def folder_type(self) -> str:
        return "b2"

    def make_full_path(self, file_name: str) -> str:
        return self.prefix + file_name

    def all_files(self, reporter: Any, policies_manager: ScanPoliciesManager = DEFAULT_SCAN_MANAGER) -> Iterator[File]:
        """Yield all files, with all versions that the policies manager lets in."""
        scanner = scanner_of(policies_manager, lambda _, path: self.prefix + path)
        for path in self._paths():
            if scanner.excludes_file(path.path):
                continue
            file = file_of(path, self.prefix + path.path)
            versions = [
                told
                for told, each in zip(file.versions, path.versions, strict=True)
                if not scanner.rule_of(path.path, each, "source")
            ]
            if versions:
                yield File(file.name, versions)

    def get_file_versions(self) -> Iterator[tuple[FileVersionInfo, str]]:
        """Yield all versions with their full names."""
        if not lists_itself(self.bucket) and in_account(self):
            yield from ((file_version(reply), reply.file_name) for reply in self._listing())
            return
        listed = self.bucket.ls(self.folder_name, show_versions=True, recursive=True, fetch_count=_FETCH_COUNT)
        yield from ((version, version.file_name) for version, _ in listed)

    @property
    def _lists_itself(self) -> bool:
        """Whether somebody's own `get_file_versions`, the bucket's own `ls`, or a mock says what is there."""
        return _IN_B2.replaced(self, "get_file_versions") or lists_itself(self.bucket) or not in_account(self)

    def _paths(self) -> Iterator[B2Path]:
        """All files, with all versions, for the core."""
        if not self._lists_itself:
            return group_versions(self._listing(), self.prefix)
        return paths_of((map(self._told, self.get_file_versions()),), self.prefix)

    def _told(self, found: tuple[FileVersionInfo, str]) -> ListedVersion:
        version = found[0]
        if not version.file_name.startswith(self.prefix):
            raise CommandError(f"{version.file_name!r} was listed, which is not in {self}")
        return version_told(version)

    def _listing(self) -> Iterator[FileReply]:
        session = self.api.session
        side = B2Side(BucketId(self.bucket.id_), self.prefix)
        page: FileVersionPage | None = session.run(first_page(side, session.retry))
        while page is not None:
            yield from page.files
            page = session.run(next_page(side, page, session.retry))


_LOCAL: Final = Originals(LocalFolder, ("all_files", "make_full_path"))
_IN_B2: Final = Originals(B2Folder, ("all_files", "get_file_versions"))


def core_root(folder: AbstractFolder) -> str:
    """Where a local folder is, also one that only knows its files' full paths: then perhaps only the whole disk."""
    root = getattr(folder, "root", None)
    if isinstance(root, str):
        return root
    try:
        return os.path.dirname(folder.make_full_path("x"))
    except Exception:  # it knows none but its own files
        return os.path.abspath(os.sep)


def bucket_of(folder: AbstractFolder) -> Bucket:
    """The bucket that a folder in B2 is in."""
    bucket: Bucket = folder.bucket  # type: ignore[attr-defined]  # every folder in B2 has one
    return bucket


def in_account(folder: AbstractFolder) -> bool:
    """Whether programs run over a folder in B2: its bucket is one of a B2Api, and no mock."""
    api = getattr(getattr(folder, "bucket", None), "api", None)
    return really_is(getattr(api, "session", None), Session)


def core_prefix(folder: AbstractFolder) -> str:
    """What stands before the names of a folder in B2."""
    return folder.make_full_path("x").removesuffix("x")


def tells_files_itself(folder: AbstractFolder) -> bool:
    """Whether its files are what its own `all_files` says."""
    return _LOCAL.replaced(folder, "all_files") and _IN_B2.replaced(folder, "all_files")


def full_name(folders: Mapping[Role, AbstractFolder], side: ScanSide | None, path: str) -> str:
    """What policies are told that a file is called: its name in B2, or (for None) its full path in the local folder."""
    if side is not None:
        return folders[side].make_full_path(path)
    folder = next(each for each in folders.values() if each.folder_type() == "local")
    if isinstance(folder, LocalFolder) and not tells_files_itself(folder):
        return os.path.join(folder.root, path)
    return folder.make_full_path(path)


def maps_paths(folder: AbstractFolder) -> bool:
    """Whether somebody says where the files of a local folder lie, or which there are."""
    return _LOCAL.any_replaced(folder)


def is_told(folder: AbstractFolder) -> bool:
    """Whether what is there is what somebody says who is not B2 or the disk."""
    return tells_files_itself(folder) or (isinstance(folder, B2Folder) and folder._lists_itself)


def told_paths(folder: AbstractFolder, reporter: Any, policies_manager: ScanPoliciesManager) -> Iterator[B2Path] | None:
    """What is in a folder in B2 as somebody says it; None where that is B2."""
    if tells_files_itself(folder):
        return map(b2_path, folder.all_files(reporter, policies_manager))
    return folder._paths() if isinstance(folder, B2Folder) and folder._lists_itself else None
