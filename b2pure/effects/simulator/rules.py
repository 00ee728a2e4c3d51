"""What B2 refuses, as pure functions over one call's values.

Rules. A check raises `Refused` with the error value, because a refusal ends the call wherever it is found; the
simulator turns it into a `Failure` at its one door. Codes are B2's own; messages are ours unless a client reads them.
Nothing here knows the simulator's state.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from b2pure.effects.simulator.content import Received
from b2pure.effects.wire import header_encoded, header_problem, info_key_problem
from b2pure.model.calls import HEX_DIGITS_AT_END
from b2pure.model.errors import B2Error, Rejected, Unauthorized
from b2pure.model.names import b2_name_problem

__all__ = [
    "AUTO_CONTENT_TYPE",
    "DO_NOT_VERIFY",
    "HEADER_INFO",
    "UNVERIFIED",
    "Refused",
    "bad_request",
    "bucket_name_problem",
    "checked_bucket_name",
    "checked_count",
    "checked_info",
    "checked_name",
    "checked_range",
    "checked_sha1",
    "not_found",
    "resolved_content_type",
    "unauthorized",
]

AUTO_CONTENT_TYPE: Final = "b2/x-auto"
DO_NOT_VERIFY: Final = "do_not_verify"
UNVERIFIED: Final = "unverified:"

HEADER_INFO: Final[Mapping[str, str]] = {
    "b2-content-disposition": "content-disposition",
    "b2-content-language": "content-language",
    "b2-expires": "expires",
    "b2-cache-control": "cache-control",
    "b2-content-encoding": "content-encoding",
}
"""File info keys that a download gives back as a standard header."""

_SLASHES: Final = re.compile("/")
_NO_BUCKET_NAME: Final = re.compile(r"[^A-Za-z0-9-]")
_BUCKET_NAMES: Final = "bucket names are 6 to 63 of A-Z a-z 0-9 -, and do not start with b2-"
_SHORTEST, _LONGEST = 6, 63
_HEX_SHA1: Final = re.compile(r"[0-9a-fA-F]{40}\Z")
_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})\Z", re.ASCII)
_MOST_BYTES_PER_CHARACTER: Final = 12
"""A character of four UTF-8 bytes, each percent-encoded."""


class Refused(Exception):
    """Leaves a handler of the simulator with the error value that the call answers."""

    def __init__(self, error: B2Error) -> None:
        super().__init__(error)
        self.error = error


def bad_request(message: str, code: str = "bad_request") -> Refused:
    """A 400."""
    return Refused(Rejected(400, code, message))


def not_found(message: str = "File not present") -> Refused:
    """A 404."""
    return Refused(Rejected(404, "not_found", message or "File not present"))


def unauthorized(message: str) -> Refused:
    """A good token that may not do this."""
    return Refused(Unauthorized("unauthorized", message))


def checked_name(name: str, *, strict: bool = True) -> str:
    """A file name that may be created. Not `strict`: slashes may stand anywhere."""
    problem = b2_name_problem(name)
    if problem is not None and not strict:
        problem = b2_name_problem(_SLASHES.sub("-", name))
    if problem is not None:
        raise bad_request(f"bad file name: {problem}")
    return name


def checked_bucket_name(name: str) -> str:
    """A bucket name that may be created."""
    if bucket_name_problem(name) is not None:
        raise bad_request(_BUCKET_NAMES)
    return name


def bucket_name_problem(name: str) -> str | None:
    """Why no bucket may be created with this name, and what names may be; None where nothing is wrong with it."""
    odd = _NO_BUCKET_NAME.search(name)
    if odd is not None:
        problem = f"has {odd.group()!r}"
    elif len(name) < _SHORTEST:
        problem = "is too short"
    elif len(name) > _LONGEST:
        problem = "is too long"
    elif name.lower().startswith("b2-"):
        problem = "starts with b2-"
    else:
        return None
    return f"{problem}: {_BUCKET_NAMES}"


def checked_count(value: int | None, *, default: int, maximum: int) -> int:
    """The size of a page. Nothing and 0 mean the default."""
    if not value:
        return default
    if not 1 <= value <= maximum:
        raise bad_request(f"the count must be 1 to {maximum}", "out_of_range")
    return value


def checked_info(info: Mapping[str, str], name: str, *, max_pairs: int, budget: int) -> dict[str, str]:
    """The file info as B2 keeps it, with keys in lower case. `budget` is bytes of the name and the info as headers."""
    if not info:
        return {}
    lower = {key.lower(): value for key, value in info.items()}
    if len(lower) > max_pairs:
        raise bad_request(f"at most {max_pairs} file info pairs")
    for key, value in lower.items():
        _check_pair(key, value)
    if _rough_size(lower, name) > budget and _header_size(lower, name) > budget:
        raise bad_request(f"the file name and the file info have more than {budget} bytes as headers")
    return lower


def _check_pair(key: str, value: str) -> None:
    problem = info_key_problem(key)
    if problem is not None:
        raise bad_request(problem)
    if key.startswith("b2-"):
        if key not in HEADER_INFO:
            raise bad_request(f"unknown reserved file info key {key}")
        if not value or header_problem(value) is not None:
            raise bad_request(f"bad value of file info key {key}")


def _rough_size(info: Mapping[str, str], name: str) -> int:
    """An upper bound of `_header_size` that costs no encoding."""
    characters = len(name) + sum(map(len, info.values()))
    return characters * _MOST_BYTES_PER_CHARACTER + sum(len("x-bz-info-") + len(key) for key in info)


def _header_size(info: Mapping[str, str], name: str) -> int:
    return len(header_encoded(name)) + sum(
        len("x-bz-info-") + len(key) + len(header_encoded(value)) for key, value in info.items()
    )


def resolved_content_type(content_type: str | None, name: str) -> str:
    """The content type that is kept: `b2/x-auto` looks at the extension."""
    if not content_type:
        raise bad_request("a content type is needed")
    if (problem := header_problem(content_type)) is not None:
        raise bad_request(f"bad content type: {problem}")
    if content_type != AUTO_CONTENT_TYPE:
        return content_type
    base = name.rpartition("/")[2]
    stem, dot, extension = base.rpartition(".")
    if not (stem and dot):
        return "application/octet-stream"
    return _known_types().get("." + extension.lower(), "application/octet-stream")


@cache
def _known_types() -> Mapping[str, str]:
    """Python's own table of types: never the machine's files, so that every machine answers alike."""
    return mimetypes.MimeTypes(filenames=()).types_map[True]


_OTHER_DIGEST: Final = "Sha1 did not match data received"


def checked_sha1(declared: str, body: Received) -> str:
    """The `contentSha1` that is kept for a body whose header said `declared`."""
    if declared == DO_NOT_VERIFY:
        return UNVERIFIED + body.sha1
    if declared == HEX_DIGITS_AT_END and body.claimed is None:  # the sender's handler computed it from these bytes
        return body.sha1
    claimed = declared if body.claimed is None else body.claimed
    if claimed == body.sha1:
        return claimed
    digest = claimed.removeprefix(UNVERIFIED).lower()
    if not _HEX_SHA1.match(digest):
        if body.claimed:  # the header was right, so something happened to the digits on their way
            raise bad_request(_OTHER_DIGEST)
        raise bad_request(
            "X-Bz-Content-Sha1 is 40 hex digits, hex_digits_at_end (they follow the body) or do_not_verify"
        )
    if claimed.startswith(UNVERIFIED):
        return UNVERIFIED + digest
    if digest != body.sha1:
        raise bad_request(_OTHER_DIGEST)
    return digest


def checked_range(text: str | None, size: int) -> tuple[int, int]:
    """The half-open part of `size` bytes that an HTTP range means; its end is clamped."""
    if text is None:
        return 0, size
    match = _RANGE.match(text)
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        raise bad_request("bad range")
    if first and last and int(first) > int(last):
        raise bad_request("bad range")
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    else:
        start, stop = max(0, size - int(last)), size
    if start >= stop:
        raise Refused(Rejected(416, "range_not_satisfiable", "the range is outside the file"))
    return start, stop
