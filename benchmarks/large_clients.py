"""`python -m benchmarks.large_clients CLIENT up|down URL KEY_ID KEY FILE [...]`: one large file by one client.

Prints wall and CPU seconds and the peak memory as JSON. Knows the standard library alone, because each client runs in
an environment of its own; the client itself is imported where it is used. What is measured begins when the program is
loaded and the account authorized; of rclone, which authorizes as it goes, what `rclone version` takes is left out.
Options for rclone follow the file: first the program, then what it is to be given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.peak import peak_kib

__all__ = ["CLIENTS", "WORKERS", "Task", "Usage", "measured", "rclone_variables", "run_program", "run_rclone"]

WORKERS: Final = 10


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
    """Do it; its wall and CPU seconds, and the process's peak memory so far."""
    cpu, wall = time.process_time(), time.perf_counter()
    job()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak_kib": peak_kib()}


def _b2pure(task: Task) -> Usage:
    from b2pure import connect

    client = connect(task.key_id, task.key, realm=task.url, workers=WORKERS).unwrap()
    folder, place = str(Path(task.file).parent), f"b2://{task.bucket}"

    def job() -> None:
        report = client.sync(folder, place) if task.up else client.sync(place, folder)
        if not report.ok:
            raise RuntimeError(f"the sync failed: {report}")

    return measured(job)


def _b2sdk(task: Task) -> Usage:
    from b2sdk.v2 import B2Api, InMemoryAccountInfo

    limits = {f"max_{kind}_workers": WORKERS for kind in ("upload", "copy", "download")}
    api: Any = B2Api(InMemoryAccountInfo(), **limits)
    api.authorize_account(realm=task.url, application_key_id=task.key_id, application_key=task.key)
    bucket, name = api.get_bucket_by_name(task.bucket), Path(task.file).name

    def job() -> None:
        if task.up:
            millis = str(int(os.stat(task.file).st_mtime * 1000))
            bucket.upload_local_file(task.file, name, file_info={"src_last_modified_millis": millis})
        else:
            bucket.download_file_by_name(name).save_to(task.file)

    return measured(job)


def _rclone(task: Task) -> Usage:
    program, *options = task.options
    remote = f"b2:{task.bucket}/{Path(task.file).name}"
    ends = (task.file, remote) if task.up else (remote, task.file)
    return run_rclone(program, ("copyto", *options, *ends), task.url, task.key_id, task.key)


def run_rclone(program: str, words: Sequence[str], url: str, key_id: str, key: str) -> Usage:
    """One command of rclone, without what it takes to start; its remote `b2:` is the server."""
    with tempfile.NamedTemporaryFile(suffix=".conf") as config:
        environment = {**os.environ, **rclone_variables(url, key_id, key, config.name)}
        nothing = run_program([program, "version"], environment)
        usage = run_program([program, *words], environment)
    return {**usage, "wall": usage["wall"] - nothing["wall"], "cpu": usage["cpu"] - nothing["cpu"]}


def rclone_variables(url: str, key_id: str, key: str, config: str) -> Mapping[str, str]:
    """What rclone has to find in its environment to know the account as `b2:`; `config` is an empty file."""
    settings = {"TYPE": "b2", "ACCOUNT": key_id, "KEY": key, "ENDPOINT": url}
    return {**{f"RCLONE_CONFIG_B2_{name}": value for name, value in settings.items()}, "RCLONE_CONFIG": config}


def run_program(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run a program to its end; its wall and CPU seconds and its peak memory. Raises RuntimeError if it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if status:
        raise RuntimeError(f"{command}: exit status {os.waitstatus_to_exitcode(status)}")
    peak = used.ru_maxrss // 1024 if sys.platform == "darwin" else used.ru_maxrss
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_kib": peak}


CLIENTS: Final[Mapping[str, Callable[[Task], Usage]]] = {"b2pure": _b2pure, "b2sdk": _b2sdk, "rclone": _rclone}


if __name__ == "__main__":
    chosen, direction, url, key_id, key, file, *options = sys.argv[1:]
    print(json.dumps(CLIENTS[chosen](Task(direction, url, key_id, key, file, options))))
