"""`python -m benchmarks.noop_clients CLIENT noop|scan|list-late URL KEY_ID KEY FOLDER FILES [PROGRAM OPTION ...]`: one
client, once.

`noop` brings a folder to the bucket bench-list, which has all of it already; `scan` only looks at the folder;
`list-late` only lists the bucket. Prints wall and CPU seconds and the peak memory as JSON. Each client runs in an
environment of its own, so that nothing but the standard library and the client itself is imported. What is measured is
what `large_clients.py` measures. A scan or a listing that does not find the files ends with an error. Of b2, which has
no command that only scans, a dry run into an empty folder stands in for it: it plans, too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.large_clients import WORKERS, Usage, measured, run_b2, run_b2sdk_sync, run_rclone
from benchmarks.peak import peak_kib

_BUCKET: Final = "bench-list"
_EMPTY: Final = "bench-up"


@dataclass(frozen=True)
class Task:
    """What to do with the folder. `files` is how many it has."""

    url: str
    key_id: str
    key: str
    folder: str
    files: int
    options: Sequence[str]


def _b2pure_sync(task: Task) -> Usage:
    from b2pure import connect

    client = connect(task.key_id, task.key, realm=task.url, workers=WORKERS).unwrap()
    client.authorize().unwrap()

    def job() -> None:
        report = client.sync(task.folder, f"b2://{_BUCKET}")
        if not report.ok or report.compared != task.files:
            raise RuntimeError(f"the sync failed: {report}")

    return _with_scouts(job)


def _b2pure_list(task: Task) -> Usage:
    from b2pure import connect

    client = connect(task.key_id, task.key, realm=task.url, workers=WORKERS).unwrap()
    client.authorize().unwrap()
    return measured(lambda: _check(task, sum(1 for _ in client.ls(f"b2://{_BUCKET}", recursive=True))))


def _b2pure_scan(task: Task) -> Usage:
    from b2pure.model.policy import ScanPolicies
    from b2pure.plan.scan import compile_scan
    from b2pure.shell.folders import open_folder

    def job() -> None:
        _check(task, sum(1 for _ in open_folder(task.folder).scan(compile_scan(ScanPolicies()), "source")))

    return _with_scouts(job)


def _with_scouts(job: Callable[[], None]) -> Usage:
    """What it takes, with the memory of the process that looks ahead for a scan."""
    from b2pure.shell.scouting import Scout

    peaks, close = [0], Scout.close

    def close_and_tell(scout: Scout[Any]) -> None:
        if scout.alive:
            peaks.append(peak_kib(scout.pid))
        close(scout)

    Scout.close = close_and_tell  # type: ignore[method-assign, assignment]
    usage = measured(job)
    return {**usage, "peak_kib": usage["peak_kib"] + max(peaks)}


def _b2sdk_sync(task: Task) -> Usage:
    return run_b2sdk_sync(task.url, task.key_id, task.key, task.folder, _BUCKET)


def _b2sdk_scan(task: Task) -> Usage:
    from b2sdk.v2 import LocalFolder

    folder: Any = LocalFolder(task.folder)
    return measured(lambda: _check(task, sum(1 for _ in folder.all_files(None))))


def _b2sdk_list(task: Task) -> Usage:
    from b2sdk.v2 import B2Api, InMemoryAccountInfo

    api: Any = B2Api(InMemoryAccountInfo())
    api.authorize_account(realm=task.url, application_key_id=task.key_id, application_key=task.key)
    bucket = api.get_bucket_by_name(_BUCKET)
    return measured(lambda: _check(task, sum(1 for _ in bucket.ls(recursive=True))))


def _check(task: Task, found: int) -> None:
    if found != task.files:
        raise RuntimeError(f"it found {found} of {task.files} files")


def _b2_sync(task: Task) -> Usage:
    return _b2(task, "sync", "--threads", str(WORKERS), "--no-progress", task.folder, f"b2://{_BUCKET}", lines=0)


def _b2_scan(task: Task) -> Usage:
    return _b2(task, "sync", "--dry-run", "--no-progress", task.folder, f"b2://{_EMPTY}", lines=task.files)


def _b2_list(task: Task) -> Usage:
    return _b2(task, "ls", "--recursive", f"b2://{_BUCKET}", lines=task.files)


def _b2(task: Task, *words: str, lines: int) -> Usage:
    (program,) = task.options
    return run_b2(program, words, task.url, task.key_id, task.key, lines=lines)


def _rclone_sync(task: Task) -> Usage:
    return _rclone(task, "sync", task.folder, f"b2:{_BUCKET}")


def _rclone_scan(task: Task) -> Usage:
    return _rclone(task, "size", task.folder)


def _rclone_list(task: Task) -> Usage:
    return _rclone(task, "lsf", "--recursive", "--files-only", f"b2:{_BUCKET}", lines=task.files)


def _rclone(task: Task, command: str, *words: str, lines: int | None = None) -> Usage:
    program, *options = task.options
    return run_rclone(program, (command, *options, *words), task.url, task.key_id, task.key, lines=lines)


CLIENTS: Final[Mapping[tuple[str, str], Callable[[Task], Usage]]] = {
    ("b2pure", "noop"): _b2pure_sync,
    ("b2pure", "scan"): _b2pure_scan,
    ("b2pure", "list-late"): _b2pure_list,
    ("b2sdk", "noop"): _b2sdk_sync,
    ("b2sdk", "scan"): _b2sdk_scan,
    ("b2sdk", "list-late"): _b2sdk_list,
    ("b2", "noop"): _b2_sync,
    ("b2", "scan"): _b2_scan,
    ("b2", "list-late"): _b2_list,
    ("rclone", "noop"): _rclone_sync,
    ("rclone", "scan"): _rclone_scan,
    ("rclone", "list-late"): _rclone_list,
}


if __name__ == "__main__":
    chosen, job, url, key_id, key, folder, files, *options = sys.argv[1:]
    print(json.dumps(CLIENTS[chosen, job](Task(url, key_id, key, folder, int(files), options))))
