"""`python -m benchmarks.killed [--mib N]`: b2pure killed half way, and run again.

A file goes up and comes down by the command line as people run it, once by `upload` and `download`, once by `sync`.
When half of the bytes have moved, the process gets SIGKILL, and the same command is run again. The server is the
simulator of `b2pure serve --data` on a thread of this process, behind a recorder (`recorder.py`) that writes down each
part and range that went over the wire; what the client knows of finished pieces is read from its temporary file.

What is promised, else the exit status is 1: no part that the server finished is sent again, no piece that was written
down is fetched again (but the one byte that shows whether the version is still the same), no more is lost than what
each thread had in hand, the result equals the source bit for bit, no unfinished large file and no temporary file is
left, and no process needs more than 200 MiB.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from attrs import frozen

from b2pure.effects.program import ok
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.shell.clock import SystemClock
from b2pure.shell.vault import open_vault
from benchmarks.measure import memory_folder
from benchmarks.recorder import Exchange, Recording, recording
from benchmarks.tables import aligned
from interop.commands import NO_PROXY

__all__ = ["Outcome", "main", "run", "show"]

_BUCKET: Final = "killed"
_NAME: Final = "large.bin"
_MIB: Final = 1 << 20
_THREADS: Final = 10
_FIXED: Final = f"--threads={_THREADS}"
"""What the command line has unless told otherwise."""
_PEAK_MIB: Final = 200
"""What b2pure may need for a file of any size."""
_TAIL_BYTES: Final = 2 << 20
_RECORD: Final = re.compile(rb"^piece (\d+) (\d+) (?:[0-9a-f]{8}|-{8}) [0-9a-f]{8} *$", re.MULTILINE)
"""A finished piece, as a download writes it behind the content of its temporary file: first byte, and byte after it."""


@frozen
class Outcome:
    """What came of one command that was killed and run again. Bytes are as the server counted them; `finished` and
    `twice` are parts on the way up, pieces on the way down; `lost` those that were under way at the kill.
    """

    what: str
    size: int
    before: int
    after: int
    finished: int
    twice: int
    lost: int
    peaks_mib: tuple[float, float]
    same: bool
    left: tuple[str, ...]

    @property
    def again(self) -> int:
        """Bytes that moved twice."""
        return self.before + self.after - self.size

    @property
    def broken(self) -> tuple[str, ...]:
        """The promises that were not kept."""
        promises = {
            "it was killed too late, or too early, to show anything": self.finished > 0 and self.before < self.size,
            "what was finished moved again": not self.twice,
            "more was lost than what was under way": self.lost <= _THREADS,
            "the result is not the source": self.same,
            f"left behind: {', '.join(self.left)}": not self.left,
            f"it needed more than {_PEAK_MIB} MiB": max(self.peaks_mib) < _PEAK_MIB,
        }
        return tuple(promise for promise, kept in promises.items() if not kept)


@frozen
class Scene:
    """The server, its simulator and its record, the environment for its clients, and the source file."""

    url: str
    simulator: Simulator
    recording: Recording
    environment: dict[str, str]
    source: Path

    @property
    def size(self) -> int:
        """Bytes of the source."""
        return self.source.stat().st_size


@contextmanager
def _scene(data: Path, source: Path) -> Iterator[Scene]:
    now = SystemClock().now_millis
    opened = open_vault(data, now, seed=1, config=SimulatorConfig(keep_journal=False), fsync=False)
    if not ok(opened):
        raise RuntimeError(f"no vault: {opened.failure()}")
    simulator, vault = opened.unwrap()
    with vault:
        simulator.add_bucket(_BUCKET)
        with recording(simulator) as (url, record):
            key = {"B2_APPLICATION_KEY_ID": simulator.master_key_id, "B2_APPLICATION_KEY": simulator.master_key}
            yield Scene(url, simulator, record, {**os.environ, **NO_PROXY, **key, "B2_ENVIRONMENT": url}, source)


def run(*, mib: int) -> list[Outcome]:
    """All four, saying what is done meanwhile."""
    outcomes = []
    with tempfile.TemporaryDirectory(dir=memory_folder(4 * mib << 20), prefix="b2pure-bench-") as name:
        root = Path(name)
        source = _written(root / "source", mib)
        print(f"killed half way and run again, one file of {mib:,} MiB, {_THREADS} threads", flush=True)
        for up, down in ((_upload, _download), (_sync_up, _sync_down)):
            with tempfile.TemporaryDirectory(dir=root) as folder, _scene(Path(folder) / "data", source) as scene:
                target = Path(folder) / "target"
                target.mkdir()
                outcomes.append(_up(scene, up(source)))
                outcomes.append(_down(scene, target, down(target)))
    return outcomes


def _written(folder: Path, mib: int) -> Path:
    folder.mkdir()
    path, block = folder / _NAME, os.urandom(_MIB)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(8) + block[8:])
    return path


# -- the commands


def _upload(source: Path) -> tuple[str, ...]:
    return ("upload", "--quiet", _FIXED, str(source), f"b2://{_BUCKET}/{_NAME}")


def _download(target: Path) -> tuple[str, ...]:
    return ("download", "--quiet", _FIXED, f"b2://{_BUCKET}/{_NAME}", str(target / _NAME))


def _sync_up(source: Path) -> tuple[str, ...]:
    return ("sync", "--quiet", _FIXED, str(source.parent), f"b2://{_BUCKET}")


def _sync_down(target: Path) -> tuple[str, ...]:
    return ("sync", "--quiet", _FIXED, f"b2://{_BUCKET}", str(target))


# -- killed, and run again


def _up(scene: Scene, command: Sequence[str]) -> Outcome:
    record = scene.recording
    first = _killed(scene, command)
    before = record.cleared()
    finished = {(each.file_id, each.first) for each in before if each.complete}
    second = _completed(scene, command)
    after = record.cleared()
    return Outcome(
        f"b2pure {command[0]}, up",
        scene.size,
        sum(each.moved for each in before),
        sum(each.moved for each in after),
        len(finished),
        sum((each.file_id, each.first) in finished for each in after),
        sum(not each.complete for each in before),
        (first, second),
        _is_stored(scene),
        _left_in_bucket(scene),
    )


def _down(scene: Scene, target: Path, command: Sequence[str]) -> Outcome:
    record = scene.recording
    first = _killed(scene, command)
    before = record.cleared()
    finished = _written_down(target)
    second = _completed(scene, command)
    after = record.cleared()
    again = [piece for piece in finished if any(_overlap(piece, each) > 1 for each in after)]
    covered = {piece for piece in finished if any(_overlap(piece, each) == piece[1] - piece[0] for each in before)}
    if covered != set(finished):
        raise RuntimeError("a piece was written down that never came")
    return Outcome(
        f"b2pure {command[0]}, down",
        scene.size,
        sum(each.moved for each in before),
        sum(each.moved for each in after),
        len(finished),
        len(again),
        sum(each.moved > 0 and (each.first, each.stop) not in covered for each in before),
        (first, second),
        filecmp.cmp(scene.source, target / _NAME, shallow=False),
        tuple(path.name for path in target.iterdir() if path.name != _NAME),
    )


def _overlap(piece: tuple[int, int], exchange: Exchange) -> int:
    return max(0, min(piece[1], exchange.stop) - max(piece[0], exchange.first))


def _killed(scene: Scene, command: Sequence[str]) -> float:
    """Run the command, and kill it half way; its peak in MiB."""
    process = _started(scene, command)
    peak = _watched(process, until=lambda: scene.recording.moved >= scene.size // 2)
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        raise RuntimeError(f"b2pure {command[0]} ended before it could be killed: {process.returncode}")
    while scene.recording.under_way:  # until the server has seen it, too
        time.sleep(0.01)
    return peak


def _completed(scene: Scene, command: Sequence[str]) -> float:
    """Run the command to its end; its peak in MiB."""
    process = _started(scene, command)
    peak = _watched(process, until=lambda: False)
    if process.returncode:
        raise RuntimeError(f"b2pure {command[0]}: exit status {process.returncode}")
    return peak


def _started(scene: Scene, command: Sequence[str]) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "b2pure", *command]
    return subprocess.Popen(arguments, env=scene.environment, stdout=subprocess.DEVNULL)


def _watched(process: subprocess.Popen[bytes], *, until: Callable[[], bool]) -> float:
    """The largest resident set of a process that was seen until it ended or `until`; 0 where there is no /proc."""
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None and not until():
        time.sleep(0.005)
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended, or there is no /proc
            lines = status.read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))])
    return peak / 1024


# -- what is there


def _written_down(target: Path) -> list[tuple[int, int]]:
    """The finished pieces of the temporary file that the killed download left."""
    (path,) = target.iterdir()
    with path.open("rb") as file:
        file.seek(-min(_TAIL_BYTES, path.stat().st_size), os.SEEK_END)
        found = _RECORD.findall(file.read())
    return [(int(first), int(stop)) for first, stop in found]


def _is_stored(scene: Scene) -> bool:
    """Whether the bucket has one file, which equals the source bit for bit."""
    with closing(HTTPConnection(urlsplit(scene.url).netloc)) as connection, scene.source.open("rb") as source:
        connection.request("GET", f"/file/{_BUCKET}/{_NAME}", headers={"Authorization": _token(scene)})
        with connection.getresponse() as response:
            if response.status != 200:
                return False
            while block := source.read(_MIB):
                if response.read(_MIB) != block:
                    return False
            return not response.read(1)


def _left_in_bucket(scene: Scene) -> tuple[str, ...]:
    """What is there beside the file."""
    bucket = scene.simulator.bucket_id(_BUCKET)
    files = _asked(scene, "b2_list_file_versions", bucketId=bucket)["files"]
    return tuple(f"{file['action']} of {file['fileName']}" for file in files[1:])


def _token(scene: Scene) -> str:
    key = b64encode(f"{scene.simulator.master_key_id}:{scene.simulator.master_key}".encode()).decode()
    return str(_answer(scene, "b2_authorize_account", f"Basic {key}")["authorizationToken"])


def _asked(scene: Scene, call: str, **fields: object) -> dict[str, Any]:
    return _answer(scene, call, _token(scene), json.dumps(fields).encode())


def _answer(scene: Scene, call: str, authorization: str, body: bytes | None = None) -> dict[str, Any]:
    request = Request(f"{scene.url}/b2api/v4/{call}", data=body, headers={"Authorization": authorization})
    with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


# -- telling


def show(outcomes: Sequence[Outcome]) -> str:
    """The table, and what was broken."""
    heading = ("killed half way", "before", "after", "again", "finished", "twice", "lost", "peaks", "same", "left")
    rows: list[tuple[str, ...]] = []
    for each in outcomes:
        moved = [f"{count / _MIB:,.1f} MiB" for count in (each.before, each.after, each.again)]
        counted = [f"{count:,}" for count in (each.finished, each.twice, each.lost)]
        peaks = " and ".join(f"{peak:.0f}" for peak in each.peaks_mib) + " MiB"
        rows.append(
            (each.what, *moved, *counted, peaks, "yes" if each.same else "NO", ", ".join(each.left) or "nothing")
        )
    broken = [f"{each.what}: {promise}" for each in outcomes for promise in each.broken]
    return "\n".join([aligned([heading, *rows]), *(broken or ["all promises were kept"])])


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.killed", description=__doc__)
    parser.add_argument("--mib", type=int, default=3_072)
    outcomes = run(mib=parser.parse_args().mib)
    print(show(outcomes))
    sys.exit(any(each.broken for each in outcomes))


if __name__ == "__main__":
    main()
