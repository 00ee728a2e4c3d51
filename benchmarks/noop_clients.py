"""`python -m benchmarks.noop_clients CLIENT sync|scan URL KEY_ID KEY FOLDER [PROGRAM OPTION ...]`: one client, once.

`sync` brings a folder to the bucket bench-list, which has all of it already; `scan` only looks at the folder. Prints
wall and CPU seconds and the peak memory as JSON. Each client runs in an environment of its own, so that nothing but
the standard library and the client itself is imported. What is measured begins when the program is loaded and the
account authorized; of rclone, what `rclone version` takes is left out. A scan that does not find the files ends with an
error.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.large_clients import WORKERS, Usage, measured, rclone_variables, run_program

_BUCKET: Final = "bench-list"


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

    return measured(job)


def _b2pure_scan(task: Task) -> Usage:
    from b2pure.model.policy import ScanPolicies
    from b2pure.plan.scan import compile_scan
    from b2pure.shell.folders import open_folder

    def job() -> None:
        _check(task, sum(1 for _ in open_folder(task.folder).scan(compile_scan(ScanPolicies()), "source")))

    return measured(job)


def _b2sdk_sync(task: Task) -> Usage:
    from b2sdk.v2 import B2Api, InMemoryAccountInfo, Synchronizer, SyncReport, parse_folder

    limits = {f"max_{kind}_workers": WORKERS for kind in ("upload", "copy", "download")}
    api: Any = B2Api(InMemoryAccountInfo(), **limits)
    api.authorize_account(realm=task.url, application_key_id=task.key_id, application_key=task.key)
    folders = parse_folder(task.folder, api), parse_folder(f"b2://{_BUCKET}", api)

    def job() -> None:
        with SyncReport(io.StringIO(), no_progress=True) as reporter:
            Synchronizer(WORKERS).sync_folders(*folders, now_millis=int(time.time() * 1000), reporter=reporter)

    return measured(job)


def _b2sdk_scan(task: Task) -> Usage:
    from b2sdk.v2 import LocalFolder

    folder: Any = LocalFolder(task.folder)
    return measured(lambda: _check(task, sum(1 for _ in folder.all_files(None))))


def _check(task: Task, found: int) -> None:
    if found != task.files:
        raise RuntimeError(f"the scan found {found} of {task.files} files")


def _rclone_sync(task: Task) -> Usage:
    return _rclone(task, "sync", task.folder, f"b2:{_BUCKET}")


def _rclone_scan(task: Task) -> Usage:
    return _rclone(task, "size", task.folder)


def _rclone(task: Task, command: str, *ends: str) -> Usage:
    program, *options = task.options
    with tempfile.NamedTemporaryFile(suffix=".conf") as config:
        environment = {**os.environ, **rclone_variables(task.url, task.key_id, task.key, config.name)}
        nothing = run_program([program, "version"], environment)
        usage = run_program([program, command, *options, *ends], environment)
    return {**usage, "wall": usage["wall"] - nothing["wall"], "cpu": usage["cpu"] - nothing["cpu"]}


CLIENTS: Final[Mapping[tuple[str, str], Callable[[Task], Usage]]] = {
    ("b2pure", "sync"): _b2pure_sync,
    ("b2pure", "scan"): _b2pure_scan,
    ("b2sdk", "sync"): _b2sdk_sync,
    ("b2sdk", "scan"): _b2sdk_scan,
    ("rclone", "sync"): _rclone_sync,
    ("rclone", "scan"): _rclone_scan,
}


if __name__ == "__main__":
    chosen, job, url, key_id, key, folder, files, *options = sys.argv[1:]
    print(json.dumps(CLIENTS[chosen, job](Task(url, key_id, key, folder, int(files), options))))
