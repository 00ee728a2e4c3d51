"""The commands for single files: upload, download, copy, clean.

Standard output has what was made, one line or JSON object each; a download to `-` has the content alone. Everything
else goes to standard error.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import timedelta
from typing import Any, Final, NoReturn, TextIO

import click
import msgspec

from b2pure.effects.downloads import Downloaded
from b2pure.effects.program import ok
from b2pure.model.errors import InvalidArgument, describe
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_FILE_SIZE, MAX_PART_SIZE
from b2pure.model.names import printable
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply
from b2pure.plan.cleanup import Unfinished
from b2pure.plan.download import Checked
from b2pure.plan.summary import human_bytes
from b2pure.shell.cli_common import (
    Pace,
    client_of_environment,
    no_progress_option,
    pace_options,
    progress_report,
    quiet_option,
    threads_option,
)
from b2pure.shell.cli_new_file import new_file_of, new_file_options, source_key_of, source_key_option
from b2pure.shell.progress import ProgressReport
from b2pure.shell.quantities import AGE, SIZE
from b2pure.shell.targets import Nowhere, Piped
from b2pure.shell.transfer_arguments import TransferError

__all__ = [
    "bar_of",
    "clean",
    "copy",
    "download",
    "end_with",
    "json_option",
    "resume_of_flags",
    "resume_options",
    "show_made",
    "upload",
]

_RANGE: Final = re.compile(r"(\d{1,18})-(\d{1,18})?\Z", re.ASCII)

json_option = click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON, as B2 answers.")
resume_options = (
    click.option("--no-resume", is_flag=True, help="Begin anew, whatever unfinished large file is there."),
    click.option("--large-file-id", metavar="ID", help="Go on with this unfinished large file."),
)
_range_option = click.option(
    "--range", "wanted", metavar="FIRST-LAST", help="Only these bytes; 0-99: the first 100, 100-: the others."
)


def _wanted(text: str | None) -> ByteRange | None:
    if text is None:
        return None
    match = _RANGE.match(text)
    first, last = (int(match.group(1)), int(match.group(2) or MAX_FILE_SIZE)) if match else (1, 0)
    if first > last:
        raise click.UsageError(f"--range takes FIRST-LAST, as 0-99, or FIRST-, not {text!r}")
    return ByteRange(first, last + 1)


def resume_of_flags(no_resume: bool, large_file_id: str | None) -> bool | FileId:
    """What the two flags of `resume_options` say. Raises click.UsageError."""
    if no_resume and large_file_id is not None:
        raise click.UsageError("--no-resume and --large-file-id exclude each other")
    return FileId(large_file_id) if large_file_id is not None else not no_resume


def show_made(file: FileReply, as_json: bool) -> None:
    """Print the file that was made."""
    if as_json:
        click.echo(msgspec.json.encode(file).decode())
    else:
        click.echo(f"{file.file_id}  {file.content_length:>12}  {printable(file.file_name)}")


def _refuse(what: str, error: TransferError) -> None:
    told = str(error) if isinstance(error, InvalidArgument) else f"{printable(what)}: {describe(error)}"
    click.echo(f"b2pure: {told}", err=True)


def end_with(what: str, error: TransferError) -> NoReturn:
    """Say what went wrong with `what`, and end."""
    if isinstance(error, InvalidArgument):
        raise click.UsageError(str(error))
    _refuse(what, error)
    sys.exit(1)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.argument("dest")
@new_file_options
@click.option("--sha1", metavar="HEX", help="What the content must have; anything else is refused.")
@click.option("--part-size", type=SIZE, metavar="SIZE", help="How long the parts of a large file are, as 50MB.")
@click.option(
    "--incremental",
    is_flag=True,
    help="Where B2 has the beginning of the file, copy it there and send only the rest.",
)
@click.option(
    "--no-whole-sha1", is_flag=True, help="Of a large file hash only the parts, as they are sent: faster, tells less."
)
@resume_options[0]
@resume_options[1]
@pace_options
@json_option
@no_progress_option
@quiet_option
def upload(
    sources: tuple[str, ...],
    dest: str,
    sha1: str | None,
    part_size: int | None,
    incremental: bool,
    no_whole_sha1: bool,
    no_resume: bool,
    large_file_id: str | None,
    pace: Pace,
    as_json: bool,
    no_progress: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Upload files (-: standard input) to b2://bucket/name, or into b2://bucket/folder/."""
    new, resume = new_file_of(**flags), resume_of_flags(no_resume, large_file_id)
    if len(sources) > 1:
        _check_many(sources, dest, sha1, large_file_id)
    failed = False
    with client_of_environment(pace) as client:
        progress = bar_of(no_progress, quiet)
        try:
            for source in sources:
                result = client.upload(
                    source,
                    dest,
                    new,
                    sha1=sha1,
                    part_size=part_size,
                    resume=resume,
                    append=incremental,
                    whole_sha1=not no_whole_sha1,
                    listener=progress,
                )
                if ok(result):
                    show_made(result.unwrap(), as_json)
                elif len(sources) == 1:
                    end_with(source, result.failure())
                else:
                    failed = True
                    _refuse(source, result.failure())
        finally:
            progress.close()
    sys.exit(1 if failed else 0)


def _check_many(sources: tuple[str, ...], dest: str, sha1: str | None, large_file_id: str | None) -> None:
    if not dest.endswith("/") and dest.count("/") > 2:
        raise click.UsageError(f"several files go into a folder: write {dest}/")
    if sha1 is not None or large_file_id is not None:
        raise click.UsageError("--sha1 and --large-file-id belong to a single file")
    names = [os.path.basename(os.path.abspath(source)) for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{printable(twice)} is there twice, and each would hide the one before it")
    if "-" in sources:
        raise click.UsageError("standard input has no name to go into a folder; upload it by itself")


def bar_of(no_progress: bool, quiet: bool) -> ProgressReport:
    """The bar alone: what is done is one file, which is printed when it is there."""
    return progress_report(no_progress, quiet, lines=False)


@click.command()
@click.argument("source")
@click.argument("target", type=click.Path(allow_dash=True, readable=False))
@_range_option
@click.option("--no-verify", is_flag=True, help="Do not compare the content with its SHA-1.")
@source_key_option
@pace_options
@no_progress_option
@quiet_option
def download(
    source: str,
    target: str,
    wanted: str | None,
    no_verify: bool,
    source_server_side_encryption: str | None,
    pace: Pace,
    no_progress: bool,
    quiet: bool,
) -> None:
    """Download b2://bucket/name or b2id://ID to a file, into a folder, or to - (standard output).

    What is at TARGET stays until the new content is whole and verified. A download that was interrupted goes on where
    it was.
    """
    part, key = _wanted(wanted), source_key_of(source_server_side_encryption)
    piped = Piped(sys.stdout.buffer) if target == "-" and not isinstance(sys.stdout, Nowhere) else None
    with client_of_environment(pace) as client:
        progress = bar_of(no_progress, quiet)
        try:
            result = client.download(
                source,
                target if piped is None else piped,
                wanted=part,
                verify=not no_verify,
                encryption=key,
                streams=pace.workers.streams,
                listener=progress,
            )
        finally:
            progress.close()
    if piped is not None and piped.unread:
        raise BrokenPipeError  # the group ends as for any output that nobody reads
    if not ok(result):
        end_with(source, result.failure())
    if not quiet:
        _tell_downloaded(result.unwrap(), sys.stderr)


def _tell_downloaded(done: Downloaded, stream: TextIO) -> None:
    checked = f"SHA-1 {done.checked.sha1}" if isinstance(done.checked, Checked) else "not verified"
    reused = f" ({human_bytes(done.reused)} of it were there)" if done.reused else ""
    click.echo(f"{human_bytes(done.length)}{reused}, {checked}", file=stream)


@click.command()
@click.argument("source")
@click.argument("dest")
@_range_option
@new_file_options
@source_key_option
@click.option("--max-part-size", type=SIZE, default=MAX_PART_SIZE, metavar="SIZE", help="Longer copies go in parts.")
@resume_options[0]
@resume_options[1]
@threads_option
@json_option
@no_progress_option
@quiet_option
def copy(
    source: str,
    dest: str,
    wanted: str | None,
    source_server_side_encryption: str | None,
    max_part_size: int,
    no_resume: bool,
    large_file_id: str | None,
    pace: Pace,
    as_json: bool,
    no_progress: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Copy b2://bucket/name or b2id://ID to b2://bucket/name, on the server.

    Type and info are those of the source where no flag says otherwise.
    """
    new, resume = new_file_of(**flags), resume_of_flags(no_resume, large_file_id)
    part, key = _wanted(wanted), source_key_of(source_server_side_encryption)
    with client_of_environment(pace) as client:
        progress = bar_of(no_progress, quiet)
        try:
            result = client.copy(
                source,
                dest,
                new,
                wanted=part,
                source_encryption=key,
                max_part_size=max_part_size,
                resume=resume,
                listener=progress,
            )
        finally:
            progress.close()
    if not ok(result):
        end_with(source, result.failure())
    show_made(result.unwrap(), as_json)


@click.command()
@click.argument("folder")
@click.option(
    "--older-than",
    type=AGE,
    default="1d",
    show_default=True,
    metavar="AGE",
    help="Only those to which nothing happened for so long, as 12h or 7d.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be cancelled, and change nothing.")
def clean(folder: str, older_than: int, dry_run: bool) -> None:
    """Cancel the unfinished large files below b2://bucket/prefix that nobody works on any more."""
    with client_of_environment() as client:
        planned = client.plan_cleanup(folder, older_than=timedelta(milliseconds=older_than))
        if not ok(planned):
            end_with(folder, planned.failure())
        plan = planned.unwrap()
        if dry_run:
            for file in plan.cancel:
                click.echo(f"would cancel {_unfinished(file)}")
            click.echo(f"{len(plan.cancel):,} to cancel, {len(plan.keep):,} too young", err=True)
            return
        report = client.clean_up(plan)
    for file in report.cancelled:
        click.echo(f"cancelled {_unfinished(file)}")
    for file in report.moved:
        click.echo(f"left alone, for it moved on: {_unfinished(file)}", err=True)
    for file, error in report.failed:
        _refuse(file.file_name, error)
    click.echo(f"{len(report.cancelled):,} cancelled, {len(plan.keep):,} too young", err=True)
    sys.exit(1 if report.failed else 0)


def _unfinished(file: Unfinished) -> str:
    return f"{file.file_id}  {file.parts:,} parts, {human_bytes(file.bytes)}  {printable(file.file_name)}"
