"""What every comparison has: the environments of the peers, a server for the clients, rounds, and how it is shown.

Rules. Each client is a process of its own in its own environment (those of `make interop`); they take turns in the same
rounds (`measure.alternate`). What a client's process prints last is what it measured (`large_clients.Usage`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

from attrs import frozen

from benchmarks.measure import alternate, in_child
from benchmarks.results import Sample, Workload
from benchmarks.tables import aligned, verdict_rows, workload_rows
from benchmarks.targets import summary, verdicts
from interop.commands import NO_PROXY
from interop.environments import CHECKOUT, ROOT, environment

__all__ = [
    "PEERS",
    "Contestant",
    "Server",
    "contest",
    "measured_by",
    "options_of",
    "ours_in",
    "peers_of",
    "serving",
    "show",
    "show_all",
]

PEERS: Final = ("b2sdk2", "b2_cli", "rclone")
"""The environments of the other clients."""


@frozen
class Contestant:
    """A client, its Python, the options that it gets, and how many times fewer files than the others it gets."""

    label: str
    client: str
    python: str = sys.executable
    options: tuple[str, ...] = ()
    fewer: int = 1


class Server:
    """A running server."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.url, self.key_id, self.key = told["url"], told["application_key_id"], told["application_key"]
        self._opener = build_opener(ProxyHandler({}))

    def ask(self, path: str, **fields: str | int) -> dict[str, Any]:
        """What it answers."""
        request = Request(self.url + path, data=json.dumps(fields).encode())
        with self._opener.open(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    @property
    def cpu(self) -> float:
        """Its CPU seconds so far."""
        return float(self.ask("/cpu")["seconds"])


@contextmanager
def serving(module: str, *options: str) -> Iterator[Server]:
    """The server of that module, until the end of the block."""
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def peers_of(interop: Path, only: Sequence[str] = ()) -> dict[str, Path]:
    """The programs of the peers; one that cannot be installed is left out and named."""
    peers = {}
    for client in only or PEERS:
        if client == "none":
            continue
        try:
            peers[client] = environment(client, interop)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"without {client}, which cannot be installed: {error}")
    return peers


def ours_in(folder: Path = ROOT) -> str:
    """A Python that has b2pure as it is here, and nothing that b2pure does not need; made by the first run."""
    home = folder / "b2pure"
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    stamp = (
        home
        / f".installed-{sha256((CHECKOUT / 'pyproject.toml').read_bytes() + sys.version.encode()).hexdigest()[:16]}"
    )
    if not stamp.exists():
        print(f"installing b2pure into {home}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        install = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "-e", str(CHECKOUT))
        subprocess.run([python, *install], check=True)
        stamp.touch()
    # pip compiled the other clients; ours would do it in every process, in what is measured, where none may be kept. So
    # would each client with what measures it.
    folders = (str(CHECKOUT / name) for name in ("b2pure", "benchmarks"))
    subprocess.run([python, "-m", "compileall", "-q", *folders], check=True)
    return str(python)


def measured_by(module: str, contestant: Contestant, task: Sequence[str], server: Server, amount: float) -> Sample:
    """What the contestant needed for its task, and the server meanwhile."""
    before = server.cpu
    told = in_child(module, contestant.client, *task, *contestant.options, python=contestant.python, **NO_PROXY)
    return Sample(told["wall"], told["cpu"], told["peak_kib"] / 1024, server.cpu - before, amount)


def contest(
    key: str,
    title: str,
    unit: str,
    amount: float,
    rounds: int,
    contestants: Iterable[Contestant],
    one: Callable[[Contestant], Sample],
) -> Workload:
    """All rounds of a workload."""
    jobs = {each.label: partial(one, each) for each in contestants}
    samples = {label: tuple(taken) for label, taken in alternate(rounds, jobs).items()}
    return Workload(key, title, unit, amount, samples)


def show(workload: Workload) -> str:
    """Its table and its verdict."""
    found = summary(workload, verdicts([workload]))
    return f"{workload.title}\n{aligned(workload_rows(workload))}\n{found}\n"


def show_all(workloads: Iterable[Workload]) -> None:
    """Print them as they come, and at the end how the targets stand."""
    done = []
    for workload in workloads:
        print(show(workload), flush=True)
        done.append(workload)
    print(aligned(verdict_rows(verdicts(done))))


def options_of(program: str, told: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that all comparisons of clients have."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{program}", description=told)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", nargs="*", choices=(*PEERS, "none"), default=[], help="these peers")
    parser.add_argument("--interop", type=Path, default=ROOT, help="the folder of the other clients' environments")
    return parser
