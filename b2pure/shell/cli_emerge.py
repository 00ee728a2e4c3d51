"""The commands for objects from several sources: concatenate, create.

A source is a local path, `b2://bucket/name` or `b2id://ID`; `[OFFSET:LENGTH]` behind it takes a range (no length: to
the end). A local file whose name really ends so is taken as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Final

import click

from b2pure.effects.program import ok
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.model.intents import OverlapRule
from b2pure.model.protection import SseC
from b2pure.plan.emerge.plan import PRIORITIES, Prioritize
from b2pure.plan.failures import EmergeFailure, tell_failure
from b2pure.shell.cli_common import Pace, client_of_environment, no_progress_option, pace_options, quiet_option
from b2pure.shell.cli_new_file import new_file_of, new_file_options, source_key_of, source_key_option
from b2pure.shell.cli_transfers import (
    bar_of,
    end_with,
    json_option,
    resume_of_flags,
    resume_options,
    show_made,
)
from b2pure.shell.emerge_plans import CreatePlan
from b2pure.shell.emerge_sources import B2Range, CreateSource, InOrder, Intents
from b2pure.shell.quantities import PLACE, SIZE
from b2pure.shell.sources import LocalRange

__all__ = ["concatenate", "create"]

_RANGE: Final = re.compile(r"\[(\d{1,18}):(\d{0,18})\]\Z", re.ASCII)
_PLACE: Final = re.compile(r"(\d[\d.]{0,30}[a-z]{0,3})=", re.ASCII | re.IGNORECASE)

_OVERLAPS: Final = tuple(rule.value.replace("_", "-") for rule in OverlapRule)

Command = Callable[..., None]


def _options(command: Command) -> Command:
    """What both commands take."""
    for option in reversed(
        (
            click.option("--part-size", type=SIZE, metavar="SIZE", help="How long parts that are sent are, as 50MB."),
            click.option("--plan", "plan_only", is_flag=True, help="Show what would be done, and what it costs."),
            new_file_options,
            source_key_option,
            *resume_options,
            pace_options,
            json_option,
            no_progress_option,
            quiet_option,
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("dest")
@_options
def concatenate(sources: tuple[str, ...], dest: str, **flags: Any) -> None:
    """Make one file in B2 from files here and there, one after the other.

    A SOURCE is a local path, b2://bucket/name or b2id://ID, or a range of one: SOURCE[OFFSET:LENGTH]. What is in B2 is
    copied there, as far as its smallest part allows it.
    """
    key = source_key_of(flags.pop("source_server_side_encryption"))
    _make(InOrder([_source(text, key) for text in sources]), dest, key, None, None, **flags)


@click.command()
@click.argument("intents", nargs=-1, required=True, metavar="AT=SOURCE...")
@click.argument("dest")
@click.option(
    "--prioritize",
    type=click.Choice(PRIORITIES),
    default="local_verification",
    show_default=True,
    help="What is taken where both are there, and what the plan saves.",
)
@click.option(
    "--overlap",
    type=click.Choice(_OVERLAPS),
    default=_OVERLAPS[0],
    show_default=True,
    help="Whether sources that overlap have the same bytes there, or the one that is named last counts.",
)
@_options
def create(intents: tuple[str, ...], dest: str, prioritize: Prioritize, overlap: str, **flags: Any) -> None:
    """Make one file in B2 from ranges of files here and there, which may overlap.

    AT is where a source begins in the new file, in bytes, as 0, 5000000 or 5MB; SOURCE is what `concatenate` takes.
    What is copied in B2, and is here as well, is compared.
    """
    key = source_key_of(flags.pop("source_server_side_encryption"))
    _make([_intent(text, key) for text in intents], dest, key, prioritize, _rule_of(overlap), **flags)


def _rule_of(overlap: str) -> OverlapRule:
    return OverlapRule(overlap.replace("-", "_"))


def _intent(text: str, key: SseC | None) -> tuple[CreateSource, int]:
    match = _PLACE.match(text)
    if match is None:
        told = "AT is where it begins in the new file, in bytes, as 0, 5000000 or 5MB"
        raise click.UsageError(f"write AT=SOURCE, as 0={text}, not {text}; {told}")
    return _source(text[match.end() :], key), PLACE.convert(match.group(1), None, None)


def _source(text: str, key: SseC | None) -> CreateSource:
    in_b2 = text.startswith(("b2://", "b2id://"))
    match = _RANGE.search(text)
    if match is None or (not in_b2 and os.path.exists(text)):
        return B2Range(text, encryption=key) if in_b2 else text
    name, start = text[: match.start()], int(match.group(1))
    stop = start + int(match.group(2)) if match.group(2) else None
    return B2Range(name, start, stop, key) if in_b2 else LocalRange(name, start, stop)


def _make(
    intents: Intents,
    dest: str,
    key: SseC | None,
    prioritize: Prioritize | None,
    overlap: OverlapRule | None,
    *,
    part_size: int | None,
    plan_only: bool,
    no_resume: bool,
    large_file_id: str | None,
    pace: Pace,
    as_json: bool,
    no_progress: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    new, resume = new_file_of(**flags), resume_of_flags(no_resume, large_file_id)
    with client_of_environment(pace) as client:
        planned = client.plan_create(intents, prioritize=prioritize, overlap=overlap, part_size=part_size)
        if not ok(planned):
            _end_plan(planned.failure())
        plan = planned.unwrap()
        if plan_only:
            _show(plan)
            return
        report = bar_of(no_progress, quiet)
        keys = [key] if key is not None else []
        try:
            result = client.create_file(plan, dest, new, resume=resume, source_keys=keys, listener=report)
        finally:
            report.close()
    if not ok(result):
        end_with(dest, result.failure())
    show_made(result.unwrap(), as_json)


def _end_plan(failure: EmergeFailure | B2Error) -> None:
    if isinstance(failure, B2Error):
        end_with("the sources", failure)
    raise click.UsageError(str(failure) if isinstance(failure, InvalidArgument) else tell_failure(failure))


def _show(plan: CreatePlan) -> None:
    click.echo(f"{plan.draw()}\n{plan.summary()}")
