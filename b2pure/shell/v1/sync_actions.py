"""What a sync would do, as objects that can be looked at and run one by one.

Rules. They are made from the actions of a plan. `Synchronizer.sync_folders` does not run these but the plan itself,
which also looks whether the world is still as it was; of these it runs the ones that somebody's own methods do.
"""

from __future__ import annotations

import os
from abc import ABCMeta, abstractmethod
from typing import Any, assert_never

from b2pure.model.files import LocalFact, millis_from_ns
from b2pure.model.new_file import SRC_LAST_MODIFIED
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    HideAction,
    SyncAction,
    UploadAction,
)
from b2pure.plan.actions import (
    LocalDeleteAction as CoreLocalDelete,
)
from b2pure.shell.v1.bucket import Bucket
from b2pure.shell.v1.download_dest import DownloadDestLocalFile
from b2pure.shell.v1.exceptions import LocalFileError
from b2pure.shell.v1.folder import AbstractFolder
from b2pure.shell.v1.own_methods import really_is
from b2pure.shell.v1.sources import UploadSourceLocalFile
from b2pure.shell.v1.sync_report import SyncFileReporter

__all__ = [
    "AbstractAction",
    "B2CopyAction",
    "B2DeleteAction",
    "B2DownloadAction",
    "B2HideAction",
    "B2UploadAction",
    "LocalDeleteAction",
    "action_line",
    "action_of",
]


def action_line(action: SyncAction) -> str:
    """What a report says once an action is done."""
    match action:
        case UploadAction():
            return f"upload {action.path}"
        case DownloadAction():
            return f"dnload {action.path}"
        case CopyAction():
            return f"copy   {action.path}"
        case HideAction():
            return f"hide   {action.path}"
        case DeleteAction():
            return f"delete {action.path} {action.note}"
        case CoreLocalDelete():
            return f"delete {action.path}"
        case _:
            assert_never(action)


class AbstractAction(metaclass=ABCMeta):
    """An action to take, such as uploading, downloading, or deleting a file."""

    line: str
    """What a report says once it is done."""

    def run(self, bucket: Bucket, reporter: Any, dry_run: bool = False) -> None:
        """Do it, unless it is a dry run, and report it. Raises what fails, after the reporter (or None) was told."""
        try:
            if not dry_run:
                self.do_action(bucket, reporter)
            self.do_report(bucket, reporter)
        except Exception as error:
            if reporter is not None:
                reporter.error(f"{self}: {type(error).__name__} {error}")
            raise

    @abstractmethod
    def get_bytes(self) -> int:
        """Return the number of bytes to transfer for this action."""

    @abstractmethod
    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the action, returning only after the action is completed."""

    def do_report(self, bucket: Bucket, reporter: Any) -> None:
        """Report the action performed."""
        if reporter is not None:
            reporter.print_completion(self.line)


def _listener(reporter: Any) -> SyncFileReporter | None:
    return None if reporter is None else SyncFileReporter(reporter)


def _count(reporter: Any) -> None:
    """One more file of those that are to be done: a listener counts the others when it is closed."""
    if reporter is not None:
        reporter.update_transfer(1, 0)


class B2UploadAction(AbstractAction):
    """File uploading action."""

    def __init__(
        self, local_full_path: str, relative_name: str, b2_file_name: str, mod_time_millis: int, size: int
    ) -> None:
        self.local_full_path, self.relative_name, self.b2_file_name = local_full_path, relative_name, b2_file_name
        self.mod_time_millis, self.size = mod_time_millis, size
        self.line = f"upload {relative_name}"

    def get_bytes(self) -> int:
        """Return file size."""
        return self.size

    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the uploading action."""
        bucket.upload(
            UploadSourceLocalFile(self.local_full_path),
            self.b2_file_name,
            file_info={SRC_LAST_MODIFIED: str(self.mod_time_millis)},
            progress_listener=_listener(reporter),
        )

    def __str__(self) -> str:
        return f"b2_upload({self.local_full_path}, {self.b2_file_name}, {self.mod_time_millis})"


class B2HideAction(AbstractAction):
    """Hides a file."""

    def __init__(self, relative_name: str, b2_file_name: str) -> None:
        self.relative_name, self.b2_file_name = relative_name, b2_file_name
        self.line = f"hide   {relative_name}"

    def get_bytes(self) -> int:
        """Return file size: always zero."""
        return 0

    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the hiding action."""
        bucket.hide_file(self.b2_file_name)
        _count(reporter)

    def __str__(self) -> str:
        return f"b2_hide({self.b2_file_name})"


class B2DownloadAction(AbstractAction):
    """File downloading action."""

    def __init__(
        self,
        relative_name: str,
        b2_file_name: str,
        file_id: str,
        local_full_path: str,
        mod_time_millis: int,
        file_size: int,
    ) -> None:
        self.relative_name, self.b2_file_name, self.file_id = relative_name, b2_file_name, file_id
        self.local_full_path, self.mod_time_millis, self.file_size = local_full_path, mod_time_millis, file_size
        self.line = f"dnload {relative_name}"

    def get_bytes(self) -> int:
        """Return file size."""
        return self.file_size

    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the downloading action, and make the folders that it takes. Raises LocalFileError where there is no
        file after it, as after a mock's.
        """
        os.makedirs(os.path.dirname(self.local_full_path), exist_ok=True)
        dest = DownloadDestLocalFile(self.local_full_path)
        bucket.download_file_by_id(self.file_id, dest, _listener(reporter))
        if not os.path.lexists(self.local_full_path):
            raise LocalFileError(f"{self.local_full_path} is not there, though it was downloaded")

    def __str__(self) -> str:
        return f"b2_download({self.b2_file_name}, {self.file_id}, {self.local_full_path}, {self.mod_time_millis})"


class B2CopyAction(AbstractAction):
    """Copies a file on the server."""

    def __init__(self, relative_name: str, b2_file_name: str, file_id: str, size: int) -> None:
        self.relative_name, self.b2_file_name, self.file_id, self.size = relative_name, b2_file_name, file_id, size
        self.line = f"copy   {relative_name}"

    def get_bytes(self) -> int:
        """Return file size."""
        return self.size

    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the copying action."""
        bucket.copy(self.file_id, self.b2_file_name, length=self.size or None, progress_listener=_listener(reporter))

    def __str__(self) -> str:
        return f"b2_copy({self.file_id}, {self.b2_file_name})"


class B2DeleteAction(AbstractAction):
    """Deletes one version of a file in B2."""

    def __init__(self, relative_name: str, b2_file_name: str, file_id: str, note: str) -> None:
        self.relative_name, self.b2_file_name, self.file_id, self.note = relative_name, b2_file_name, file_id, note
        self.line = f"delete {relative_name} {note}"

    def get_bytes(self) -> int:
        """Return file size: always zero."""
        return 0

    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the deleting action: of a bucket that is none of ours, as a mock, by its account, as b2sdk does."""
        deletes = bucket if really_is(bucket, Bucket) else bucket.api
        deletes.delete_file_version(self.file_id, self.b2_file_name)
        _count(reporter)

    def __str__(self) -> str:
        return f"b2_delete({self.b2_file_name}, {self.file_id}, {self.note})"


class LocalDeleteAction(AbstractAction):
    """Deletes a local file. With `expect` it is left alone if it is another one by now."""

    def __init__(self, relative_name: str, full_path: str, expect: LocalFact | None = None) -> None:
        self.relative_name, self.full_path, self._expect = relative_name, full_path, expect
        self.line = f"delete {relative_name}"

    def get_bytes(self) -> int:
        """Return file size: always zero."""
        return 0

    def do_action(self, bucket: Bucket, reporter: Any) -> None:
        """Perform the deleting of a local file action."""
        status = os.stat(self.full_path)
        found = LocalFact(status.st_size, millis_from_ns(status.st_mtime_ns))
        if self._expect not in (None, found):
            raise LocalFileError(f"{self.full_path} changed since it was compared")
        os.unlink(self.full_path)
        _count(reporter)

    def __str__(self) -> str:
        return f"local_delete({self.full_path})"


def action_of(action: SyncAction, source: AbstractFolder, dest: AbstractFolder) -> AbstractAction:
    """An action of a plan between these folders."""
    path = action.path
    match action:
        case UploadAction(source=fact):
            local, there = source.make_full_path(path), dest.make_full_path(path)
            return B2UploadAction(local, path, there, fact.mod_time_millis, fact.size)
        case DownloadAction(source=version):
            there, local = source.make_full_path(path), dest.make_full_path(path)
            return B2DownloadAction(path, there, version.file_id, local, version.mod_time_millis, version.size)
        case CopyAction(source=version):
            return B2CopyAction(path, dest.make_full_path(path), version.file_id, version.size)
        case HideAction():
            return B2HideAction(path, dest.make_full_path(path))
        case DeleteAction():
            return B2DeleteAction(path, dest.make_full_path(path), action.file_id, action.note)
        case CoreLocalDelete():
            return LocalDeleteAction(path, dest.make_full_path(path), action.expect)
        case _:
            assert_never(action)
