"""What the commands share: the client of the environment, progress, SSE-C keys, and how a command ends."""

from __future__ import annotations

import os
import sys
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, NoReturn, TextIO, TypeVar

import click
from attrs import field, frozen

from b2pure.effects.program import ok
from b2pure.model.errors import B2Error, InvalidArgument, Transport, Unavailable, describe
from b2pure.model.places import Place, parse_place
from b2pure.model.protection import SseC
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.concurrency import Workers, workers_of
from b2pure.shell.client import Client
from b2pure.shell.connect import connect
from b2pure.shell.progress import ProgressReport
from b2pure.shell.quantities import SIZE

__all__ = [
    "DEST_KEY",
    "READER_GONE",
    "SOURCE_KEY",
    "Pace",
    "client_of_environment",
    "die",
    "key_of_environment",
    "keys_of_environment",
    "no_progress_option",
    "pace_options",
    "place_of",
    "processes_option",
    "progress_report",
    "quiet_option",
    "silence",
    "threads_option",
]

R = TypeVar("R")

SOURCE_KEY: Final = "B2_SOURCE_SSE_C_KEY_B64"
DEST_KEY: Final = "B2_DESTINATION_SSE_C_KEY_B64"
READER_GONE: Final = 141
"""The exit status of a program that SIGPIPE ended, and of ours when whoever read its output went away."""


def die(message: str, status: int = 1) -> NoReturn:
    """Say what is wrong, and end."""
    click.echo(f"b2pure: {message}", err=True)
    sys.exit(status)


def silence(stream: TextIO) -> None:
    """Let what is still written go nowhere, so that the end of the process does not trip over it."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def place_of(text: str) -> Place:
    """The place that an argument names. Raises click.UsageError."""
    parsed = parse_place(text)
    if ok(parsed):
        return parsed.unwrap()
    raise click.UsageError(str(parsed.failure()))


@frozen
class Pace:
    """How many things at once, and how many bytes per second."""

    workers: Workers = field(factory=Workers)
    bandwidth: Bandwidth = field(factory=Bandwidth)


@contextmanager
def client_of_environment(pace: Pace | None = None) -> Iterator[Client]:
    """A client with the key of the environment."""
    pace = pace or Pace()
    key_id, key = os.environ.get("B2_APPLICATION_KEY_ID", ""), os.environ.get("B2_APPLICATION_KEY", "")
    if not key_id or not key:
        raise click.UsageError("set B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY in the environment")
    realm = os.environ.get("B2_ENVIRONMENT") or "production"
    connected = connect(key_id, key, realm=realm, workers=pace.workers, bandwidth=pace.bandwidth)
    if not ok(connected):
        error = connected.failure()
        if isinstance(error, InvalidArgument):
            raise click.UsageError(f"B2_ENVIRONMENT: {error}")
        die(_told_of_start(error))
    with connected.unwrap() as client:
        yield client


def _told_of_start(error: B2Error) -> str:
    if isinstance(error, Transport | Unavailable):
        where = os.environ.get("B2_ENVIRONMENT") or "production"
        return f"cannot reach B2 ({where}): {describe(error)}; check the network and B2_ENVIRONMENT"
    return f"cannot authorize: {describe(error)}; check B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY"


def _as_pace(threads: int | None, up: int | None = None, down: int | None = None) -> Pace:
    return Pace(Workers() if threads is None else workers_of(threads), Bandwidth(up, down))


def threads_option(command: Callable[..., R]) -> Callable[..., R]:
    """--threads, which becomes the argument `pace`."""

    @wraps(command)
    def paced(*args: Any, threads: int | None, **rest: Any) -> R:
        return command(*args, pace=_as_pace(threads), **rest)

    return _threads(paced)


def pace_options(command: Callable[..., R]) -> Callable[..., R]:
    """--threads and the limits of bandwidth, which become the argument `pace`."""

    @wraps(command)
    def paced(*args: Any, threads: int | None, limit_upload: int | None, limit_download: int | None, **rest: Any) -> R:
        return command(*args, pace=_as_pace(threads, limit_upload, limit_download), **rest)

    return _threads(_limit("upload", "500KB")(_limit("download", "2MB")(paced)))


_threads = click.option(
    "--threads",
    type=click.IntRange(1, 512),
    metavar="N",
    help="How many files, or parts of a large one, are on their way at once (default: as many as help, up to "
    f"{Workers().ceiling}).",
)


def _limit(direction: str, example: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    return click.option(
        f"--limit-{direction}",
        type=SIZE,
        metavar="SIZE",
        help=f"Bytes to {direction} per second at most, as {example}; all threads together.",
    )


processes_option = click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    metavar="N",
    help="Deal the work out to N processes, for more than one core; --threads and the limits are for all together.",
)
no_progress_option = click.option("--no-progress", is_flag=True, help="No bar and no progress lines.")
quiet_option = click.option("--quiet", is_flag=True, help="Nothing but errors and the last line.")


def progress_report(no_progress: bool, quiet: bool, *, lines: bool = True) -> ProgressReport:
    """What the two flags leave of the progress; `lines` False leaves out what is done."""
    return ProgressReport(sys.stdout if lines and not quiet else None, None if no_progress or quiet else sys.stderr)


def key_of_environment(variable: str) -> SseC:
    """The SSE-C key in an environment variable, as the b2 command line has it. Raises click.UsageError."""
    text = os.environ.get(variable, "")
    if not text:
        raise click.UsageError(f"set {variable} in the environment: base64 of the 32 bytes of the SSE-C key")
    try:
        return SseC.of(b64decode(text, validate=True))
    except (Base64Error, ValueError):
        raise click.UsageError(f"{variable} is not base64 of 32 bytes") from None


def keys_of_environment() -> tuple[SseC, ...]:
    """The SSE-C keys that the environment has. Raises click.UsageError."""
    return tuple(key_of_environment(variable) for variable in (SOURCE_KEY, DEST_KEY) if os.environ.get(variable))
