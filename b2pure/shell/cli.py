"""The command line: plan, apply, sync, ls; single files in `cli_transfers`, the server in `cli_serve`.

Exit status: 0 everything is as it should be, 1 something is not (each thing is named on standard error), 2 the command
line itself makes no sense, 141 whoever read the output went away, 129 and 143 the terminal went away, or somebody asked
the process to end. Credentials come from the environment, as the b2 command line has them, and are never
printed.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import click

from b2pure import __version__
from b2pure.effects.program import ok
from b2pure.effects.report import Report, troubles
from b2pure.model.errors import LocalFailure, describe
from b2pure.model.files import FileVersion
from b2pure.model.names import printable
from b2pure.model.places import B2Folder, LocalFolder, Place
from b2pure.model.policy import KeepDays, SyncPolicy
from b2pure.plan.actions import actions_of
from b2pure.plan.codec import canonical
from b2pure.plan.explain import show_action
from b2pure.plan.failures import PlanFailed, tell_failure
from b2pure.plan.listing import version_of
from b2pure.plan.reasons import tell
from b2pure.plan.summary import human_bytes
from b2pure.shell.cli_common import (
    READER_GONE,
    Pace,
    client_of_environment,
    die,
    keys_of_environment,
    no_progress_option,
    pace_options,
    place_of,
    processes_option,
    progress_report,
    quiet_option,
    silence,
)
from b2pure.shell.cli_emerge import concatenate, create
from b2pure.shell.cli_new_file import new_file_of, new_file_options, source_key_of, source_key_option
from b2pure.shell.cli_policy import policy_of, policy_options
from b2pure.shell.cli_serve import serve
from b2pure.shell.cli_transfers import clean, copy, download, upload
from b2pure.shell.plans import Plan
from b2pure.shell.progress import ProgressReport
from b2pure.shell.signals import Terminated, ending_raises, ignore_ending_at_last
from b2pure.shell.targets import Nowhere

__all__ = ["run"]

_GO_ON: Final = ("apply", "concatenate", "copy", "create", "download", "sync", "upload")
"""Commands that find out by themselves what an earlier run has done."""


def run() -> None:
    """Run the command line. A pipe that closes early, Ctrl-C and polite signals end it in order."""
    # A job may have been started with its output closed.
    sys.stdout = sys.stdout or Nowhere()
    sys.stderr = sys.stderr or Nowhere()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # they are TextIOWrappers
    try:
        with ending_raises():
            cli(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end_interrupted(sys.argv[1:])
    except Terminated as wish:
        _end_terminated(sys.argv[1:], wish)
    except BrokenPipeError:
        silence(sys.stdout)
        sys.exit(READER_GONE)
    except OSError as error:
        silence(sys.stdout)
        die(f"cannot write the output: {error.strerror or error}")


def _end_interrupted(arguments: list[str]) -> NoReturn:
    """Say what to do after Ctrl-C. It is how a server ends."""
    if _command_name(arguments) == "serve":
        sys.exit(0)
    die(f"interrupted{_hint(arguments)}")


def _end_terminated(arguments: list[str], wish: Terminated) -> NoReturn:
    """The same after a signal; when the terminal is gone, there is nobody to say it to."""
    if _command_name(arguments) == "serve":
        sys.exit(0)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)
    try:
        click.echo(f"b2pure: ended by {wish}{_hint(arguments)}", err=True)
    except OSError:
        silence(sys.stderr)
    ignore_ending_at_last()
    sys.exit(wish.status)


def _command_name(arguments: list[str]) -> str:
    return next((each for each in arguments if not each.startswith("-")), "")


def _hint(arguments: list[str]) -> str:
    """What to do now: most commands go on where they were."""
    command = _command_name(arguments)
    anew = "--no-resume" in arguments or (command == "download" and "-" in arguments)
    return "; run it again to go on from here" if command in _GO_ON and not anew else ""


class _Group(click.Group):
    """Commands whose reader may go away; click would end them with status 1, as if something were amiss."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            silence(sys.stdout)
            sys.exit(READER_GONE)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="b2pure")
def cli() -> None:
    """Backblaze B2 with plans as data.

    SOURCE and DEST are local folders or b2://bucket/path. The key comes from B2_APPLICATION_KEY_ID and
    B2_APPLICATION_KEY; B2_ENVIRONMENT names another realm or the URL of another server.
    """


# --- what the commands share


def _check_sides(source: Place, dest: Place, policy: SyncPolicy) -> None:
    if isinstance(source, LocalFolder) and isinstance(dest, LocalFolder):
        raise click.UsageError("one of SOURCE and DEST must be b2://bucket/path")
    if isinstance(dest, LocalFolder) and isinstance(policy.keep, KeepDays):
        raise click.UsageError("--keep-days cannot work for a local DEST, whose files have no versions; use --delete")


def _settings_of(*, source_server_side_encryption: str | None, **flags: Any) -> dict[str, Any]:
    """What a sync makes files with, and reads them with."""
    return {"new_files": new_file_of(**flags), "source_encryption": source_key_of(source_server_side_encryption)}


def _finish(report: Report, progress: ProgressReport) -> NoReturn:
    """Name what went wrong, say what was done, and exit accordingly. A run goes on when nobody reads its output."""
    read = not progress.unread and _is_read()
    for line in troubles(report):
        click.echo(line, err=True)
    done = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.done.items())
    done = done or ("nothing to do" if report.ok else "nothing done")
    extra = [
        (report.newer_skipped, "newer at the destination, skipped"),
        (report.superseded, "needed nothing any more"),
        (len(report.failed), "failed"),
        (len(report.drifted), "changed meanwhile"),
        (len(report.conflicts), "in conflict"),
        (len(report.skipped) - report.left_over, "skipped"),
        (report.left_over, "temporary, left alone"),
    ]
    told = "".join(f" · {count:,} {what}" for count, what in extra if count)
    if not (report.refused and not report.actions):
        click.echo(f"{done} ({human_bytes(report.bytes_moved)}){told}", err=True)
    sys.exit(1 if not report.ok else 0 if read else READER_GONE)


def _is_read() -> bool:
    """Whether all output has come to whoever reads it, or at least to where nobody minds."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        return False
    return True


# --- the commands


@cli.command()
@click.argument("source")
@click.argument("dest")
@policy_options
@new_file_options
@source_key_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print the plan as JSON Lines, what -o writes; with --explain one object."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, readable=False),
    help="Save the plan, for `b2pure apply` (-: print it).",
)
@click.option(
    "--explain",
    metavar="PATH",
    help="Say why this one path, as plans name it, is treated as it is, and nothing else.",
)
def plan(source: str, dest: str, as_json: bool, output: str | None, explain: str | None, **flags: Any) -> None:
    """Show what a sync would do, and change nothing."""
    policy, settings = policy_of(**flags), _settings_of(**flags)
    ours, theirs = place_of(source), place_of(dest)
    _check_sides(ours, theirs, policy)
    if explain is not None and output is not None:
        raise click.UsageError("--explain makes no plan that -o could save; leave one of them out")
    with client_of_environment() as client:
        try:
            if explain is not None:
                explanation = client.explanation(ours, theirs, explain, policy)
                click.echo(canonical(explanation) if as_json else explanation.text())
                return
            _show_plan(client.plan_sync(ours, theirs, policy, **settings), as_json=as_json, output=output)
        except PlanFailed as failed:
            die(str(failed))


def _show_plan(made: Plan, *, as_json: bool, output: str | None) -> None:
    """Print or save the plan; what cannot take part, and what would be refused, is named and makes the status 1."""
    if output == "-" and isinstance(sys.stdout, Nowhere):
        die("cannot write standard output: it is closed")
    if output is not None and output != "-":
        try:
            made.save(output)
        except OSError as error:
            die(f"cannot write {output}: {error.strerror}")
    if as_json or output == "-":
        for line in made.lines():
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    else:
        _print_plan(made)
    summary = made.summarize()
    if output not in (None, "-") and not as_json:
        click.echo(f"plan {made.plan_id[:16]} saved: b2pure apply {output}")
    refused = next(made.refuses(), None)
    if refused is not None:
        click.echo(
            f"{summary.conflicts:,} in conflict ({printable(refused.path)} ...), which apply and sync would refuse: "
            "choose --skip-newer or --replace-newer",
            err=True,
        )
    if summary.skipped:
        click.echo(f"{summary.skipped:,} skipped: the plan's lines without an action say why", err=True)
    sys.exit(1 if refused is not None or summary.skipped else 0)


def _print_plan(made: Plan) -> None:
    for sync in made:
        actions = actions_of(sync)
        if not actions:
            click.echo(f"-      {printable(sync.path)}  [{tell(sync.reason)}]")
        for action in actions:
            click.echo(f"{show_action(action)}  [{tell(sync.reason)}]")
    click.echo(made.summary())


@cli.command()
@click.argument("plan_file", type=click.Path(readable=False))
@pace_options
@processes_option
@no_progress_option
@quiet_option
def apply(plan_file: str, pace: Pace, processes: int, no_progress: bool, quiet: bool) -> None:
    """Do what a saved plan says; a path that changed since is named and left alone."""
    loaded = Plan.load(plan_file)
    if not ok(loaded):
        error = loaded.failure()
        die(describe(error) if isinstance(error, LocalFailure) else f"{plan_file}: {tell_failure(error)}")
    keys = keys_of_environment()
    with client_of_environment(pace) as client:
        progress = progress_report(no_progress, quiet)
        try:
            report = client.apply(loaded.unwrap(), keys=keys, listener=progress, processes=processes)
        finally:
            progress.close()
    _finish(report, progress)


@cli.command()
@click.argument("source")
@click.argument("dest")
@policy_options
@new_file_options
@source_key_option
@click.option("--dry-run", is_flag=True, help="Show the plan, as `b2pure plan` does, and change nothing.")
@pace_options
@processes_option
@no_progress_option
@quiet_option
def sync(
    source: str,
    dest: str,
    dry_run: bool,
    pace: Pace,
    processes: int,
    no_progress: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Make DEST like SOURCE."""
    policy, settings = policy_of(**flags), _settings_of(**flags)
    ours, theirs = place_of(source), place_of(dest)
    _check_sides(ours, theirs, policy)
    with client_of_environment(pace) as client:
        if dry_run:
            try:
                _show_plan(client.plan_sync(ours, theirs, policy, **settings), as_json=False, output=None)
            except PlanFailed as failed:
                die(str(failed))
            return
        progress = progress_report(no_progress, quiet)
        try:
            report = client.sync(ours, theirs, policy, listener=progress, processes=processes, **settings)
        finally:
            progress.close()
    _finish(report, progress)


@cli.command()
@click.argument("folder")
@click.option("-r", "--recursive", is_flag=True, help="All files below, not one level.")
@click.option("--versions", is_flag=True, help="Old versions and hide markers, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, as B2 answers.")
def ls(folder: str, recursive: bool, versions: bool, as_json: bool) -> None:
    """List the files of a b2:// folder."""
    place = place_of(folder)
    if not isinstance(place, B2Folder):
        raise click.UsageError("ls lists b2://bucket/path; for a local folder use your own tools")
    with client_of_environment() as client:
        try:
            for file in client.ls(place, recursive=recursive, versions=versions):
                click.echo(_as_json(file) if as_json else _listed(file, versions))
        except PlanFailed as failed:
            die(str(failed))


def _as_json(file: Any) -> str:
    import msgspec

    return msgspec.json.encode(file).decode()


def _listed(file: Any, versions: bool) -> str:
    version = version_of(file)
    name = printable(file.file_name)
    if not isinstance(version, FileVersion):
        size, time = ("-", "") if file.action == "folder" else ("unfinished", _time(file.upload_timestamp))
    else:
        size = "hidden" if version.action == "hide" else str(version.size)
        time = _time(version.mod_time_millis)
    line = f"{size:>14}  {time:>19}  {name}"
    return f"{line}  {file.file_id or ''}".rstrip() if versions else line


def _time(millis: int) -> str:
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(millis)


for _command in (upload, download, copy, concatenate, create, clean, serve):
    cli.add_command(_command)
