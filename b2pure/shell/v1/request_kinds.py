"""Which call a request is, as far as its URL tells. The URLs of uploads are B2's own; what somebody calls a file, in
the path of a download by name, is no call, whatever it looks like.
"""

from __future__ import annotations

from typing import Final

import httpx

from b2pure.effects.wire import API_VERSION

__all__ = ["AUTHORIZES", "CALLS", "call_of", "is_download", "is_upload"]

CALLS: Final = f"/b2api/v{API_VERSION}/"
"""What stands before the name of a call; an address may have a path of its own before that."""
AUTHORIZES: Final = "b2_authorize_account"
_FILES: Final = "/file/"
_UPLOADS: Final = "/b2_upload_"


def call_of(request: httpx.Request) -> str:
    """The name of the call; none for an upload and a download by name."""
    before, _, name = request.url.path.partition(CALLS)
    return "" if _FILES in f"{before}/" or is_upload(request) else name


def is_upload(request: httpx.Request) -> bool:
    """Whether its body is that of a file."""
    return request.method == "POST" and _UPLOADS in request.url.path


def is_download(request: httpx.Request) -> bool:
    """Whether the body of the answer may be long, and has somewhere to go."""
    return request.method == "GET" and call_of(request) != AUTHORIZES
