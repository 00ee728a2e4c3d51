"""What arguments have to be: checked at the edge, so that a wrong one is named and nothing is begun.

Rules. An argument is known by its name, which means the same in every method. None is for those that may be left out.
Sources and targets are known by `sources`, `targets` and `emerge_sources`, which tell them apart; here only what comes
beside them.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from attrs import frozen
from returns.result import Failure, Result

from b2pure.model.errors import InvalidArgument
from b2pure.model.files import FileVersion
from b2pure.model.intents import PRIORITIES, OverlapRule
from b2pure.model.new_file import NewFile
from b2pure.model.protection import FileRetention, SseB2, SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply

__all__ = ["argument_problem", "checked_arguments", "range_problem"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")

_LARGEST_TIME: Final = 10**15
"""Milliseconds since the epoch: files cannot tell larger ones, before 1970 as after."""


@frozen
class _Kind:
    """What an argument is, in words, and whether a value is one."""

    told: str
    holds: Callable[[Any], bool]


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _count(least: int, what: str) -> _Kind:
    return _Kind(f"{what}, {least} or more", lambda value: _is_int(value) and value >= least)


def _of(told: str, *types: type) -> _Kind:
    return _Kind(told, lambda value: isinstance(value, types))


def _is_info(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for pair in value.items() for each in pair)


def _are_keys(value: object) -> bool:
    """An iterator is looked at when it is used."""
    return isinstance(value, Iterable) and (
        not isinstance(value, Collection) or all(isinstance(each, SseC) for each in value)
    )


def _are_intents(value: object) -> bool:
    """Or the plan that was made of them."""
    if isinstance(getattr(value, "sources", value), Iterable):
        return not isinstance(value, str | bytes)
    from b2pure.plan.emerge.plan import EmergePlan  # here, because most programs make no objects of ranges

    return isinstance(value, EmergePlan)


def _is_progress_listener(value: object) -> bool:
    return all(callable(getattr(value, name, None)) for name in ("set_total_bytes", "bytes_completed"))


_IN_B2: Final = _of("b2://bucket/name, b2id://fileId, or what a listing gave", str, FileReply, FileVersion)
_CALLABLE: Final = _Kind("a function of one event", callable)
_FLAG: Final = _of("True or False", bool)
_TEXT: Final = _of("text", str)
_BYTES: Final = _count(1, "a number of bytes")
_KEY: Final = _of("an SseC", SseC)

_KINDS: Final[Mapping[str, _Kind]] = {
    "append": _FLAG,
    "whole_sha1": _FLAG,
    "dest": _of("b2://bucket/name as text", str),
    "folder": _of("b2://bucket/prefix as text", str),
    "intents": _Kind(
        "WriteIntents, or pairs of a source and its destination offset, in a list",
        _are_intents,
    ),
    "length": _count(0, "a number of bytes"),
    "listener": _CALLABLE,
    "max_part_size": _BYTES,
    "memory": _BYTES,
    "min_part_size": _BYTES,
    "mod_time_millis": _Kind(
        "milliseconds since the epoch (negative before it), of at most 15 digits",
        lambda value: _is_int(value) and abs(value) < _LARGEST_TIME,
    ),
    "new": _of("a NewFile", NewFile),
    "older_than": _Kind("a timedelta, 0 or more", lambda value: isinstance(value, timedelta) and value >= timedelta(0)),
    "on_large_file": _CALLABLE,
    "overlap": _of("an OverlapRule", OverlapRule),
    "part_size": _BYTES,
    "prioritize": _Kind(f"one of {', '.join(PRIORITIES)}", lambda value: value in PRIORITIES),
    "progress_listener": _Kind("a listener with set_total_bytes and bytes_completed", _is_progress_listener),
    "resume": _of("True, False, or the id of an unfinished large file", bool, str),
    "sha1": _of("40 hex digits as text", str),
    "source_encryption": _KEY,
    "source_keys": _Kind("SseC keys, in a list", _are_keys),
    "sources": _of("sources, in a list", Iterable),
    "streams": _count(1, "a number"),
    "verify": _FLAG,
    "wanted": _of("a ByteRange: ByteRange(0, 5) are the first five bytes", ByteRange),
    # what a file is made with
    "content_type": _TEXT,
    "file_info": _Kind("a mapping of text to text", _is_info),
    "cache_control": _TEXT,
    "content_disposition": _TEXT,
    "content_encoding": _TEXT,
    "content_language": _TEXT,
    "expires": _of("an HTTP date as text", str),
    "retention": _of("a FileRetention", FileRetention),
    "legal_hold": _Kind("'on' or 'off'", lambda value: value in ("on", "off")),
    "custom_upload_timestamp": _count(0, "milliseconds since the epoch"),
}


def argument_problem(name: str, value: object, kinds: Mapping[str, _Kind] = _KINDS) -> InvalidArgument | None:
    """What is wrong with an argument; None for what is right, left out, or unknown here."""
    kind = kinds.get(name)
    if value is None or kind is None or kind.holds(value):
        return None
    return InvalidArgument(name, f"is {kind.told}, not {_shown(value)}")


def range_problem(path: object, start: object, stop: object) -> str | None:
    """What is wrong with the parts of a range, before anybody knows how long the file is."""
    if not isinstance(path, str | os.PathLike | FileReply | FileVersion):
        return f"is a range of {type(path).__name__}, which is no file"
    if not _is_int(start) or not (stop is None or _is_int(stop)):
        return f"has no range from {start!r} to {stop!r}: give whole numbers of bytes"
    return f"has no range from {start}" if isinstance(start, int) and start < 0 else None


def _shown(value: object) -> str:
    """The value where it is short and no secret, else its type."""
    if value is None or isinstance(value, bool | int | float | timedelta):
        return str(value)
    return f"{value!r}" if isinstance(value, str) and len(value) <= 40 else type(value).__name__


def checked_arguments(
    **more: str,
) -> Callable[[Callable[P, Result[T, E]]], Callable[P, Result[T, E | InvalidArgument]]]:
    """A method that fails with `InvalidArgument` for an argument that is none. `more` says of what kind an argument is
    whose name means something else elsewhere: `source="in_b2"`, `encryption="key"` or `"encryption"`.
    """
    kinds = {**_KINDS, **{name: _MORE[kind] for name, kind in more.items()}}

    def decorated(method: Callable[P, Result[T, E]]) -> Callable[P, Result[T, E | InvalidArgument]]:
        signature = inspect.signature(method)

        @wraps(method)
        def checking(*args: P.args, **kwargs: P.kwargs) -> Result[T, E | InvalidArgument]:
            given = signature.bind(*args, **kwargs).arguments
            for name, value in {**given, **given.get("choices", {}), **given.get("planning", {})}.items():
                needed = name in signature.parameters and signature.parameters[name].default is inspect.Parameter.empty
                problem = argument_problem(name, _NOTHING if value is None and needed else value, kinds)
                if problem is not None:
                    return Failure(problem)
            return method(*args, **kwargs)

        return checking

    return decorated


class _Nothing:
    """None, where something is needed."""


_NOTHING: Final = _Nothing()
_Nothing.__name__ = "None"

_MORE: Final[Mapping[str, _Kind]] = {
    "in_b2": _IN_B2,
    "key": _KEY,
    "encryption": _of("an SseB2 or an SseC", SseB2, SseC),
}
