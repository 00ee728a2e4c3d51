"""The command line: plan, apply, sync, ls, serve.

Exit status: 0 everything is as it should be, 1 something is not (each thing is named on standard error), 2 the command
line itself makes no sense. Credentials come from the environment, as the b2 command line has them, and are never
printed. Flags carry the b2 command line's names where it has them.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import click

from b2pure import __version__
from b2pure.effects.program import ok
from b2pure.effects.report import Report, troubles
from b2pure.effects.simulator import Simulator
from b2pure.model.errors import B2Error, InvalidArgument, LocalFailure, Transport, Unavailable, describe
from b2pure.model.files import FileVersion
from b2pure.model.names import printable
from b2pure.model.places import B2Folder, LocalFolder, Place, parse_place
from b2pure.model.policy import (
    CompareVersionMode,
    Delete,
    KeepDays,
    KeepOrDelete,
    NewerFileSyncMode,
    NoDelete,
    RetentionClock,
    ScanPolicies,
    SyncPolicy,
)
from b2pure.plan.actions import actions_of
from b2pure.plan.explain import show_action
from b2pure.plan.failures import PlanFailed, tell_failure
from b2pure.plan.listing import version_of
from b2pure.plan.reasons import tell
from b2pure.plan.summary import human_bytes
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.connect import connect
from b2pure.shell.plans import Plan
from b2pure.shell.progress import ProgressReport

__all__ = ["run"]

F = TypeVar("F", bound=Callable[..., Any])


def run() -> None:
    """Run the command line. A pipe that closes early and Ctrl-C end it quietly."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # they are TextIOWrappers
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _die("interrupted; run it again to go on from here", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _die(message: str, status: int = 1) -> NoReturn:
    click.echo(f"b2pure: {message}", err=True)
    sys.exit(status)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="b2pure")
def cli() -> None:
    """Backblaze B2 sync with the plan as data.

    SOURCE and DEST are local folders or b2://bucket/path. The key comes from B2_APPLICATION_KEY_ID and
    B2_APPLICATION_KEY; B2_ENVIRONMENT names another realm or the URL of another server.
    """


# --- options that decide what a sync does


def _policy_options(command: F) -> F:
    """All flags of a policy, in the order of the help text."""
    for option in reversed(_POLICY_OPTIONS):
        command = option(command)
    return command


_POLICY_OPTIONS = (
    click.option("--delete", is_flag=True, help="Delete what the source lacks, and old versions at once."),
    click.option(
        "--keep-days",
        type=float,
        metavar="DAYS",
        help="Hide what the source lacks; delete versions not visible in the last DAYS days.",
    ),
    click.option(
        "--keep-days-by",
        type=click.Choice([clock.value for clock in RetentionClock]),
        default=RetentionClock.UPLOAD_TIME.value,
        help="Whose times --keep-days goes by: B2's upload times, or modification times as b2sdk does.",
    ),
    click.option(
        "--compare-versions",
        type=click.Choice([mode.value for mode in CompareVersionMode]),
        default=CompareVersionMode.MODTIME.value,
        help="What makes a file different (default modTime).",
    ),
    click.option(
        "--compare-threshold",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Differences up to N do not count: milliseconds for modTime, bytes for size.",
    ),
    click.option("--skip-newer", is_flag=True, help="Skip files that are newer at the destination."),
    click.option("--replace-newer", is_flag=True, help="Replace files that are newer at the destination."),
    click.option("--exclude-regex", multiple=True, metavar="REGEX", help="Leave out files whose path matches."),
    click.option("--include-regex", multiple=True, metavar="REGEX", help="Exceptions from --exclude-regex."),
    click.option("--exclude-dir-regex", multiple=True, metavar="REGEX", help="Leave out folders whose path matches."),
    click.option("--exclude-all-symlinks", is_flag=True, help="Do not follow symbolic links."),
    click.option("--exclude-if-modified-before", metavar="TIME", help="Seconds since 1970, or 2026-01-31T12:00."),
    click.option("--exclude-if-modified-after", metavar="TIME", help="As above; an older version takes its place."),
    click.option("--exclude-if-uploaded-before", metavar="TIME", help="By B2's upload time."),
    click.option("--exclude-if-uploaded-after", metavar="TIME", help="By B2's upload time."),
    click.option(
        "--filter-source-only",
        is_flag=True,
        help="As b2sdk does: what the filters leave out looks deleted, and --delete removes it at the destination.",
    ),
    click.option("--allow-empty-source", is_flag=True, help="Go on even if the source has no files."),
)


def _policy(**flags: Any) -> SyncPolicy:
    """The policy that the flags say. Raises click.UsageError."""
    if flags["skip_newer"] and flags["replace_newer"]:
        raise click.UsageError("--skip-newer and --replace-newer exclude each other")
    newer = NewerFileSyncMode.RAISE_ERROR
    if flags["skip_newer"] or flags["replace_newer"]:
        newer = NewerFileSyncMode.SKIP if flags["skip_newer"] else NewerFileSyncMode.REPLACE
    compare, threshold = CompareVersionMode(flags["compare_versions"]), flags["compare_threshold"]
    try:
        return SyncPolicy(
            keep=_keep(**flags),
            compare=compare,
            compare_threshold_millis=0 if compare is CompareVersionMode.SIZE else threshold,
            compare_threshold_bytes=threshold if compare is CompareVersionMode.SIZE else 0,
            newer=newer,
            scan=_scan_policies(**flags),
            filter_sides="source" if flags["filter_source_only"] else "both",
            allow_empty_source=flags["allow_empty_source"],
        )
    except ValueError as error:
        raise click.UsageError(_in_flags(str(error))) from None


def _keep(*, delete: bool, keep_days: float | None, keep_days_by: str, **_: Any) -> KeepOrDelete:
    if delete and keep_days is not None:
        raise click.UsageError("--delete and --keep-days exclude each other")
    if keep_days is None:
        return Delete() if delete else NoDelete()
    whole = int(keep_days) if float(keep_days).is_integer() else keep_days
    return KeepDays(whole, RetentionClock(keep_days_by))


def _scan_policies(**flags: Any) -> ScanPolicies:
    return ScanPolicies(
        exclude_dir_regexes=flags["exclude_dir_regex"],
        exclude_file_regexes=flags["exclude_regex"],
        include_file_regexes=flags["include_regex"],
        exclude_all_symlinks=flags["exclude_all_symlinks"],
        exclude_modified_before=_millis("--exclude-if-modified-before", flags["exclude_if_modified_before"]),
        exclude_modified_after=_millis("--exclude-if-modified-after", flags["exclude_if_modified_after"]),
        exclude_uploaded_before=_millis("--exclude-if-uploaded-before", flags["exclude_if_uploaded_before"]),
        exclude_uploaded_after=_millis("--exclude-if-uploaded-after", flags["exclude_if_uploaded_after"]),
    )


def _millis(flag: str, text: str | None) -> int | None:
    """Seconds since 1970 (with a fraction, if need be) or an ISO 8601 time, UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{flag} takes seconds since 1970 or a time like 2026-01-31T12:00, not {text!r}"
        ) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _in_flags(message: str) -> str:
    """The policy's message in the words of the command line."""
    for field, flag in (
        ("exclude_dir_regexes", "--exclude-dir-regex"),
        ("exclude_file_regexes", "--exclude-regex"),
        ("include_file_regexes", "--include-regex"),
        ("exclude_modified_", "--exclude-if-modified-"),
        ("exclude_uploaded_", "--exclude-if-uploaded-"),
        ("keep_days", "--keep-days"),
    ):
        message = message.replace(field, flag)
    return message


# --- what the commands share


def _place(text: str) -> Place:
    parsed = parse_place(text)
    if ok(parsed):
        return parsed.unwrap()
    raise click.UsageError(str(parsed.failure()))


def _check_sides(source: Place, dest: Place, policy: SyncPolicy) -> None:
    if isinstance(source, LocalFolder) and isinstance(dest, LocalFolder):
        raise click.UsageError("one of SOURCE and DEST must be b2://bucket/path")
    if isinstance(dest, LocalFolder) and isinstance(policy.keep, KeepDays):
        raise click.UsageError("--keep-days cannot work for a local DEST, whose files have no versions; use --delete")


@contextmanager
def _client(threads: int = 10) -> Iterator[Client]:
    """A client with the key of the environment."""
    key_id, key = os.environ.get("B2_APPLICATION_KEY_ID", ""), os.environ.get("B2_APPLICATION_KEY", "")
    if not key_id or not key:
        raise click.UsageError("set B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY in the environment")
    connected = connect(key_id, key, realm=os.environ.get("B2_ENVIRONMENT") or "production", workers=threads)
    if not ok(connected):
        error = connected.failure()
        if isinstance(error, InvalidArgument):
            raise click.UsageError(f"B2_ENVIRONMENT: {error}")
        _die(_told_of_start(error))
    with connected.unwrap() as client:
        yield client


def _told_of_start(error: B2Error) -> str:
    if isinstance(error, Transport | Unavailable):
        where = os.environ.get("B2_ENVIRONMENT") or "production"
        return f"cannot reach B2 ({where}): {describe(error)}; check the network and B2_ENVIRONMENT"
    return f"cannot authorize: {describe(error)}; check B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY"


def _finish(report: Report) -> NoReturn:
    """Name what went wrong, say what was done, and exit accordingly."""
    sys.stdout.flush()
    for line in troubles(report):
        click.echo(line, err=True)
    done = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.done.items()) or "nothing to do"
    extra = [
        (report.newer_skipped, "newer at the destination, skipped"),
        (report.superseded, "done by another sync meanwhile"),
        (len(report.failed), "failed"),
        (len(report.drifted), "changed meanwhile"),
        (len(report.conflicts), "in conflict"),
        (len(report.skipped), "skipped"),
    ]
    told = "".join(f" · {count:,} {what}" for count, what in extra if count)
    if not (report.refused and not report.actions):
        click.echo(f"{done} ({human_bytes(report.bytes_moved)}){told}", err=True)
    sys.exit(0 if report.ok else 1)


_threads_option = click.option(
    "--threads", type=click.IntRange(1, 512), default=10, metavar="N", help="Files on their way at once (default 10)."
)
_progress_options = (
    click.option("--no-progress", is_flag=True, help="No bar and no progress lines."),
    click.option("--quiet", is_flag=True, help="Nothing but errors and the last line."),
)


def _progress(no_progress: bool, quiet: bool) -> ProgressReport:
    return ProgressReport(None if quiet else sys.stdout, None if no_progress or quiet else sys.stderr)


# --- the commands


@cli.command()
@click.argument("source")
@click.argument("dest")
@_policy_options
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON Lines: what -o writes.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Save the plan, for `b2pure apply`.")
@click.option("--explain", metavar="PATH", help="Say why this one path is treated as it is, and nothing else.")
def plan(source: str, dest: str, as_json: bool, output: str | None, explain: str | None, **flags: Any) -> None:
    """Show what a sync would do, and change nothing."""
    policy = _policy(**flags)
    ours, theirs = _place(source), _place(dest)
    _check_sides(ours, theirs, policy)
    with _client() as client:
        try:
            if explain is not None:
                click.echo(client.explain(ours, theirs, explain, policy))
                return
            _show_plan(client.plan_sync(ours, theirs, policy), as_json=as_json, output=output)
        except PlanFailed as failed:
            _die(str(failed))


def _show_plan(made: Plan, *, as_json: bool, output: str | None) -> None:
    if output is not None:
        try:
            made.save(output)
        except OSError as error:
            _die(f"cannot write {output}: {error.strerror}")
    if as_json:
        for line in made.lines():
            sys.stdout.buffer.write(line)
        return
    for sync in made:
        actions = actions_of(sync)
        if not actions:
            click.echo(f"-      {printable(sync.path)}  [{tell(sync.reason)}]")
        for action in actions:
            click.echo(f"{show_action(action)}  [{tell(sync.reason)}]")
    click.echo(made.summary())
    if output is not None:
        click.echo(f"plan {made.plan_id[:16]} saved: b2pure apply {output}")


@cli.command()
@click.argument("plan_file", type=click.Path())
@_threads_option
@_progress_options[0]
@_progress_options[1]
def apply(plan_file: str, threads: int, no_progress: bool, quiet: bool) -> None:
    """Do what a saved plan says; a path that changed since is named and left alone."""
    loaded = Plan.load(plan_file)
    if not ok(loaded):
        error = loaded.failure()
        _die(describe(error) if isinstance(error, LocalFailure) else f"{plan_file}: {tell_failure(error)}")
    with _client(threads) as client:
        progress = _progress(no_progress, quiet)
        try:
            report = client.apply(loaded.unwrap(), listener=progress)
        finally:
            progress.close()
    _finish(report)


@cli.command()
@click.argument("source")
@click.argument("dest")
@_policy_options
@click.option("--dry-run", is_flag=True, help="Show the plan, as `b2pure plan` does, and change nothing.")
@_threads_option
@_progress_options[0]
@_progress_options[1]
def sync(source: str, dest: str, dry_run: bool, threads: int, no_progress: bool, quiet: bool, **flags: Any) -> None:
    """Make DEST like SOURCE."""
    policy = _policy(**flags)
    ours, theirs = _place(source), _place(dest)
    _check_sides(ours, theirs, policy)
    with _client(threads) as client:
        if dry_run:
            try:
                _show_plan(client.plan_sync(ours, theirs, policy), as_json=False, output=None)
            except PlanFailed as failed:
                _die(str(failed))
            return
        progress = _progress(no_progress, quiet)
        try:
            report = client.sync(ours, theirs, policy, listener=progress)
        finally:
            progress.close()
    _finish(report)


@cli.command()
@click.argument("folder")
@click.option("-r", "--recursive", is_flag=True, help="All files below, not one level.")
@click.option("--versions", is_flag=True, help="Old versions and hide markers, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, as B2 answers.")
def ls(folder: str, recursive: bool, versions: bool, as_json: bool) -> None:
    """List the files of a b2:// folder."""
    place = _place(folder)
    if not isinstance(place, B2Folder):
        raise click.UsageError("ls lists b2://bucket/path; for a local folder use your own tools")
    with _client() as client:
        try:
            for file in client.ls(place, recursive=recursive, versions=versions):
                click.echo(_as_json(file) if as_json else _listed(file, versions))
        except PlanFailed as failed:
            _die(str(failed))


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


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print the address and the key as one line of JSON.")
@click.option("--bucket", multiple=True, metavar="NAME", help="A bucket that is there from the start.")
def serve(port: int, as_json: bool, bucket: tuple[str, ...]) -> None:
    """Serve a simulated B2 over HTTP on 127.0.0.1. Everything is gone when it ends."""
    try:
        from b2pure.shell.serve import serve_forever
    except ModuleNotFoundError as missing:
        _die(str(missing))
    simulator = Simulator(SystemClock().now_millis, secrets.randbits(32))
    for name in bucket:
        simulator.add_bucket(name)

    def ready(url: str) -> None:
        key_id, key = simulator.master_key_id, simulator.master_key
        if as_json:
            told = {"url": url, "application_key_id": key_id, "application_key": key}
            click.echo(json.dumps(told))
        else:
            click.echo(f"export B2_ENVIRONMENT={url}")
            click.echo(f"export B2_APPLICATION_KEY_ID={key_id}")
            click.echo(f"export B2_APPLICATION_KEY={key}")
            click.echo("# a simulated B2 is running here until Ctrl-C", err=True)
        sys.stdout.flush()

    try:
        serve_forever(simulator, port, ready=ready)
    except OSError as error:
        _die(f"cannot serve on port {port}: {error.strerror}")
