"""What a raw api of somebody's own answers to a download, on its way to a sink.

Rules. A line that breaks is an error value, whether it is of this package or of the library `requests`; what a sink
raises, and is no trouble of its own, comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.handlers import Heard, LocalTrouble, Sink
from b2pure.effects.program import ok
from b2pure.effects.wire import HttpResponse, decode_download_headers
from b2pure.model.calls import FetchCall
from b2pure.model.errors import B2Error, Transport
from b2pure.model.replies import DownloadReply
from b2pure.shell.trouble import explain_transport
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.exceptions import B2Error as B2Exception
from b2pure.shell.v1.requests_session import translated

__all__ = ["poured"]

_CHUNK_BYTES: Final = 1 << 16


def poured(call: FetchCall, response: Any, sink: Sink, heard: Heard) -> IOResult[DownloadReply, B2Error]:
    """Write the body of the response to the sink; `heard` gets the headers first."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    status = 206 if "content-range" in headers else 200
    head = decode_download_headers(call, HttpResponse(status, headers))
    if not ok(head):
        return IOFailure(head.failure())
    reply = head.unwrap()
    heard(reply)
    length = 0
    try:
        for chunk in _of_the_line(response):
            length += len(chunk)
            if length > reply.content_length:
                return IOFailure(Transport("protocol", "the body is longer than its Content-Length"))
            sink.write(chunk)
    except LocalTrouble as trouble:
        return IOFailure(trouble.error)
    except B2Exception as error:  # of the line; what a destination raises is kept by whoever gave the sink
        return IOFailure(value_of(error))
    except _Broken as broken:
        return IOFailure(broken.error)
    if length < reply.content_length:
        return IOFailure(Transport("broken", f"the body stopped after {length} of {reply.content_length} bytes"))
    return IOSuccess(reply)


class _Broken(Exception):
    """A line of somebody's own broke."""

    def __init__(self, error: B2Error) -> None:
        super().__init__("the line broke")
        self.error = error


def _of_the_line(response: Any) -> Iterator[bytes]:
    """The body in chunks; what the library `requests` raises, as nobody else does who is asked here, is told apart."""
    try:
        yield from response.iter_content(_CHUNK_BYTES)
    except OSError as error:
        raise _Broken(explain_transport(translated(error), "")) from error
