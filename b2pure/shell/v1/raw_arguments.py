"""What raw apis are given, as the core wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from b2pure.model.account import Allowed, Authorization
from b2pure.model.ids import AccountId
from b2pure.shell.v1.enums import MetadataDirectiveMode
from b2pure.shell.v1.exceptions import InvalidArgument, InvalidMetadataDirective
from b2pure.shell.v1.raw_api import Json, Range

__all__ = ["account_credential", "check_directive", "http_range", "rules_of_json", "unprintable_to_hex"]

T = TypeVar("T")


def unprintable_to_hex(string: str) -> str:
    """Replace what does not print with its number."""
    return "".join(f"\\x{ord(char):02x}" if ord(char) < 32 or ord(char) == 127 else char for char in string)


def account_credential(api_url: str, token: str, download_url: str = "") -> Authorization:
    """What a call with an account token needs of an authorization."""
    return Authorization(AccountId(""), token, api_url, download_url, Allowed(frozenset()))


def http_range(range_: Range | None) -> str | None:
    """The HTTP form of a range whose end is inclusive. Raises InvalidArgument."""
    if range_ is None:
        return None
    first, last = range_
    if not 0 <= first <= last:
        raise InvalidArgument("range", f"must be (first, last) with 0 <= first <= last, not ({first}, {last})")
    return f"bytes={first}-{last}"


def check_directive(
    directive: MetadataDirectiveMode | None, content_type: str | None, file_info: Mapping[str, str] | None
) -> None:
    """A copy has a type and an info of its own, or neither. Raises InvalidMetadataDirective."""
    if directive is MetadataDirectiveMode.REPLACE:
        if content_type is None:
            raise InvalidMetadataDirective("content_type cannot be None with metadata_directive=REPLACE")
    elif content_type is not None or file_info is not None:
        raise InvalidMetadataDirective("content_type and file_info must be None unless metadata_directive=REPLACE")


def rules_of_json(rules: Sequence[Json] | None, kind: type[T], name: str) -> tuple[T, ...] | None:
    """Rules of a bucket as records. Raises InvalidArgument, which names the argument."""
    if rules is None:
        return None
    try:
        return tuple(msgspec.convert(rule, kind) for rule in rules)
    except msgspec.ValidationError as error:
        raise InvalidArgument(name, f"make no sense: {error}") from None
