"""What arguments of the numbered interface have to be: checked before anything is begun or sent.

Rules. An argument is known by its name, which means the same in every method. What is of a wrong type is a TypeError
that names the public method, the argument and what it has to be; a new file's name that is no text is a ValueError, as
b2sdk has it. None is for those that may be left out. No value is shown, since it may be a key in the wrong place.
Values of the right type that are out of their range are looked at where they are used.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from attrs import frozen

from b2pure.plan.retry import RetryPolicy
from b2pure.shell.v1.enums import MetadataDirectiveMode

__all__ = ["checked"]

P = ParamSpec("P")
R = TypeVar("R")


@frozen
class _Kind:
    """What an argument is, in words, and whether a value is one. With `may_be_none` also where it has no default."""

    told: str
    holds: Callable[[Any], bool]
    may_be_none: bool = False
    raises: type[Exception] = TypeError


def _of(told: str, *types: type) -> _Kind:
    return _Kind(told, lambda value: isinstance(value, types))


def _with(told: str, *methods: str, may_be_none: bool = False) -> _Kind:
    """An object, and not its class, that has these methods."""

    def holds(value: object) -> bool:
        for name in methods:  # not `all` of a generator, which takes several times as long
            if not callable(getattr(value, name, None)):
                return False
        return not isinstance(value, type)

    return _Kind(told, holds, may_be_none)


def _with_any(told: str, *methods: str) -> _Kind:
    """An object, and not its class, that has one of these methods, as fakes that need no others."""

    def holds(value: object) -> bool:
        return not isinstance(value, type) and any(callable(getattr(value, name, None)) for name in methods)

    return _Kind(told, holds)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_info(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for pair in value.items() for each in pair)


def _is_range(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_int, value))


def _are(value: object, *kinds: type) -> bool:
    """Whether it is a collection of these; an iterator is looked at when it is used."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return False
    return not isinstance(value, Collection) or all(isinstance(each, kinds) for each in value)


def _are_regexes(value: object) -> bool:
    return isinstance(value, str | re.Pattern) or _are(value, str, re.Pattern)


_RAW: Final = (
    "authorize_account", "list_buckets", "create_bucket", "update_bucket", "delete_bucket", "list_file_names",
    "list_file_versions", "get_file_info", "hide_file", "delete_file_version", "copy_file", "get_upload_url",
    "start_large_file", "list_unfinished_large_files", "list_parts", "cancel_large_file", "list_keys", "create_key",
    "delete_key", "get_download_authorization", "download_file_from_url",
)  # fmt: skip
"""Methods of a raw api that something begins with."""
_TEXT: Final = _of("text", str)
_PATH: Final = _of("a path", str, bytes, os.PathLike)
_WHOLE: Final = _Kind("a whole number", _is_int)
_BYTES: Final = _Kind("a whole number of bytes", _is_int)
_TIME: Final = _Kind("milliseconds since 1970, as a whole number", _is_int)
_FLAG: Final = _of("True or False", bool)
_INFO: Final = _Kind("a dictionary of text to text", _is_info)
_RANGE: Final = _Kind("a pair of whole numbers: the first and the last byte, both inclusive", _is_range)
_REGEXES: Final = _Kind("regular expressions (text, or compiled from text), in a list", _are_regexes)
_INTENTS: Final = _Kind("WriteIntents, in a list", lambda value: _are(value, object))
_SOURCES: Final = _Kind("upload sources and CopySources, in a list", lambda value: _are(value, object))
_FOLDER: Final = _with("a folder; parse_sync_folder makes one of text", "folder_type", "make_full_path", "all_files")
_FILE: Final = _with("a File", "latest_version", may_be_none=True)
_WORKERS: Final = _Kind("a whole number, 1 or more", _is_int)

_KINDS: Final[Mapping[str, _Kind]] = {
    # names and ids
    **dict.fromkeys(
        (
            "application_key", "application_key_id", "bucket_id", "bucket_name", "continue_large_file_id", "file_id",
            "file_name", "file_name_prefix", "filename", "folder_name", "key_name", "large_file_id", "name",
            "name_prefix", "prefix", "realm", "start_application_key_id", "start_file_id",
        ),
        _TEXT,
    ),
    "bucket_type": _of("text: 'allPublic' or 'allPrivate'", str),
    "folder_to_list": _of("text; '' is the top-level folder", str),
    "new_file_name": _TEXT,
    # connections
    **dict.fromkeys(("connect_timeout", "read_timeout"), _of("a number of seconds", int, float)),
    "install_clock_skew_hook": _FLAG,
    "retry": _of("a RetryPolicy, as b2pure.RetryPolicy(max_attempts=3)", RetryPolicy),
    "user_agent": _TEXT,
    # what a file is made of, and with
    "content_type": _TEXT,
    **dict.fromkeys(("bucket_info", "file_info", "file_infos", "new_bucket_info"), _INFO),
    **dict.fromkeys(("content_sha1", "sha1_sum", "stream_sha1"), _of("40 hex digits as text", str)),
    **dict.fromkeys(("write_intents", "write_intents_iterator"), _INTENTS),
    **dict.fromkeys(("outbound_sources", "outbound_sources_iterator"), _SOURCES),
    **dict.fromkeys(("outbound_source", "data"), _with("an upload source or a CopySource", "get_content_length")),
    "stream_opener": _Kind("a function that opens the stream each time it is called", callable),
    "metadata_directive": _of("a MetadataDirectiveMode", MetadataDirectiveMode),
    "auto_continue": _FLAG,
    "large_file_callback": _Kind("a function of one large file", callable),
    # where things are
    **dict.fromkeys(("local_file", "local_path", "local_file_path"), _PATH),
    **dict.fromkeys(("range_", "bytes_range"), _RANGE),
    **dict.fromkeys(
        (
            "destination_offset", "length", "max_copy_part_size", "min_part_size", "offset",
            "recommended_upload_part_size", "seek_target", "stream_length",
        ),
        _BYTES,
    ),
    "download_dest": _with("a destination, as DownloadDestLocalFile(path)", "make_file_context"),
    "progress_listener": _with("a progress listener", "set_total_bytes", "bytes_completed"),
    # counts and times
    **dict.fromkeys(
        (
            "batch_size", "fetch_count", "if_revision_is", "start_part_number", "valid_duration_in_seconds",
            "valid_duration_seconds",
        ),
        _WHOLE,
    ),
    **dict.fromkeys(("max_copy_workers", "max_upload_workers", "max_workers"), _WORKERS),
    **dict.fromkeys(("exclude_modified_after", "exclude_modified_before"), _TIME),
    # the account
    "account_info": _with_any(
        "an account info, as InMemoryAccountInfo()", "get_account_auth_token", "get_account_id", "set_auth_data"
    ),
    "b2_http": _with("a B2Http()", "api", "get_content"),
    "callback": _with("an HttpCallback", "pre_request", "post_request"),
    "api": _with("a B2Api", "get_bucket_by_name"),
    "bucket": _Kind("a Bucket; get_bucket_by_name finds one", lambda value: hasattr(value, "id_")),
    "cache": _with_any(
        "a cache, as InMemoryCache()", "save_bucket", "set_bucket_name_cache", "get_bucket_id_or_none_from_bucket_name"
    ),
    "capabilities": _Kind("names of capabilities, in a list", lambda value: _are(value, str)),
    "raw_api": _with_any("a raw api, as B2RawApi(B2Http())", *_RAW),
    # syncs
    **dict.fromkeys(("exclude_dir_regexes", "exclude_file_regexes", "include_file_regexes"), _REGEXES),
    **dict.fromkeys(("source_folder", "dest_folder"), _FOLDER),
    **dict.fromkeys(("source_file", "dest_file"), _FILE),
    "now_millis": _of("milliseconds since 1970", int, float),
    "policies_manager": _with(
        "a ScanPoliciesManager; without it every file takes part",
        "should_exclude_file", "should_exclude_file_version", "should_exclude_directory",
    ),
    "reporter": _with("a SyncReport, or None", "update_compare", may_be_none=True),
    "stdout": _with("a text stream, as sys.stdout", "write"),
    "sync_type": _TEXT,
}  # fmt: skip

_OTHERS: Final[Mapping[str, _Kind]] = {
    "any": _Kind("anything", lambda _: True, may_be_none=True),
    "one_bucket": _of(
        "the id of one bucket, as text; the functional face's CreateKey(bucket_ids=...) makes a key of several", str
    ),
    "new_name": _Kind("a string", lambda value: isinstance(value, str), raises=ValueError),
    "type_or_info": _Kind(
        "text, or a dictionary of text to text", lambda value: isinstance(value, str) or _is_info(value)
    ),
}


@frozen
class _Rule:
    """What one argument of a method has to be."""

    kind: _Kind
    may_be_none: bool

    def check(self, label: Callable[[], str], name: str, value: object) -> None:
        """Raises what the kind says."""
        if not (self.may_be_none if value is None else self.kind.holds(value)):
            raise self.kind.raises(f"{label()}: {name} must be {self.kind.told}, not {_shown(value)}")


@frozen
class _Shape:
    """The arguments of a method: its rules, the names by place, those that are needed, and those that may be named."""

    signature: inspect.Signature
    rules: Mapping[str, _Rule]
    places: tuple[str, ...]
    needed: tuple[str, ...]
    named: frozenset[str]

    @classmethod
    def of(cls, method: Callable[..., Any], choices: Collection[str], kinds: Mapping[str, _Kind]) -> _Shape:
        """That of a method whose `**choices` are these."""
        signature = inspect.signature(method)
        known = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        rules = {each: _Rule(kinds[each], may_be_none=True) for each in choices if each in kinds}
        for each in known:
            if each.name in kinds:
                kind = kinds[each.name]
                rules[each.name] = _Rule(kind, kind.may_be_none or each.default is None)
        return cls(
            signature,
            rules,
            tuple(each.name for each in known if each.kind is not each.KEYWORD_ONLY),
            tuple(each.name for each in known if each.default is each.empty),
            frozenset(each.name for each in known) | frozenset(choices),
        )

    def check(self, label: Callable[[], str], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raises TypeError, or what the kind of an argument says."""
        for name in kwargs:
            if name not in self.named:
                raise TypeError(f"{label()} got an unexpected keyword argument {name!r}{_hint(name, self.named)}")
        missing = self.needed[len(args) :]
        if len(args) > len(self.places) or (missing and not kwargs.keys() >= set(missing)):
            self._bind(label, args, kwargs)
        for name, value in zip(self.places, args, strict=False):
            if name in self.rules:
                self.rules[name].check(label, name, value)
        for name, value in kwargs.items():
            if name in self.rules:
                self.rules[name].check(label, name, value)

    def _bind(self, label: Callable[[], str], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as wrong:
            raise TypeError(f"{label()}: {wrong}") from None


def _shown(value: object) -> str:
    """What it is, and what is in it, without any value."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    if isinstance(value, Mapping):
        pairs = dict.fromkeys(f"{type(name).__name__} to {type(each).__name__}" for name, each in value.items())
        return f"{kind} of {', '.join(pairs)}" if pairs else f"empty {kind}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"{kind} of {len(value)} ({', '.join(dict.fromkeys(type(each).__name__ for each in value))})"
    return kind


def _hint(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, sorted(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def checked(choices: type | None = None, **more: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A method or function that refuses an argument that is none. `choices` is the TypedDict of its `**` arguments;
    `more` says of what kind an argument is whose name means something else elsewhere: `file_name="new_name"`.
    """
    kinds = {**_KINDS, **{name: _OTHERS[kind] for name, kind in more.items()}}
    extra = () if choices is None else tuple(inspect.get_annotations(choices))

    def decorated(method: Callable[P, R]) -> Callable[P, R]:
        shape = _Shape.of(method, extra, kinds)
        of_class = next(iter(shape.places), "") == "self"

        @wraps(method)
        def checking(*args: P.args, **kwargs: P.kwargs) -> R:
            shape.check(lambda: _label(method.__name__, args[0] if of_class else None), args, kwargs)
            return method(*args, **kwargs)

        return checking

    return decorated


def _label(name: str, owner: object) -> str:
    """What the caller called: methods by the class of the object, constructors by their class."""
    if owner is None:
        return f"{name}()"
    kind = type(owner).__name__
    return f"{kind}()" if name == "__init__" else f"{kind}.{name}()"
