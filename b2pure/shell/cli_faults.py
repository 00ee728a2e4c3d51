"""The flags that make a simulated B2 go wrong and take its time, and the script and latency that they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from returns.result import Result

from b2pure.effects.fault_text import decode_script, parse_fault, parse_random
from b2pure.effects.faults import FaultScript
from b2pure.effects.latency import Latency
from b2pure.effects.program import ok
from b2pure.model.errors import InvalidArgument

__all__ = ["fault_options", "faults_of"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def fault_options(command: F) -> F:
    """All flags of faults and latency, in the order of the help text."""
    for option in reversed(_FAULT_OPTIONS):
        command = option(command)
    return command


_FAULT_OPTIONS = (
    click.option(
        "--fault",
        multiple=True,
        metavar="CALL:NTH:WHAT",
        help="Make the NTH call of a name go wrong (3, 3-5 or 3+; b2_upload_* and * name many). WHAT is a status "
        "(503, 429:retry-after=2, 502:body=TEXT), storage_cap_exceeded, refuse, reset, silent, slow=SECONDS, "
        "drop-reply, cut=BYTES, corrupt=BYTE or expire-tokens, expire-upload-tokens, expire-all-tokens. Repeatable.",
    ),
    click.option(
        "--faults",
        type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
        metavar="FILE",
        help="A script of faults, a JSON array.",
    ),
    click.option(
        "--random-faults",
        metavar="seed=N,one-in=N",
        help="About one call in so many goes wrong, by chance that the seed decides; also kinds=A+B and call=NAME.",
    ),
    click.option(
        "--latency-millis", type=click.FloatRange(min=0), default=0.0, help="Every call takes at least so long."
    ),
    click.option(
        "--jitter-millis", type=click.FloatRange(min=0), default=0.0, help="And up to so much longer, by chance."
    ),
    click.option(
        "--bytes-per-second",
        type=click.FloatRange(min=0, min_open=True),
        help="How fast bodies of uploads and downloads move (default: at once).",
    ),
)


def faults_of(
    *,
    fault: tuple[str, ...],
    faults: Path | None,
    random_faults: str | None,
    latency_millis: float,
    jitter_millis: float,
    bytes_per_second: float | None,
) -> tuple[FaultScript, Latency | None]:
    """What the flags say: first the faults of the file, then those of the command line, then chance. No flag about
    time gives no latency. Raises click.UsageError, which names the flag.
    """
    script: FaultScript = ()
    if faults is not None:
        script += _said(decode_script(_content(faults)), f"--faults {faults}")
    script += tuple(_said(parse_fault(text), "--fault") for text in fault)
    if random_faults is not None:
        script += (_said(parse_random(random_faults), "--random-faults"),)
    if not latency_millis and not jitter_millis and bytes_per_second is None:
        return script, None
    try:
        return script, Latency(latency_millis, jitter_millis, bytes_per_second)
    except ValueError as error:
        raise click.UsageError(f"--latency-millis, --jitter-millis, --bytes-per-second: {error}") from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{file}: {error.strerror}", param_hint="--faults") from None


def _said(result: Result[T, InvalidArgument], flag: str) -> T:
    if ok(result):
        return result.unwrap()
    raise click.BadParameter(result.failure().message, param_hint=flag)
