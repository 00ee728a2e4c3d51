"""B2's records as the dictionaries that version 1 of the interface talks in, and back.

Rules. A setting that nobody knows is refused, not dropped. What later versions of B2 tell besides is passed on in B2's
own names where it is set, or where the key may not read it, which B2 says; what is not set is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from b2pure.effects.wire import plain
from b2pure.model.buckets import CorsRule, LifecycleRule
from b2pure.model.replies import BucketReply, FileReply, KeyReply
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.file_version import FileVersionInfo, FileVersionInfoFactory

__all__ = [
    "CopiedFile",
    "bucket_dict",
    "copied_file",
    "cors_of",
    "file_dict",
    "file_version",
    "given",
    "key_dict",
    "rules_of",
]

S = TypeVar("S", bound=msgspec.Struct)
Rules = Iterable[Mapping[str, Any]] | Mapping[str, Any] | None

_BEYOND: Final = frozenset(
    {
        "contentMd5", "serverSideEncryption", "fileRetention", "legalHold", "replicationStatus", "options",
        "defaultServerSideEncryption", "fileLockConfiguration", "replicationConfiguration",
    }
)  # fmt: skip
"""What later versions tell of a file or a bucket besides."""
_NEVER: Final = ("daysFromHidingToDeleting", "daysFromUploadingToHiding")
"""Of a lifecycle rule: None says "never" there, as B2 does."""


def file_dict(reply: FileReply) -> dict[str, Any]:
    """A file object as B2 tells it. Of a subclass there may be text: a simulator in memory gives back what it got."""
    return _told(msgspec.to_builtins(reply, enc_hook=plain))


def _told(said: dict[str, Any]) -> dict[str, Any]:
    return {name: said[name] for name in sorted(said) if name not in _BEYOND or not _is_unset(said[name])}


def _is_unset(value: Any) -> bool:
    """Whether this is how B2 tells that something is not set."""
    if not isinstance(value, dict):
        return value is None or value is False or value == []
    if "isClientAuthorizedToRead" in value:
        return bool(value["isClientAuthorizedToRead"]) and _is_unset(value["value"])
    return all(map(_is_unset, value.values()))


def file_version(reply: FileReply) -> FileVersionInfo:
    """A file object as a version."""
    return FileVersionInfoFactory.from_api_response(file_dict(reply))


class CopiedFile(FileVersionInfo, dict[str, Any]):  # type: ignore[misc]  # two bases that say how to look something up
    """A copy: a version that is the dictionary that B2 answers with, too, for `json.dumps` and the like. It has `size`
    beside `contentLength`, as the dictionaries of all versions have.
    """

    def as_dict(self) -> dict[str, Any]:
        """What B2 answered, and `size`."""
        return dict(dict.items(self))

    def __repr__(self) -> str:
        return repr(self.as_dict())


def copied_file(reply: FileReply) -> CopiedFile:
    """The answer to a copy."""
    said = file_dict(reply)
    version = file_version(reply)
    copied = CopiedFile(
        version.id_,
        version.file_name,
        version.size,
        version.content_type,
        version.content_sha1,
        version.file_info,
        version.upload_timestamp,
        version.action,
        version.content_md5,
    )
    dict.update(copied, {**said, "size": version.size})
    return copied


def bucket_dict(reply: BucketReply) -> dict[str, Any]:
    """A bucket as B2 tells it."""
    told = _told(_in_json(reply))
    told["corsRules"] = [_without_none(rule) for rule in told["corsRules"]]
    told["lifecycleRules"] = [_without_none(rule, but=_NEVER) for rule in told["lifecycleRules"]]
    return told


def _in_json(reply: msgspec.Struct) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(reply, enc_hook=plain))
    return told


def _without_none(rule: dict[str, Any], but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if value is not None or name in but}


def key_dict(reply: KeyReply) -> dict[str, Any]:
    """An application key as version 2 of B2's interface tells it; a new one with its secret."""
    told = _in_json(reply)
    ids = told.pop("bucketIds")
    told["bucketId"] = ids[0] if ids is not None and len(ids) == 1 else None
    return {**told, "bucketIds": ids} if ids is not None and len(ids) > 1 else told


def cors_of(rules: Rules) -> tuple[CorsRule, ...] | None:
    """CORS rules; None where nothing is said of them. Raises InvalidArgument."""
    return _settings("cors_rules", CorsRule, rules)


def rules_of(rules: Rules) -> tuple[LifecycleRule, ...] | None:
    """Lifecycle rules; None where nothing is said of them. Raises InvalidArgument."""
    return _settings("lifecycle_rules", LifecycleRule, rules)


def _several(name: str, given: object) -> list[Mapping[str, Any]]:
    """One dictionary, or those of a list."""
    rules: list[Any] = list(given) if isinstance(given, Iterable) and not isinstance(given, Mapping) else [given]
    if not all(isinstance(rule, Mapping) for rule in rules):
        raise InvalidArgument(name, "must be dictionaries, in a list")
    return rules


def given(rules: Rules) -> list[dict[str, Any]] | None:
    """Rules as they were given; those of one dictionary as a list of it."""
    return None if rules is None else [dict(rule) for rule in _several("rules", rules)]


def _settings(name: str, kind: type[S], rules: Rules) -> tuple[S, ...] | None:
    if rules is None:
        return None
    given = _several(name, rules)
    known = {each.encode_name for each in msgspec.structs.fields(kind)}
    for rule in given:
        strange = sorted(set(rule) - known)
        if strange:
            raise InvalidArgument(name, f"has no setting {', '.join(strange)}; it has {', '.join(sorted(known))}")
    try:
        return tuple(msgspec.convert(dict(rule), kind) for rule in given)
    except msgspec.ValidationError as error:
        raise InvalidArgument(name, f"cannot be understood: {error}") from None
