"""`b2pure serve`: its options, what they mean together, and what it prints."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click
from attrs import evolve, frozen

from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.latency import Latency
from b2pure.effects.program import ok
from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.effects.simulator.rules import bucket_name_problem
from b2pure.effects.wire import KeyPair
from b2pure.model.errors import LocalFailure, describe
from b2pure.shell.cli_faults import fault_options, faults_of
from b2pure.shell.clock import SystemClock
from b2pure.shell.quantities import COUNT, SIZE, TIME, IntType
from b2pure.shell.signals import Terminated

__all__ = ["serve"]

F = TypeVar("F", bound=Callable[..., Any])

KEY_ID: Final = "B2PURE_SERVE_KEY_ID"
KEY: Final = "B2PURE_SERVE_KEY"
_BUCKET_TYPES: Final = {"": "allPrivate", "private": "allPrivate", "public": "allPublic"}
_KEY_ID: Final = re.compile(r"[!-9;-~]{1,100}\Z", re.ASCII)  # no colon: it ends the id in Basic authorization
_KEY: Final = re.compile(r"[!-~]{1,200}\Z", re.ASCII)


class _DirectoryType(click.Path):
    """A directory, and not the present one for want of a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name, which is mostly a variable that is not set."""
        if value == "":
            self.fail("the name of the directory is empty", param, ctx)
        return super().convert(value, param, ctx)


@frozen
class _Limit:
    """A flag that sets a field of `SimulatorConfig`."""

    flag: str
    field: str
    kind: IntType
    help: str


_LIMITS: Final = (
    _Limit("--minimum-part-size", "absolute_minimum_part_size", SIZE, "The smallest part but the last"),
    _Limit("--recommended-part-size", "recommended_part_size", SIZE, "What clients are told to send as a part"),
    _Limit("--max-part-size", "max_part_size", SIZE, "The largest part"),
    _Limit("--max-single-size", "max_single_size", SIZE, "The largest upload or copy in one call"),
    _Limit("--max-file-size", "max_file_size", SIZE, "The largest large file"),
    _Limit("--max-parts", "max_parts", COUNT, "The highest part number"),
    _Limit("--minimum-part-count", "minimum_part_count", COUNT, "The fewest parts of a large file"),
    _Limit("--max-buckets", "max_buckets", COUNT, "The most buckets"),
    _Limit("--max-info-pairs", "max_info_pairs", COUNT, "The most file info pairs of a file"),
    _Limit("--info-budget", "info_budget", SIZE, "The most bytes of a file's name and info as headers"),
    _Limit("--protected-info-budget", "protected_info_budget", SIZE, "The same for encrypted or lockable files"),
    _Limit("--storage-cap", "storage_cap", SIZE, "The most bytes that are stored"),
    _Limit("--download-cap", "download_cap_per_day", SIZE, "The most bytes that are downloaded in a day (UTC)"),
    _Limit("--class-b-cap", "class_b_cap_per_day", COUNT, "The most class B calls in a day"),
    _Limit("--class-c-cap", "class_c_cap_per_day", COUNT, "The most class C calls in a day"),
    _Limit("--requests-per-second", "requests_per_second", COUNT, "What comes faster is answered with 429"),
    _Limit("--page-limit", "page_limit", COUNT, "The most entries of a list's page, whatever is asked for"),
    _Limit("--log-size", "log_size", COUNT, "How many requests the status page remembers"),
    _Limit("--token-lifetime", "token_lifetime_millis", TIME, "How long tokens and upload URLs are good"),
)


def _limit_options(command: F) -> F:
    for limit in reversed(_LIMITS):
        default = getattr(SimulatorConfig(), limit.field)
        shown = "none" if default is None else f"{default // 1000}s" if limit.kind is TIME else f"{default}"
        metavar = "SIZE" if limit.kind is SIZE else "TIME" if limit.kind is TIME else "N"
        command = click.option(
            limit.flag, limit.field, type=limit.kind, metavar=metavar, help=f"{limit.help} (default {shown})."
        )(command)
    return command


_AT_LEAST: Final = (
    ("recommended_part_size", "absolute_minimum_part_size"),
    ("max_part_size", "recommended_part_size"),
    ("max_parts", "minimum_part_count"),
    ("max_file_size", "max_part_size"),
)
"""The first of each pair must not be less than the second."""


def _config(given: dict[str, int | None]) -> SimulatorConfig:
    """The limits; those that were not given make room for those that were, where that is unmistakable."""
    limits: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if "absolute_minimum_part_size" in limits and "recommended_part_size" not in limits:
        usual = SimulatorConfig().recommended_part_size
        limits["recommended_part_size"] = max(usual, limits["absolute_minimum_part_size"])
    config = SimulatorConfig(**limits, keep_journal=False)
    flags = {limit.field: limit.flag for limit in _LIMITS}
    for larger, smaller in _AT_LEAST:
        more, less = getattr(config, larger), getattr(config, smaller)
        if more < less:
            raise click.UsageError(f"{flags[larger]} ({more}) is less than {flags[smaller]} ({less}); set both")
    return config


@frozen
class _Bucket:
    """A bucket that is there from the start."""

    name: str
    bucket_type: str


def _buckets(given: tuple[str, ...]) -> tuple[_Bucket, ...]:
    found: dict[str, _Bucket] = {}
    for text in given:
        name, _, kind = text.partition(":")
        if kind not in _BUCKET_TYPES:
            raise click.BadParameter(f"{text!r}: it is NAME, NAME:public or NAME:private", param_hint="--bucket")
        problem = bucket_name_problem(name)
        if problem is not None:
            raise click.BadParameter(f"{name!r} {problem}", param_hint="--bucket")
        if name.lower() in found:
            raise click.BadParameter(f"{name!r} is there twice", param_hint="--bucket")
        found[name.lower()] = _Bucket(name, _BUCKET_TYPES[kind])
    return tuple(found.values())


def _key_pair() -> KeyPair | None:
    """The key that the environment wants, if any."""
    key_id, key = os.environ.get(KEY_ID, ""), os.environ.get(KEY, "")
    if not key_id and not key:
        return None
    if not _KEY_ID.match(key_id) or not _KEY.match(key):
        raise click.UsageError(
            f"{KEY_ID} and {KEY} must both be set, to printable ASCII without spaces, the id without a colon"
        )
    return KeyPair(key_id, key)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print the address and the key as one line of JSON.")
@click.option(
    "--bucket",
    multiple=True,
    metavar="NAME[:public]",
    help="A bucket that is there from the start. Repeatable.",
)
@click.option(
    "--data",
    type=_DirectoryType(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep everything in this directory, and go on from there the next time (default: in memory).",
)
@click.option("--fsync", is_flag=True, help="With --data: survive the end of power, too, at the price of speed.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Makes ids and the key the same each time (default: by chance). Data that are there keep theirs.",
)
@_limit_options
@click.option("--loose-names", is_flag=True, help="Take names with / at their ends or // inside, as the S3 API does.")
@click.option("--no-custom-timestamps", is_flag=True, help="Refuse upload timestamps that clients choose.")
@click.option(
    "--locked-status",
    type=click.Choice(["401", "403"]),
    default="403",
    help="How the deletion of a locked file is refused (default 403, as b2sdk expects; Backblaze's pages say 401).",
)
@click.option("--no-events", is_flag=True, help="Do not post event notifications to the webhooks of bucket rules.")
@fault_options
def serve(
    port: int,
    as_json: bool,
    bucket: tuple[str, ...],
    data: Path | None,
    fsync: bool,
    seed: int | None,
    no_events: bool,
    **flags: Any,
) -> None:
    """Serve a simulated B2 over HTTP on 127.0.0.1.

    Clients use the key that it prints, or the one in B2PURE_SERVE_KEY_ID and B2PURE_SERVE_KEY. Sizes are bytes, or as
    5MB or 100KiB. What it has is shown at its address in a browser. Without --data everything is gone when it ends.
    Ctrl-C, SIGTERM and SIGHUP end it, with status 0.
    """
    try:
        from b2pure.shell.serve import ServeOptions, serve_forever
    except ImportError as missing:
        _die(str(missing))
    if fsync and data is None:
        raise click.UsageError("--fsync is about --data, which is not there")
    limits = {limit.field: flags.pop(limit.field) for limit in _LIMITS}
    config = evolve(
        _config(limits),
        strict_names=not flags.pop("loose_names"),
        custom_timestamps=not flags.pop("no_custom_timestamps"),
        locked_status=401 if flags.pop("locked_status") == "401" else 403,
    )
    buckets, pair = _buckets(bucket), _key_pair()
    script, latency = faults_of(**flags)
    options = ServeOptions(latency=latency or Latency(), latency_seed=seed or 0, post_events=not no_events)
    chosen = secrets.randbits(32) if seed is None else seed
    with _simulator(data, chosen, config, fsync=fsync) as simulator:
        if pair is not None:
            simulator.install_key(pair)
        _make(simulator, buckets)
        shown = pair or KeyPair(simulator.master_key_id, simulator.master_key)
        try:
            serve_forever(
                simulator,
                port,
                ready=lambda url: _tell(url, shown, as_json=as_json, data=data),
                options=options,
                faults=FaultBoard(script),
            )
        except (KeyboardInterrupt, Terminated):
            pass  # it came before the server minded signals, and is the same wish
        except OSError as error:
            _die(f"cannot serve on port {port}: {error.strerror}")
    if data is not None:
        click.echo(f"# everything is in {data}: b2pure serve --data {data}", err=True)


@contextmanager
def _simulator(data: Path | None, seed: int, config: SimulatorConfig, *, fsync: bool) -> Iterator[Simulator]:
    now = SystemClock().now_millis
    if data is None:
        yield Simulator(now, seed, config=config)
        return
    from b2pure.shell.vault import open_vault

    opened = open_vault(data, now, seed=seed, config=config, fsync=fsync)
    if not ok(opened):
        failure: LocalFailure = opened.failure()
        _die(f"cannot use --data {data}: {describe(failure)}")
    simulator, vault = opened.unwrap()
    with vault:
        yield simulator


def _make(simulator: Simulator, buckets: tuple[_Bucket, ...]) -> None:
    """The buckets that are not there yet."""
    for bucket in buckets:
        if simulator.bucket_id(bucket.name) is None:
            simulator.add_bucket(bucket.name, bucket.bucket_type)


def _tell(url: str, pair: KeyPair, *, as_json: bool, data: Path | None) -> None:
    """Where it is and how to get in: on standard output, for programs and for `eval`."""
    if as_json:
        click.echo(json.dumps({"url": url, "application_key_id": pair.key_id, "application_key": pair.key}))
    else:
        click.echo(f"export B2_ENVIRONMENT={url}")
        click.echo(f"export B2_APPLICATION_KEY_ID={_quoted(pair.key_id)}")
        click.echo(f"export B2_APPLICATION_KEY={_quoted(pair.key)}")
        kept = "in memory" if data is None else f"with its data in {data}"
        click.echo(f"# a simulated B2 is running here until Ctrl-C, {kept}; see {url}", err=True)
    sys.stdout.flush()


def _quoted(text: str) -> str:
    """A word for a shell."""
    return text if re.fullmatch(r"[A-Za-z0-9_./+=@%-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _die(message: str) -> NoReturn:
    click.echo(f"b2pure: {message}", err=True)
    sys.exit(1)
