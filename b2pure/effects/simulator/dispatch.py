"""Which handler answers which call, what a caller can show, and what stands in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from attrs import field, frozen

from b2pure.effects.simulator.account_calls import ACCOUNT_HANDLERS
from b2pure.effects.simulator.bucket_calls import BUCKET_HANDLERS
from b2pure.effects.simulator.credentials import Key
from b2pure.effects.simulator.download_calls import DOWNLOAD_HANDLERS
from b2pure.effects.simulator.file_calls import FILE_HANDLERS
from b2pure.effects.simulator.upload_calls import UPLOAD_HANDLERS
from b2pure.effects.simulator.world import Handler
from b2pure.effects.wire import KeyPair
from b2pure.model.account import UploadUrl
from b2pure.model.calls import (
    Call,
    CancelLargeFile,
    CopyFile,
    CopyPart,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    FinishLargeFile,
    HideFile,
    ListFileNames,
    ListFileVersions,
    SetBucketNotificationRules,
    StartLargeFile,
    UpdateBucket,
    UpdateFileLegalHold,
    UpdateFileRetention,
    UploadFile,
    UploadPart,
)

__all__ = ["HANDLERS", "MUTATING", "AccountToken", "Token", "narrowed"]


@frozen
class AccountToken:
    """The token of b2_authorize_account."""

    token: str = field(repr=False)


Token = KeyPair | AccountToken | UploadUrl | None
"""What a call shows: a key, an account token, an upload URL with its token, or nothing (public downloads)."""

HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    **ACCOUNT_HANDLERS,
    **BUCKET_HANDLERS,
    **FILE_HANDLERS,
    **UPLOAD_HANDLERS,
    **DOWNLOAD_HANDLERS,
}

MUTATING: Final[frozenset[type[Call[Any]]]] = frozenset(
    {
        CreateKey,
        DeleteKey,
        CreateBucket,
        UpdateBucket,
        DeleteBucket,
        SetBucketNotificationRules,
        UploadFile,
        StartLargeFile,
        UploadPart,
        CopyPart,
        FinishLargeFile,
        CancelLargeFile,
        CopyFile,
        HideFile,
        DeleteFileVersion,
        UpdateFileRetention,
        UpdateFileLegalHold,
    }
)
"""The calls that change what is stored, and so stand in the journal."""


_IN_NO_NAME: Final = "\0"
"""What no name of a file has in it."""


def narrowed(key: Key, call: Call[Any]) -> Call[Any]:
    """Version 1 never refuses a list for its prefix: it shows only what the key's own prefix lets through."""
    if not isinstance(call, ListFileNames | ListFileVersions) or key.name_prefix is None:
        return call
    asked, own = call.prefix or "", key.name_prefix
    if asked.startswith(own):
        return call
    return msgspec.structs.replace(call, prefix=own if own.startswith(asked) else own + _IN_NO_NAME)
