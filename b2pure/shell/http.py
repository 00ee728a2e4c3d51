"""The real `Api`: one HTTP exchange with B2 through httpx.

Rules. What is sent and what an answer means is decided in `effects.wire`; this file only moves bytes and turns what
httpx raises into `Transport`. No retries, no redirects, no cookies kept, nothing logged: keys, tokens and upload URLs
appear in no repr and no error. Content is never decompressed or rewritten. A body of up to 1 MiB goes out in one
piece; longer ones are streamed from the reader, and hashed on the way when the digest follows them. When the server
answers in the middle of a body and closes, httpx gives the answer rather than the broken pipe.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha1
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from returns.io import IOFailure, IOResult, IOSuccess
from returns.result import Failure, Result, Success

from b2pure import __version__
from b2pure.effects.bodies import Bodies
from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Chunk, Heard, LocalTrouble, Reader, Sink, unheard
from b2pure.effects.wire import (
    PRODUCTION_URL,
    Headers,
    HttpRequest,
    HttpResponse,
    KeyPair,
    decode,
    decode_body,
    decode_download_headers,
    encode,
    unsendable,
)
from b2pure.model.account import Authorization, TestMode
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, InvalidArgument, Transport
from b2pure.model.replies import DownloadReply
from b2pure.model.sources import Body, body_length
from b2pure.shell.answers import Arriving
from b2pure.shell.authorities import tls_context
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.lanes import Asked, HttpLanes
from b2pure.shell.plain import Received, any_target
from b2pure.shell.transport import SocketTransport, fitting_transport
from b2pure.shell.trouble import explain_transport, transport_trouble

if TYPE_CHECKING:
    import httpx

__all__ = ["DEFAULT_USER_AGENT", "Exchange", "HttpApi", "explain_transport", "realm_url"]

R = TypeVar("R")

CONNECT_TIMEOUT_SECONDS: Final = 30.0
READ_TIMEOUT_SECONDS: Final = 130.0
"""Longer than the two minutes that B2 may take to answer."""
DEFAULT_POOL_SIZE: Final = 32
Exchange = Callable[["httpx.Request"], "httpx.Response"]
"""Sends one request and gives the response, whose body is still to be read."""
ONE_PIECE_BYTES: Final = 1 << 20
"""Bodies up to here are sent as one write with their headers' length known, unless the api was told otherwise."""

_REALMS: Final = {"production": PRODUCTION_URL, "staging": "https://api.backblaze.net"}


DEFAULT_USER_AGENT: Final = f"b2pure/{__version__}+python/{platform.python_version()} ({platform.system()})"
"""As B2's integration checklist wants it: product, version and what it depends on, then a comment."""


def realm_url(realm: str) -> Result[str, InvalidArgument]:
    """The address that a realm stands for: `production`, `staging`, or any http or https URL."""
    if realm in _REALMS:
        return Success(_REALMS[realm])
    try:
        any_target(realm.rstrip("/") + "/")
    except transport_trouble():
        return Failure(InvalidArgument("realm", "must be 'production', 'staging', or an http or https URL"))
    return Success(realm.rstrip("/"))


class HttpApi:
    """B2 over HTTP with one application key. Safe for many threads; close it when done.

    `realm_address` is a URL, as `realm_url` gives it. `transport` replaces the network, for tests. Timeouts are
    seconds; `pool_size` is the number of connections kept; bodies of up to `one_piece_bytes` are sent as one write.
    `test_mode` asks B2 to misbehave (`X-Bz-Test-Mode`): `fail_some_uploads`, `expire_some_account_authorization_tokens`
    or `force_cap_exceeded`. `exchange` sends the requests instead, over connections that are somebody else's.
    """

    def __init__(
        self,
        key_id: str,
        key: str,
        *,
        realm_address: str = PRODUCTION_URL,
        user_agent: str = DEFAULT_USER_AGENT,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        pool_size: int = DEFAULT_POOL_SIZE,
        one_piece_bytes: int = ONE_PIECE_BYTES,
        transport: httpx.BaseTransport | None = None,
        test_mode: TestMode | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self._key = KeyPair(key_id, key)
        self._realm = realm_address
        self._one_piece = one_piece_bytes
        self._headers: Headers = (("User-Agent", user_agent), ("Accept-Encoding", "identity"))
        if test_mode is not None:
            self._headers += (("X-Bz-Test-Mode", test_mode),)
        self._timeouts = {"connect": connect_timeout, "read": read_timeout, "write": read_timeout, "pool": None}
        self._exchanged = exchange
        self._direct: SocketTransport | None = None
        self._client: httpx.Client | None = None
        if exchange is not None:
            return
        self._direct = fitting_transport(pool_size) if transport is None else None
        if self._direct is None:
            self._client = _client(pool_size, transport)
        if self._client is not None and transport is None:
            self._pool_size = pool_size
            renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked, where httpx's connections are its parent's."""
        self._client = _client(self._pool_size, None)

    def __repr__(self) -> str:
        return f"HttpApi({self._key.key_id!r}, realm_address={self._realm!r})"

    def close(self) -> None:
        """Close the connections."""
        if self._direct is not None:
            self._direct.close()
        if self._client is not None:
            self._client.close()

    def __enter__(self) -> HttpApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """Send a call whose reply is JSON."""
        refused = unsendable(call)
        if refused is not None:
            return IOFailure(refused)
        request = encode(call, credential, realm_url=self._realm, key=self._key)
        try:
            if self._direct is not None:
                return _decoded(call, self._plainly(self._direct, request, reader))
            response = self._by_httpx(request, reader)
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        except transport_trouble() as error:
            return IOFailure(explain_transport(error, request.url))
        return IOResult.from_result(decode(call, response))

    def lanes(self) -> HttpLanes | None:
        """Lanes over these connections; None where somebody else exchanges."""
        if self._direct is None:
            return None
        return HttpLanes(self._direct, self._timeouts, self._asked)

    def _asked(self, call: Call[Any], credential: Credential) -> Asked:
        request = encode(call, credential, realm_url=self._realm, key=self._key)
        content, decoded = partial(_content_at_once, request), partial(_decoded, call)
        return Asked(request.method, request.url, self._fields(request), content, decoded)

    def _fields(self, request: HttpRequest) -> Sequence[tuple[str, str]]:
        fields = (*self._headers, *request.headers)
        if isinstance(request.body, bytes) and request.body:  # to the others it was added where they were encoded
            return (*fields, ("Content-Length", str(len(request.body))))
        return fields

    def _plainly(self, transport: SocketTransport, request: HttpRequest, reader: Reader) -> Received:
        """Without httpx's objects, which take longer than all the rest of a small call."""
        content = _content(request, reader, self._one_piece)
        chunks = (content,) if isinstance(content, bytes) else content or ()
        return transport.exchange(request.method, request.url, self._fields(request), chunks, self._timeouts)

    def _by_httpx(self, request: HttpRequest, reader: Reader) -> HttpResponse:
        response = self._exchange(self._prepared(request, reader))
        try:
            response.read()
        finally:
            response.close()
        return _response(response, response.content)

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        """Send a download and write its body to `sink`."""
        refused = unsendable(call)
        if refused is not None:
            return IOFailure(refused)
        request = encode(call, authorization)
        try:
            arriving = self._arriving(request)
            try:
                return _received(call, arriving, sink, heard)
            finally:
                arriving.body.close()
        except LocalTrouble as trouble:
            return IOFailure(trouble.error)
        except transport_trouble() as error:
            return IOFailure(explain_transport(error, request.url))

    def _arriving(self, request: HttpRequest) -> Arriving:
        if self._direct is not None:
            return self._direct.fetch(request.method, request.url, self._fields(request), self._timeouts)
        response = self._exchange(self._prepared(request, Bodies()))
        return Arriving(response.status_code, _headers(response), _HttpxBody(response))

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        if self._exchanged is not None:
            return self._exchanged(request)
        assert self._client is not None, "there is one where nobody else exchanges"
        return self._client.send(request, stream=True)

    def _prepared(self, request: HttpRequest, reader: Reader) -> httpx.Request:
        # Not `build_request`, which merges URLs, headers and cookies anew for every request.
        content = _content(request, reader, self._one_piece)
        import httpx

        return httpx.Request(
            request.method,
            request.url,
            headers=[*self._headers, *request.headers],
            content=content if content is None or isinstance(content, bytes) else map(bytes, content),
            extensions={"timeout": self._timeouts},
        )


def _client(pool_size: int, transport: httpx.BaseTransport | None) -> httpx.Client:
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx

    return httpx.Client(
        verify=tls_context() if transport is None else True,  # somebody else's transport has settings of its own
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=pool_size),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        transport=transport,
    )


# -- bodies of requests


def _content(request: HttpRequest, reader: Reader, one_piece_bytes: int) -> bytes | Iterator[Chunk] | None:
    body = request.body
    if isinstance(body, bytes):
        return body or None
    length = body_length(body)
    chunks = _stream(body, length, reader, digest_at_end=request.digest_at_end)
    return chunks if length > one_piece_bytes else b"".join(map(bytes, chunks))


def _content_at_once(request: HttpRequest, reader: Reader) -> bytes:
    body = request.body
    if isinstance(body, bytes):
        return body
    return b"".join(map(bytes, _stream(body, body_length(body), reader, digest_at_end=request.digest_at_end)))


def _stream(body: Body, length: int, reader: Reader, *, digest_at_end: bool) -> Iterator[Chunk]:
    digest, left = sha1(usedforsecurity=False), length
    for chunk in reader.read(body):
        left -= len(chunk)
        if left < 0:
            raise _wrong_length("longer")
        if digest_at_end:
            digest.update(chunk)
        yield chunk
    if left:
        raise _wrong_length("shorter")
    if digest_at_end:
        yield digest.hexdigest().encode()


def _wrong_length(how: str) -> httpx.LocalProtocolError:
    import httpx

    return httpx.LocalProtocolError(f"the body is {how} than its Content-Length")


# -- responses


def _decoded(call: Call[R], answer: Received) -> IOResult[R, B2Error]:
    return IOResult.from_result(decode_body(call, answer.status, answer.headers, answer.body))


def _response(response: httpx.Response, body: bytes) -> HttpResponse:
    return HttpResponse(response.status_code, _headers(response), body)


def _headers(response: httpx.Response) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}


class _HttpxBody:
    """The body of one of httpx's answers."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def views(self) -> Iterator[bytes]:
        # One that was made with its content counts as read from the start.
        return iter((self._response.content,)) if self._response.is_stream_consumed else self._response.iter_raw()

    def close(self) -> None:
        self._response.close()


def _received(call: FetchCall, arriving: Arriving, sink: Sink, heard: Heard) -> IOResult[DownloadReply, B2Error]:
    body = b"" if arriving.status in (200, 206) else b"".join(arriving.body.views())
    head = decode_download_headers(call, HttpResponse(arriving.status, arriving.headers, body))
    return IOResult.from_result(head).bind(lambda reply: _poured(reply, arriving, sink, heard))


def _poured(reply: DownloadReply, arriving: Arriving, sink: Sink, heard: Heard) -> IOResult[DownloadReply, B2Error]:
    heard(reply)
    length = 0
    for chunk in arriving.body.views():
        length += len(chunk)
        if length > reply.content_length:
            return IOFailure(Transport("protocol", "the body is longer than its Content-Length"))
        sink.write(chunk)
    if length < reply.content_length:
        return IOFailure(Transport("broken", f"the body stopped after {length} of {reply.content_length} bytes"))
    return IOSuccess(reply)
