"""The runner: installs the clients, gives each a fresh server and a scenario, prints a line per step and a summary."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from interop.b2_cli import B2Cli
from interop.driven import driven
from interop.environments import environment
from interop.rclone import Rclone
from interop.sample import SERVE_ARGS, sample
from interop.scenario import Outcome, Target
from interop.server import served

FAULTY_SERVE_ARGS: Final[Sequence[str]] = (
    "--random-faults=seed=1,one-in=12",
    "--recommended-part-size=5000000",
)
"""What `--faulty` starts `b2pure serve` with; smaller parts make more calls that can go wrong."""

CLIENTS: Final[Mapping[str, Callable[[Target, Path], Iterator[Outcome]]]] = {
    "rclone": lambda target, programs: Rclone(target, programs).run(),
    "b2_cli": lambda target, programs: B2Cli(target, programs).run(),
    "b2sdk2": lambda target, programs: driven("b2sdk2", target, programs),
    "b2sdk1": lambda target, programs: driven("b2sdk1", target, programs),
    "sample": sample,
}
INSTALLED: Final = {"sample": "b2sdk1"}
"""Whose pins a client has, if not its own."""
SMALLER_PARTS: Final = {"sample": SERVE_ARGS}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if no step of any client failed, 1 otherwise."""
    options = _parser().parse_args(arguments)
    serve_arguments = [*(FAULTY_SERVE_ARGS if options.faulty else ()), *options.serve_arg]
    print(" ".join(("b2pure serve", *serve_arguments)), flush=True)
    began = monotonic()
    environments = {client: environment(INSTALLED.get(client, client)) for client in options.only}
    outcomes: list[tuple[str, Outcome]] = []
    for client, programs in environments.items():
        for outcome in _scenario(client, programs, serve_arguments, options.faulty):
            outcomes.append((client, outcome))
            _show(client, outcome)
    return _summary(outcomes, monotonic() - began)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="interop", description="Real B2 clients against `b2pure serve`.")
    parser.add_argument("--only", nargs="+", choices=list(CLIENTS), default=list(CLIENTS), metavar="CLIENT")
    parser.add_argument("--serve-arg", action="append", default=[], metavar="ARG", help="goes on to `b2pure serve`")
    parser.add_argument("--faulty", action="store_true", help="a server that misbehaves; the end must be the same")
    return parser


def _scenario(client: str, programs: Path, arguments: Sequence[str], faulty: bool) -> Iterator[Outcome]:
    with (
        tempfile.TemporaryDirectory(prefix=f"b2pure-interop-{client}-") as work,
        served(work, arguments=[*SMALLER_PARTS.get(client, ()), *arguments], faulty=faulty) as server,
    ):
        yield from CLIENTS[client](server.target, programs)
        yield server.the_server_fell_over_nowhere()


def _show(client: str, outcome: Outcome) -> None:
    detail = f"  {outcome.detail}" if outcome.detail else ""
    print(f"{outcome.kind} {client:7} {outcome.seconds:6.2f} s  {outcome.title}{detail}", flush=True)


def _summary(outcomes: Sequence[tuple[str, Outcome]], seconds: float) -> int:
    print()
    for client in dict(outcomes):
        kinds = Counter(outcome.kind for name, outcome in outcomes if name == client)
        print(f"{client:7} {kinds['PASS']:3} passed {kinds['SKIP']:3} skipped {kinds['FAIL']:3} failed")
    failed = [(client, outcome) for client, outcome in outcomes if outcome.kind == "FAIL"]
    for client, outcome in failed:
        print(f"FAIL {client}: {outcome.title}: {outcome.detail}")
    print(f"{'FAILED' if failed else 'everything passed'}, {seconds:.0f} s")
    return 1 if failed else 0
