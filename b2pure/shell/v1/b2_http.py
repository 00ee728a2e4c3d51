"""The thin HTTP client of the numbered interface, with hooks around every request.

Rules. All requests go through `exchange`: those of the three operations here, and those of the `Api` that programs run
over (`api`). Before each the callbacks' `pre_request` is called, after it `post_request`; what they raise fails the
request (`http_callbacks`). Nothing is logged, and no error holds a URL. Content that comes through a given module is
read from that module's own response, and what breaks then is told by the module's own exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final, TypeVar
from weakref import finalize

import httpx
import msgspec
from returns.io import IOFailure, IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.wire import decode_error
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error as B2ErrorValue
from b2pure.model.replies import DownloadReply
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.http import (
    CONNECT_TIMEOUT_SECONDS,
    DEFAULT_USER_AGENT,
    Exchange,
    HttpApi,
    explain_transport,
)
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.callback_response import CallbackResponse
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.shell.v1.exceptions import B2ConnectionError, B2Error, InvalidArgument
from b2pure.shell.v1.http_callbacks import (
    Answered,
    CallbackRaised,
    ClockSkewHook,
    HttpCallback,
    before,
    behind,
    headers_of,
    listened_to,
    with_headers,
)
from b2pure.shell.v1.own_connections import own_connections
from b2pure.shell.v1.raw_api import PATIENCE
from b2pure.shell.v1.request_kinds import is_download
from b2pure.shell.v1.requests_session import THEIRS, RequestsSession, as_sent, body_of

__all__ = ["B2Http", "Content", "ResponseContextManager", "persist"]

R = TypeVar("R")
T = TypeVar("T")

_WAIT_FACTOR: Final = 1.5


class Content:
    """The body of a download on its way, and the headers that came before it."""

    def __init__(self, response: httpx.Response, url: str) -> None:
        self._response, self._url = response, url
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def iter_content(self, chunk_size: int = 1) -> Iterator[bytes]:
        """The body in pieces of so many bytes; the last one is as long as it comes."""
        try:
            yield from self._response.iter_raw(chunk_size)
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise exception_of(explain_transport(error, self._url)) from None

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()


class ResponseContextManager:
    """A context manager that closes a response when done."""

    def __init__(self, response: Any) -> None:
        self.response = response

    def __enter__(self) -> Any:
        return self.response

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.response.close()


class B2Http:
    """Provides the operations needed to access B2, and handles retrying when the returned status is 503 Service
    Unavailable, 429 Too Many Requests, etc.

    The methods that return JSON either return a Python dict or raise a subclass of B2Error. Safe for many threads.
    """

    TIMEOUT: float = 130
    """Seconds that an answer may take, unless `read_timeout` was given."""

    @checked()
    def __init__(
        self,
        requests_module: Any = None,
        install_clock_skew_hook: bool = True,
        *,
        user_agent: str = DEFAULT_USER_AGENT,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float | None = None,
        retry: RetryPolicy = PATIENCE,
    ) -> None:
        """`requests_module` is used instead of the own connections: it must have a `Session` like that of the library
        `requests`. With `install_clock_skew_hook` a clock that is far from the server's fails every request
        (ClockSkew). `connect_timeout` and `read_timeout` are seconds that a connection, and each part of an answer, may
        take (default: TIMEOUT, more than the two minutes that B2 may need). A module is given one timeout for both,
        TIMEOUT, unless `connect_timeout` is another one than by default, as b2sdk gives it. `retry` bounds how often,
        and for how long, everything over these connections is tried again. Raises InvalidArgument for a timeout that is
        not above 0.
        """
        for name, seconds in (("connect_timeout", connect_timeout), ("read_timeout", read_timeout)):
            if seconds is not None and not 0 < seconds < inf:
                raise InvalidArgument(name, "must be a number of seconds above 0")
        self.user_agent, self.retry = user_agent, retry
        self.connect_timeout = connect_timeout
        if read_timeout is not None:
            self.TIMEOUT = read_timeout
        self.callbacks: list[HttpCallback] = []
        self._theirs: RequestsSession | None = None
        if requests_module is not None:
            chosen = None if connect_timeout == CONNECT_TIMEOUT_SECONDS else connect_timeout
            self._theirs = session = RequestsSession(requests_module, chosen, self.TIMEOUT)
            connections: tuple[Exchange, Callable[[], None]] = session.exchange, session.close
        else:
            connections = own_connections()
        self._send, close = connections
        self._closing = finalize(self, close)  # few programs close what they were never told to close
        if install_clock_skew_hook:
            self.add_callback(ClockSkewHook())

    def close(self) -> None:
        """Close the connections. Those of an object that is gone are closed, too."""
        self._closing()

    @checked()
    def add_callback(self, callback: HttpCallback) -> None:
        """Add a callback that inherits from HttpCallback."""
        self.callbacks.append(callback)

    def api(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        """What programs run over: every request of it passes the callbacks, too."""
        api = HttpApi(
            application_key_id,
            application_key,
            realm_address=realm_url,
            user_agent=self.user_agent,
            connect_timeout=self.connect_timeout,
            read_timeout=self.TIMEOUT,
            exchange=self._exchange,
        )
        return _HookedApi(api)

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        """One request between the callbacks; the body of the response is still to be read."""
        if not self.callbacks:
            return self._send(request)
        method, url, headers = request.method, str(request.url), headers_of(request)
        as_they_were = dict(headers)
        before(self.callbacks, method, url, headers)
        if headers != as_they_were:
            with_headers(request, headers)
        begun = monotonic()
        response = self._send(request)
        seen = CallbackResponse(response, request, monotonic() - begun)
        try:
            if listened_to(self.callbacks) and not is_download(request):
                seen.read()
            behind(self.callbacks, method, url, headers, response.extensions.get(THEIRS, seen))
        except BaseException:
            response.close()
            raise
        return seen.passed_on()

    def _hooked(self, method: str, url: str, headers: dict[str, str], send: Callable[[], Answered]) -> Answered:
        """What a given module answers, between the callbacks."""
        before(self.callbacks, method, url, headers)
        response = send()
        try:
            behind(self.callbacks, method, url, headers, response)
        except CallbackRaised:
            response.close()
            raise
        return response

    # -- the three operations

    def post_json_return_json(
        self, url: str, headers: Mapping[str, str], params: Mapping[str, Any], try_count: int = 5
    ) -> dict[str, Any]:
        """Post `params` as JSON, and return the decoded JSON document."""
        data = msgspec.json.encode(dict(params))
        sent = headers if self._theirs is not None else {**headers, "Content-Type": "application/json"}
        return persist(lambda: self._post(url, sent, data, params, uploads=False), try_count, self.retry)

    def post_content_return_json(
        self,
        url: str,
        headers: Mapping[str, str],
        data: Any,
        try_count: int = 5,
        post_params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Post bytes or a file-like object, which is read again from its start for each try, and return the decoded
        JSON document. `post_params` are what an error can tell of the request.
        """

        def attempt() -> dict[str, Any]:
            if hasattr(data, "seek"):
                data.seek(0)
            return self._post(url, headers, data, post_params or {}, uploads=True)

        return persist(attempt, try_count, self.retry)

    def get_content(self, url: str, headers: Mapping[str, str], try_count: int = 5) -> ResponseContextManager:
        """Fetch content from a URL: a context manager that returns an object with `headers` and `iter_content()`. Over
        a module that was given it is the module's own response; what breaks while its content is read is told by the
        module's own exceptions, as with b2sdk.
        """

        def attempt() -> ResponseContextManager:
            response = self._asked("GET", url, headers, None, Context())
            self._check(response, url, {})
            return ResponseContextManager(Content(response, url) if isinstance(response, httpx.Response) else response)

        return persist(attempt, try_count, self.retry)

    def _post(
        self, url: str, headers: Mapping[str, str], data: Any, params: Mapping[str, Any], *, uploads: bool
    ) -> dict[str, Any]:
        response = self._asked("POST", url, headers, data, Context(uploads=uploads))
        self._check(response, url, params)
        try:
            found = msgspec.json.decode(_body(response, url))
        except (msgspec.DecodeError, TypeError) as error:
            raise B2ConnectionError("the answer is not JSON") from error
        if not isinstance(found, dict):
            raise B2ConnectionError("the answer is no JSON object")
        return found

    def _asked(self, method: str, url: str, headers: Mapping[str, str], data: Any, told: Context) -> Answered:
        """The response to bytes or a stream (None: to nothing): the own, or that of the module that was given."""
        try:
            if self._theirs is not None:
                return self._asked_of_theirs(self._theirs, url, headers, data)
            return self._exchange(self._request(method, url, headers, data))
        except CallbackRaised as raised:
            raise raised.exception from raised.exception.__cause__
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise InvalidArgument("url", "must be an http or https URL") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise exception_of(explain_transport(error, url), told) from None

    def _asked_of_theirs(self, theirs: RequestsSession, url: str, headers: Mapping[str, str], data: Any) -> Answered:
        """As b2sdk asks: with a stream, and with no header but the given ones and its own name."""
        sent = {**headers, "User-Agent": self.user_agent}
        if data is None:
            return self._hooked("GET", url, sent, lambda: theirs.get(url, sent))
        return self._hooked("POST", url, sent, lambda: theirs.post(url, sent, as_sent(data)))

    def _request(self, method: str, url: str, headers: Mapping[str, str], data: Any) -> httpx.Request:
        own = {"User-Agent": self.user_agent, "Accept-Encoding": "identity"}
        return httpx.Request(
            method,
            url,
            headers={**own, **headers},
            content=data if data is None or isinstance(data, bytes) else _chunks(data),
            extensions={"timeout": httpx.Timeout(self.TIMEOUT, connect=self.connect_timeout, pool=None).as_dict()},
        )

    def _check(self, response: Answered, url: str, params: Mapping[str, Any]) -> None:
        """Raise what a response other than 200 and 206 means."""
        if response.status_code in (200, 206):
            return
        headers = {name.lower(): value for name, value in response.headers.items()}
        value = decode_error(response.status_code, headers, _body(response, url))
        about = Context(params.get("fileName"), params.get("fileId"), params.get("bucketName"), params.get("bucketId"))
        raise exception_of(value, about)


def _body(response: Answered, url: str) -> bytes:
    try:
        return response.read() if isinstance(response, httpx.Response) else body_of(response)
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise exception_of(explain_transport(error, url)) from None
    finally:
        response.close()


def _chunks(stream: Any) -> Iterator[bytes]:
    while chunk := stream.read(1 << 16):
        yield chunk


def persist(attempt: Callable[[], T], try_count: int, patience: RetryPolicy) -> T:
    """Try so often, or as often as there is patience for, if the error says that it may help; the last error is the
    answer.
    """
    wait = patience.first_delay
    for left in reversed(range(max(1, min(try_count, patience.max_attempts)))):
        try:
            return attempt()
        except B2Error as error:
            if not left or not error.should_retry_http():
                raise
            wish = error.retry_after_seconds
            sleep(wait if wish is None else wish)
            wait = min(patience.max_delay, wait * _WAIT_FACTOR)
    raise AssertionError("the last try returns or raises")


class _HookedApi:
    """An api whose callbacks' exceptions travel through programs as error values, and come out as they were raised."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2ErrorValue]:
        try:
            return self._api.send(call, credential, reader)
        except CallbackRaised as raised:
            return IOFailure(value_of(raised.exception))

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2ErrorValue]:
        try:
            return self._api.fetch(call, authorization, sink, heard)
        except CallbackRaised as raised:
            return IOFailure(value_of(raised.exception))
