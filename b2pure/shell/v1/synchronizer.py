"""Sync as the numbered interface has it: the plan of the core, carried out by its programs, told to a report.

Rules. What is decided is the core's: `SyncPolicy`, `Rules`, `retain`. Here options become a policy, folders become
sides, and outcomes become lines and exceptions. A file that fails does not stop the others: IncompleteSync comes at the
end. Without a reporter only the log is told, so what a reporter would have warned of is IncompleteSync, too. A subclass
that makes the actions of a folder or of a file itself gets its own actions run, and not the programs of the core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import chain, islice
from typing import Final

from msgspec.structs import replace

from b2pure.model.files import B2Path, LocalPath
from b2pure.model.policy import NoDelete, SyncPolicy
from b2pure.plan.actions import FileSync, actions_of
from b2pure.plan.concurrency import MAX_WORKERS
from b2pure.plan.failures import EmptySource, PlanFailed
from b2pure.plan.reasons import DestNewer, UnusableName
from b2pure.plan.rules import Direction, make_rules
from b2pure.shell.folders import Role
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.enums import CompareVersionMode, KeepOrDeleteMode, NewerFileSyncMode
from b2pure.shell.v1.exceptions import (
    DestFileNewer,
    EnvironmentEncodingError,
    IncompleteSync,
    InvalidArgument,
    UnSyncableFilename,
)
from b2pure.shell.v1.folder import (
    AbstractFolder,
    bucket_of,
    core_prefix,
    full_name,
    in_account,
    tells_files_itself,
)
from b2pure.shell.v1.own_actions import compared, counted, pairs_by_name, run_actions, scanned
from b2pure.shell.v1.own_methods import Originals
from b2pure.shell.v1.scan_policies import DEFAULT_SCAN_MANAGER, ScanPoliciesManager, scanner_of
from b2pure.shell.v1.sync_actions import AbstractAction, action_of
from b2pure.shell.v1.sync_client import SyncClient
from b2pure.shell.v1.sync_ends import exception_of_plan, has_files
from b2pure.shell.v1.sync_file import File, FileVersion, b2_path, local_path
from b2pure.shell.v1.sync_options import policy_of
from b2pure.shell.v1.sync_report import SyncReport
from b2pure.shell.v1.sync_sides import PREFIXES, check_ends, is_absent, sessions_of

__all__ = ["Synchronizer"]


class Synchronizer:
    """Copies entire folders into the cloud and back to a local drive.

    `max_workers` files are on their way at once. `policies_manager` says which files take part. With `dry_run` nothing
    is transferred or deleted, only told. A source without files is an error, unless `allow_empty_source`, or unless it
    is in B2 and nothing would be removed for it.

    `compare_version_mode` says what makes a file different, and `compare_threshold` by how much it must differ: bytes,
    or, for modification times, seconds, as the documentation of b2sdk says (its code took them for milliseconds); a
    `timedelta` says it in any unit. `newer_file_mode` says what happens where the destination is newer: by default
    DestFileNewer is raised.

    `keep_days_or_delete`: with DELETE the destination keeps nothing that the source has not; with KEEP_BEFORE_DELETE
    what the source has not is hidden, and versions go that were not visible in the last `keep_days` days.
    """

    @checked()
    def __init__(
        self,
        max_workers: int,
        policies_manager: ScanPoliciesManager = DEFAULT_SCAN_MANAGER,
        dry_run: bool = False,
        allow_empty_source: bool = False,
        newer_file_mode: NewerFileSyncMode = NewerFileSyncMode.RAISE_ERROR,
        keep_days_or_delete: KeepOrDeleteMode = KeepOrDeleteMode.NO_DELETE,
        compare_version_mode: CompareVersionMode = CompareVersionMode.MODTIME,
        compare_threshold: float | timedelta | None = None,
        keep_days: float | None = None,
    ) -> None:
        if max_workers < 1:
            raise InvalidArgument("max_workers", "must be 1 or more")
        max_workers = min(max_workers, MAX_WORKERS)
        self.max_workers, self.policies_manager, self.dry_run = max_workers, policies_manager, dry_run
        self.allow_empty_source, self.newer_file_mode = allow_empty_source, newer_file_mode
        self.keep_days_or_delete, self.keep_days = keep_days_or_delete, keep_days
        self.compare_version_mode = compare_version_mode
        self.compare_threshold = compare_threshold if compare_threshold is not None else 0
        self._policy = self._checked()

    def _checked(self) -> SyncPolicy:
        """The options as a policy. Raises InvalidArgument."""
        return policy_of(
            self.newer_file_mode,
            self.compare_version_mode,
            self.compare_threshold,
            self.keep_days_or_delete,
            self.keep_days,
            allow_empty_source=self.allow_empty_source,
        )

    # -- whole folders

    @checked()
    def sync_folders(
        self,
        source_folder: AbstractFolder,
        dest_folder: AbstractFolder,
        now_millis: int,
        reporter: SyncReport | None,
    ) -> None:
        """Syncs two folders. Always ensures that every file in the source is also in the destination. Deletes any file
        versions in the destination that the options let go. `now_millis` is what `keep_days` counts back from.

        Raises IncompleteSync when a file failed, EnvironmentEncodingError when the name of a local file is no text, and
        DestFileNewer, CommandError or InvalidArgument. What cannot be read (links that lead nowhere too) is a warning
        of the reporter; without one, it is IncompleteSync, and with one, too, where a file of the source should go to
        such a place. All other files were synced then.

        Where `make_folder_sync_actions` or `make_file_sync_actions` is overridden, the actions that it makes are run;
        so are those of folders in B2 that are of no B2Api, as in tests.
        """
        own = self._is_own("make_folder_sync_actions")
        if not own:
            check_ends(source_folder, dest_folder, self._policy)
        if own or self._by_files(source_folder, dest_folder):
            self._sync_by_actions(source_folder, dest_folder, now_millis, reporter)
            return
        client = self._client(source_folder, dest_folder, reporter, self.policies_manager)
        policy = self._policy_from(source_folder)
        try:
            if self.dry_run:
                for sync in client.planned(policy, now_millis):
                    self._refuse(sync, source_folder, dest_folder)
                    client.note_undone(sync)
                    client.tell(sync, actions_of(sync))
            else:
                client.synced(policy, now_millis)
        except PlanFailed as failed:
            self._end(failed, source_folder, dest_folder, self.policies_manager)
            self._ensure(dest_folder)
        for conflict in client.conflicts:
            self._refuse(conflict, source_folder, dest_folder)
        _complain(client, reporter)

    def _policy_from(self, source: AbstractFolder) -> SyncPolicy:
        """The policy. A folder in B2 may have no files, as in b2sdk, where nothing can be removed for that."""
        if source.folder_type() == "b2" and isinstance(self._policy.keep, NoDelete):
            return replace(self._policy, allow_empty_source=True)
        return self._policy

    def _end(
        self, failed: PlanFailed, source: AbstractFolder, dest: AbstractFolder, policies_manager: ScanPoliciesManager
    ) -> None:
        """Raises why there can be no plan, unless it would be one to do nothing."""
        if isinstance(failed.failure, EmptySource) and source.folder_type() == "b2":
            removes = not self._policy_from(source).allow_empty_source
            if not (removes and has_files(dest, policies_manager)):
                return
        raise exception_of_plan(failed, source) from None

    def _is_own(self, method: str) -> bool:
        """Whether a subclass, or somebody who set it on this object, has a method of that name."""
        return _ORIGINALS.replaced(self, method)

    def _by_files(self, source: AbstractFolder, dest: AbstractFolder) -> bool:
        """Whether actions are made file by file: somebody's own, or between folders that no programs run over."""
        theirs = any(each.folder_type() == "b2" and not in_account(each) for each in (source, dest))
        return theirs or self._is_own("make_file_sync_actions")

    def _sync_by_actions(
        self, source: AbstractFolder, dest: AbstractFolder, now_millis: int, reporter: SyncReport | None
    ) -> None:
        in_b2 = dest if dest.folder_type() == "b2" else source
        if not hasattr(in_b2, "bucket"):
            raise TypeError(f"{type(in_b2).__name__} has no bucket, whose methods do what is to be done")
        early = self._is_own("make_folder_sync_actions") or tells_files_itself(dest)  # who may read the folder
        if early:
            self._ensure(dest)
        told = source, dest, now_millis, reporter, self.policies_manager
        if self._is_own("make_folder_sync_actions"):
            actions = self.make_folder_sync_actions(*told)
        else:
            actions = self._actions_by_files(*told, syncs=True)
        actions = counted(actions, reporter)
        first = list(islice(actions, 1))
        if not early:
            self._ensure(dest)
        actions = chain(first, actions)
        if run_actions(actions, bucket_of(in_b2), reporter, dry_run=self.dry_run, workers=self.max_workers):
            raise IncompleteSync("sync is incomplete")

    def _ensure(self, dest: AbstractFolder) -> None:
        """Make the destination, if it is local, of a sync that goes well so far, even if nothing comes to it."""
        ensure = None if self.dry_run or dest.folder_type() == "b2" else getattr(dest, "ensure_present", None)
        if ensure is not None:
            ensure()

    def _actions_by_files(
        self,
        source: AbstractFolder,
        dest: AbstractFolder,
        now_millis: int,
        reporter: SyncReport | None,
        policies_manager: ScanPoliciesManager,
        *,
        syncs: bool,
    ) -> Iterator[AbstractAction]:
        """What `make_file_sync_actions` makes of each pair of files. Only who `syncs` tells how many are local."""
        sync_type = f"{source.folder_type()}-to-{dest.folder_type()}"
        here = source.all_files(reporter, policies_manager)
        absent = is_absent(dest) and not tells_files_itself(dest)
        there = iter(()) if absent else dest.all_files(reporter, policies_manager)
        if syncs and source.folder_type() == "local":
            here = scanned(here, reporter)
        elif syncs and dest.folder_type() == "local":
            there = scanned(there, reporter)
        files = iter(here)
        first = next(files, None)
        if first is None and not self.allow_empty_source and (syncs or self._is_own("make_file_sync_actions")):
            self._end(PlanFailed(EmptySource()), source, dest, policies_manager)
        pairs = pairs_by_name(files if first is None else chain([first], files), there)
        for ours, theirs in compared(pairs, reporter):
            yield from self.make_file_sync_actions(sync_type, ours, theirs, source, dest, now_millis)

    @checked()
    def make_folder_sync_actions(
        self,
        source_folder: AbstractFolder,
        dest_folder: AbstractFolder,
        now_millis: int,
        reporter: SyncReport | None,
        policies_manager: ScanPoliciesManager = DEFAULT_SCAN_MANAGER,
    ) -> Iterator[AbstractAction]:
        """Yield a sequence of actions that will sync the destination folder to the source folder.

        After the last one it raises UnSyncableFilename for the first name that the destination cannot have, and
        EnvironmentEncodingError or IncompleteSync where `sync_folders` does for paths that could not be read.
        """
        check_ends(source_folder, dest_folder, self._policy)
        if self._by_files(source_folder, dest_folder):
            told = source_folder, dest_folder, now_millis, reporter, policies_manager
            yield from self._actions_by_files(*told, syncs=False)
            return
        client = self._client(source_folder, dest_folder, reporter, policies_manager)
        unusable: UnSyncableFilename | None = None
        try:
            for sync in client.planned(self._policy_from(source_folder), now_millis):
                client.note_undone(sync)
                if isinstance(sync.reason, UnusableName):
                    unusable = unusable or UnSyncableFilename(sync.reason.why, sync.path)
                else:
                    yield from self._actions(sync, source_folder, dest_folder)
        except PlanFailed as failed:
            self._end(failed, source_folder, dest_folder, policies_manager)
        if unusable is not None:
            raise unusable
        _complain(client, reporter)

    def _client(
        self,
        source: AbstractFolder,
        dest: AbstractFolder,
        reporter: SyncReport | None,
        policies_manager: ScanPoliciesManager,
    ) -> SyncClient:
        folders: dict[Role, AbstractFolder] = {"source": source, "destination": dest}
        session = sessions_of(source, dest)[0]
        scanner = scanner_of(policies_manager, partial(full_name, folders))
        return SyncClient(session, folders, reporter, scanner, policies_manager, self.max_workers)

    # -- single files

    @checked()
    def make_file_sync_actions(
        self,
        sync_type: str,
        source_file: File | None,
        dest_file: File | None,
        source_folder: AbstractFolder,
        dest_folder: AbstractFolder,
        now_millis: int,
    ) -> Iterator[AbstractAction]:
        """Yields the sequence of actions needed to sync the two files. `sync_type` is "local-to-b2", "b2-to-local" or
        "b2-to-b2".
        """
        direction = _DIRECTIONS.get(sync_type)
        if direction is None:
            raise InvalidArgument("sync_type", f"must be one of {', '.join(_DIRECTIONS)}, not {sync_type!r}")
        file = source_file or dest_file
        if file is None:
            return
        prefix = core_prefix(dest_folder) if direction != "down" else ""
        rules = make_rules(direction, self._policy, now_millis=now_millis, dest_prefix=prefix)
        ours = None if source_file is None else _item(source_file, direction == "up")
        theirs = None if dest_file is None else _item(dest_file, direction == "down")
        yield from self._actions(rules.file(file.name, ours, theirs), source_folder, dest_folder)

    def _actions(self, sync: FileSync, source: AbstractFolder, dest: AbstractFolder) -> Iterator[AbstractAction]:
        self._refuse(sync, source, dest)
        if isinstance(sync.reason, UnusableName):
            raise UnSyncableFilename(sync.reason.why, sync.path)
        for action in actions_of(sync):
            yield action_of(action, source, dest)

    def _refuse(self, sync: FileSync, source: AbstractFolder, dest: AbstractFolder) -> None:
        """Raises DestFileNewer for a conflict that the options call an error."""
        reason = sync.reason
        if isinstance(reason, DestNewer) and self.newer_file_mode is NewerFileSyncMode.RAISE_ERROR:
            raise DestFileNewer(
                _seen(sync.path, dest, reason.dest_mod_time_millis),
                _seen(sync.path, source, reason.source_mod_time_millis),
                PREFIXES[dest.folder_type()],
                PREFIXES[source.folder_type()],
            )


_ORIGINALS: Final = Originals(Synchronizer, ("make_folder_sync_actions", "make_file_sync_actions"))


def _complain(client: SyncClient, reporter: SyncReport | None) -> None:
    """Raise what is left to say when everything else is done."""
    if client.undecodable is not None:
        raise EnvironmentEncodingError(client.undecodable.path, sys.getfilesystemencoding())
    if client.failures:
        raise IncompleteSync("sync is incomplete")
    if client.left_out and reporter is None:  # whom else nobody would have told
        raise IncompleteSync(f"{client.left_out} local paths could not be read; a reporter is told which, and why")


_DIRECTIONS: Final[dict[str, Direction]] = {"local-to-b2": "up", "b2-to-local": "down", "b2-to-b2": "copy"}


def _item(file: File, local: bool) -> LocalPath | B2Path:
    return local_path(file) if local else b2_path(file)


def _seen(path: str, folder: AbstractFolder, mod_time_millis: int) -> File:
    return File(path, [FileVersion(folder.make_full_path(path), path, mod_time_millis, "upload", 0)])
