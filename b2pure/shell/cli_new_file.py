"""The flags that say what a new file in B2 is made with, and the value that they say.

Flags carry the b2 command line's names. SSE-C keys come from the environment, never from the command line, where
other users of the machine could read them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from b2pure.model.new_file import AUTO_CONTENT_TYPE, NewFile
from b2pure.model.protection import Encryption, FileRetention, SseB2, SseC
from b2pure.shell.cli_common import DEST_KEY, SOURCE_KEY, key_of_environment
from b2pure.shell.cli_policy import millis_of

__all__ = ["new_file_of", "new_file_options", "source_key_of", "source_key_option"]

F = TypeVar("F", bound=Callable[..., Any])


def new_file_options(command: F) -> F:
    """All flags of a new file, in the order of the help text."""
    for option in reversed(_NEW_FILE_OPTIONS):
        command = option(command)
    return command


_NEW_FILE_OPTIONS: Final = (
    click.option("--content-type", metavar="TYPE", help="Default: B2 chooses by the name."),
    click.option("--info", multiple=True, metavar="KEY=VALUE", help="A pair of the file's info. Repeatable."),
    click.option("--cache-control", metavar="TEXT", help="A header that downloads answer with."),
    click.option("--content-disposition", metavar="TEXT", help="A header that downloads answer with."),
    click.option("--content-encoding", metavar="TEXT", help="A header that downloads answer with."),
    click.option("--content-language", metavar="TEXT", help="A header that downloads answer with."),
    click.option("--expires", metavar="DATE", help="A header that downloads answer with, an HTTP date."),
    click.option(
        "--destination-server-side-encryption",
        type=click.Choice(["SSE-B2", "SSE-C"]),
        help=f"Default: the bucket's. SSE-C takes its key from {DEST_KEY}.",
    ),
    click.option("--file-retention-mode", type=click.Choice(["governance", "compliance"]), help="With --retain-until."),
    click.option("--retain-until", metavar="TIME", help="Seconds since 1970, or 2026-01-31T12:00 (UTC)."),
    click.option("--legal-hold", type=click.Choice(["on", "off"]), help="Whether the file cannot be deleted."),
    click.option("--custom-upload-timestamp", metavar="TIME", help="As --retain-until; B2 allows it to few accounts."),
)

source_key_option = click.option(
    "--source-server-side-encryption",
    type=click.Choice(["SSE-C"]),
    help=f"The source is encrypted with the key in {SOURCE_KEY}.",
)


def source_key_of(source_server_side_encryption: str | None) -> SseC | None:
    """The SSE-C key of the source, if the flag says that there is one. Raises click.UsageError."""
    return None if source_server_side_encryption is None else key_of_environment(SOURCE_KEY)


_HEADERS: Final = ("cache_control", "content_disposition", "content_encoding", "content_language", "expires")


def new_file_of(**flags: Any) -> NewFile:
    """The value that the flags say. Raises click.UsageError."""
    mode, until = flags["file_retention_mode"], millis_of("--retain-until", flags["retain_until"])
    if (mode is None) != (until is None):
        raise click.UsageError("--file-retention-mode and --retain-until go together")
    try:
        return NewFile(
            content_type=AUTO_CONTENT_TYPE if flags["content_type"] is None else flags["content_type"],
            file_info=_info(flags["info"]),
            encryption=_encryption(flags["destination_server_side_encryption"]),
            retention=None if until is None else FileRetention(mode, until),
            legal_hold=flags["legal_hold"],
            custom_upload_timestamp=millis_of("--custom-upload-timestamp", flags["custom_upload_timestamp"]),
            **{name: flags[name] for name in _HEADERS},
        )
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None


def _encryption(mode: str | None) -> Encryption | None:
    if mode is None:
        return None
    return SseB2() if mode == "SSE-B2" else key_of_environment(DEST_KEY)


def _info(pairs: tuple[str, ...]) -> dict[str, str]:
    info: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--info takes KEY=VALUE, not {pair!r}")
        if name.lower() in info:
            raise click.UsageError(f"--info {name} is given twice (B2 does not tell capital letters apart)")
        info[name.lower()] = value
    return info
