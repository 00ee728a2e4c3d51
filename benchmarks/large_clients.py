"""`python -m benchmarks.large_clients CLIENT up|down URL KEY_ID KEY FILE [OPTION ...]`: one large file by one client.

Prints wall and CPU seconds and the peak memory as JSON. Knows the standard library alone, because each client runs in
an environment of its own; the client itself is imported where it is used, and so is what only commands are run with,
whose memory would be added to that of the others. What is measured begins when the program is
loaded and the account authorized; of programs that are commands, what `version` takes is left out (rclone authorizes
as it goes, b2 has authorized before). Their options are the program first, then what it is to be given; b2pure's is
`parts-only`.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.peak import peak_kib

__all__ = ["CLIENTS", "WORKERS", "Task", "Usage", "measured", "run_b2", "run_b2sdk_sync", "run_rclone"]

WORKERS: Final = 10
_STARTS: Final = 3
"""How often a program is only started, to know what that takes."""


@dataclass(frozen=True)
class Task:
    """What to do: `file` goes up to the bucket bench-up, or comes down from bench-down, under its own name."""

    direction: str
    url: str
    key_id: str
    key: str
    file: str
    options: Sequence[str]

    @property
    def up(self) -> bool:
        """Whether it goes up."""
        return self.direction == "up"

    @property
    def bucket(self) -> str:
        """Where to or from."""
        return f"bench-{self.direction}"


Usage = dict[str, float]


def measured(job: Callable[[], None]) -> Usage:
    """Do it; its wall and CPU seconds, with those of processes that it started and that have ended, and this process's
    peak memory so far.
    """
    cpu, wall = _cpu_seconds(), time.perf_counter()
    job()
    return {"wall": time.perf_counter() - wall, "cpu": _cpu_seconds() - cpu, "peak_kib": peak_kib()}


def _cpu_seconds() -> float:
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


def _b2pure(task: Task) -> Usage:
    from b2pure import connect

    client = connect(task.key_id, task.key, realm=task.url, workers=WORKERS).unwrap()
    folder, place = os.path.dirname(task.file), f"b2://{task.bucket}"

    def job() -> None:
        if "parts-only" in task.options:
            client.upload(task.file, f"{place}/", whole_sha1=False).unwrap()
            return
        report = client.sync(folder, place) if task.up else client.sync(place, folder)
        if not report.ok:
            raise RuntimeError(f"the sync failed: {report}")

    return measured(job)


def _b2sdk(task: Task) -> Usage:
    from b2sdk.v2 import B2Api, InMemoryAccountInfo

    limits = {f"max_{kind}_workers": WORKERS for kind in ("upload", "copy", "download")}
    api: Any = B2Api(InMemoryAccountInfo(), **limits)
    api.authorize_account(realm=task.url, application_key_id=task.key_id, application_key=task.key)
    bucket, name = api.get_bucket_by_name(task.bucket), os.path.basename(task.file)

    def job() -> None:
        if task.up:
            millis = str(int(os.stat(task.file).st_mtime * 1000))
            bucket.upload_local_file(task.file, name, file_info={"src_last_modified_millis": millis})
        else:
            bucket.download_file_by_name(name).save_to(task.file)

    return measured(job)


def _rclone(task: Task) -> Usage:
    program, *options = task.options
    remote = f"b2:{task.bucket}/{os.path.basename(task.file)}"
    ends = (task.file, remote) if task.up else (remote, task.file)
    return run_rclone(program, ("copyto", *options, *ends), task.url, task.key_id, task.key)


def _b2(task: Task) -> Usage:
    (program,) = task.options
    how, name = ("--threads", str(WORKERS), "--no-progress"), os.path.basename(task.file)
    ends = (task.bucket, task.file, name) if task.up else (f"b2://{task.bucket}/{name}", task.file)
    words = ("file", "upload" if task.up else "download", *how, *ends)
    return run_b2(program, words, task.url, task.key_id, task.key)


def run_b2sdk_sync(url: str, key_id: str, key: str, folder: str, bucket: str) -> Usage:
    """A folder synced into a bucket by b2sdk."""
    from b2sdk.v2 import B2Api, InMemoryAccountInfo, Synchronizer, SyncReport, parse_folder

    limits = {f"max_{kind}_workers": WORKERS for kind in ("upload", "copy", "download")}
    api: Any = B2Api(InMemoryAccountInfo(), **limits)
    api.authorize_account(realm=url, application_key_id=key_id, application_key=key)
    folders = parse_folder(folder, api), parse_folder(f"b2://{bucket}", api)

    def job() -> None:
        with SyncReport(io.StringIO(), no_progress=True) as reporter:
            Synchronizer(WORKERS).sync_folders(*folders, now_millis=int(time.time() * 1000), reporter=reporter)

    return measured(job)


def run_b2(program: str, words: Sequence[str], url: str, key_id: str, key: str, *, lines: int | None = None) -> Usage:
    """One command of the b2 command line, without what it takes to start; the account was authorized before."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        more = {"B2_ENVIRONMENT": url, "B2_ACCOUNT_INFO": f"{folder}/account", "PYTHONWARNINGS": "ignore"}
        environment = {**os.environ, **more}
        _run([program, "account", "authorize", key_id, key], environment, quiet=True)
        return _without_start(program, words, environment, lines)


def run_rclone(
    program: str, words: Sequence[str], url: str, key_id: str, key: str, *, lines: int | None = None
) -> Usage:
    """One command of rclone, without what it takes to start; its remote `b2:` is the server."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".conf") as config:
        settings = {"TYPE": "b2", "ACCOUNT": key_id, "KEY": key, "ENDPOINT": url}
        variables = {f"RCLONE_CONFIG_B2_{name}": value for name, value in settings.items()}
        environment = {**os.environ, **variables, "RCLONE_CONFIG": config.name}
        return _without_start(program, words, environment, lines)


def _without_start(program: str, words: Sequence[str], environment: Mapping[str, str], lines: int | None) -> Usage:
    from statistics import median

    starts = [_run([program, "version"], environment) for _ in range(_STARTS)]
    usage = _run([program, *words], environment, lines=lines)
    return {**usage, **{name: usage[name] - median(start[name] for start in starts) for name in ("wall", "cpu")}}


def _run(
    command: Sequence[str], environment: Mapping[str, str], *, lines: int | None = None, quiet: bool = False
) -> Usage:
    """Run a program to its end; its wall and CPU seconds and its peak memory. Raises RuntimeError if it fails, or
    prints another number of `lines`.
    """
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as printed:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=printed, stderr=subprocess.DEVNULL if quiet else None
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        printed.seek(0)
        found = sum(1 for _ in printed)
    if status or lines not in (None, found):
        ended = f"exit status {os.waitstatus_to_exitcode(status)}, {found} lines"
        raise RuntimeError(f"{command[0]} {command[1]}: {ended}")
    peak = used.ru_maxrss // 1024 if sys.platform == "darwin" else used.ru_maxrss
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_kib": peak}


CLIENTS: Final[Mapping[str, Callable[[Task], Usage]]] = {
    "b2pure": _b2pure,
    "b2sdk": _b2sdk,
    "b2": _b2,
    "rclone": _rclone,
}


if __name__ == "__main__":
    chosen, direction, url, key_id, key, file, *options = sys.argv[1:]
    print(json.dumps(CLIENTS[chosen](Task(direction, url, key_id, key, file, options))))
