"""`python -m benchmarks.small_clients CLIENT URL KEY_ID KEY FOLDER BUCKET HOW`: many small files by one client.

Prints wall and CPU seconds and the peak memory as JSON, and is measured as `large_clients.py` does it. HOW is
b2pure's number of workers (0: as many as help), with `xN` for N processes, or the program of b2 or rclone.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.large_clients import WORKERS, Usage, measured, run_b2, run_b2sdk_sync, run_rclone

__all__ = ["CLIENTS", "Task"]


@dataclass(frozen=True)
class Task:
    """What to do: what is in `folder` goes up to `bucket`."""

    url: str
    key_id: str
    key: str
    folder: str
    bucket: str
    how: str = "0"


def _b2pure(task: Task) -> Usage:
    from b2pure import connect

    workers, _, processes = task.how.partition("x")
    client = connect(task.key_id, task.key, realm=task.url, workers=int(workers) or None).unwrap()

    def job() -> None:
        report = client.sync(task.folder, f"b2://{task.bucket}", processes=int(processes or 1))
        if not report.ok:
            raise RuntimeError(f"the sync failed: {report}")

    usage, others = measured(job), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {**usage, "peak_kib": usage["peak_kib"] + others.ru_maxrss * (int(processes or 1) - 1)}


def _b2sdk(task: Task) -> Usage:
    return run_b2sdk_sync(task.url, task.key_id, task.key, task.folder, task.bucket)


def _rclone(task: Task) -> Usage:
    words = ("copy", "--transfers", str(WORKERS), task.folder, f"b2:{task.bucket}")
    return run_rclone(task.how, words, task.url, task.key_id, task.key)


def _b2(task: Task) -> Usage:
    words = ("sync", "--threads", str(WORKERS), "--no-progress", task.folder, f"b2://{task.bucket}")
    return run_b2(task.how, words, task.url, task.key_id, task.key)


CLIENTS: Final[Mapping[str, Callable[[Task], Usage]]] = {
    "b2pure": _b2pure,
    "b2sdk": _b2sdk,
    "b2": _b2,
    "rclone": _rclone,
}


if __name__ == "__main__":
    print(json.dumps(CLIENTS[sys.argv[1]](Task(*sys.argv[2:]))))
