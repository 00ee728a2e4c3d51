"""The simulator over HTTP on this machine: `b2pure.effects.served` behind uvicorn.

Rules. It binds 127.0.0.1 and nothing else. One lock belongs to a simulator: the application holds it around each of
its calls and never while it waits for a client, so that other threads may use the simulator in between. Requests are
not logged, because their headers and URLs are secrets. An upload URL is occupied from its headers to the end of its
body, as at B2; an upload that will be refused is refused before its body is read. Bodies go to the simulator piece by
piece and leave it so, no faster than they come and go; none is ever joined. Faults and latency are carried out here,
as `strikes.Strike` says.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import RLock, Thread
from time import monotonic, sleep
from types import TracebackType
from typing import Final, NoReturn

from attrs import evolve, field, frozen, validators

from b2pure.effects.fault_answers import response_of
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.latency import Latency, seconds
from b2pure.effects.served import (
    Served,
    ServedRequest,
    Upload,
    abandon_upload,
    begin_upload,
    call_name_of,
    finish_upload,
    is_upload,
    refusal,
    serve,
)
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.content import VaultFailed, pieces
from b2pure.effects.strikes import Strike, flipped
from b2pure.effects.wire import HttpResponse
from b2pure.model.calls import HEX_DIGITS_AT_END, UploadFile
from b2pure.model.errors import Rejected, Unavailable
from b2pure.shell.clock import SystemClock
from b2pure.shell.serve_control import Control, expire_tokens, is_control
from b2pure.shell.serve_events import Deliverer
from b2pure.shell.serve_http import CONNECTION, App, Connection, HttpServer, Message, Receive, Send, http_server

__all__ = ["RunningServer", "ServeOptions", "asgi_app", "serve_forever", "serve_in_thread"]

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 10.0
_DIGEST_BYTES: Final = 40
_log = logging.getLogger("b2pure.serve")


@frozen
class ServeOptions:
    """How the server treats its clients. `json_bytes` is the most that a body other than an upload has. A body of which
    nothing comes for `body_timeout_seconds` is too slow (408). Where a body is refused unread, the server listens for
    up to `linger_seconds` until the client has seen the answer; `latency_seed` decides the jitter. With `post_events`
    event notifications are posted to their webhooks; otherwise they wait in the simulator (`take_deliveries`).
    """

    json_bytes: int = field(default=4 * 1024 * 1024, validator=validators.ge(1))
    body_timeout_seconds: float = field(default=60.0, validator=validators.gt(0))
    linger_seconds: float = field(default=2.0, validator=validators.ge(0))
    latency: Latency = field(factory=Latency)
    latency_seed: int = 0
    post_events: bool = False


class _Gone(Exception):
    """There is nobody to answer to: the client went away, or a fault broke the connection."""


class _TooSlow(Exception):
    """Nothing came of a body for too long."""


@frozen(eq=False)
class _Exchange:
    """One request and the way to its client."""

    request: ServedRequest
    receive: Receive
    send: Send
    connection: Connection | None
    timeout_seconds: float

    async def body(self) -> tuple[bytes, bool]:
        """The next bytes of the body, and whether there may be more. Raises _Gone and _TooSlow."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                message = await self.receive()
        except TimeoutError:
            raise _TooSlow from None
        if message["type"] != "http.request":
            raise _Gone
        return message.get("body", b""), message.get("more_body", False)

    async def say(self, message: Message) -> None:
        """Send a piece of the answer. Raises _Gone where nobody would get it: asyncio takes what is written to a lost
        connection, and tells of the loss only when it gets its turn, which who never waits would not give it.
        """
        if self.connection is not None and self.connection.lost:
            self.hang_up()
        await self.send(message)

    def hang_up(self) -> NoReturn:
        """Close the connection behind what was sent."""
        if self.connection is not None:
            self.connection.hang_up()
        raise _Gone

    def reset(self) -> NoReturn:
        """Break the connection."""
        if self.connection is not None:
            self.connection.reset()
        raise _Gone

    def has_body(self) -> bool:
        """Whether the request says that it has one."""
        return (
            self.request.header("content-length") not in (None, "0")
            or self.request.header("transfer-encoding") is not None
        )


class _ServedB2:
    """The simulator as an ASGI application."""

    def __init__(self, simulator: Simulator, lock: RLock, options: ServeOptions, faults: FaultBoard) -> None:
        self._simulator = simulator
        self._lock = lock
        self._options = options
        self._faults = faults
        self._random = random.Random(options.latency_seed)
        self._clock = SystemClock()
        self._control = Control(simulator, faults)
        self._deliverer = Deliverer(simulator, lock) if options.post_events else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        connection = scope.get("extensions", {}).get(CONNECTION)
        exchange = _Exchange(_request(scope), receive, send, connection, self._options.body_timeout_seconds)
        try:
            await self._exchanged(exchange)
        except _Gone:
            if connection is None:
                raise ConnectionAbortedError("the connection is broken off") from None
        except asyncio.CancelledError:
            if connection is None:
                raise
            connection.reset()

    async def _exchanged(self, exchange: _Exchange) -> None:
        try:
            try:
                await self._answer(exchange)
            finally:  # what a call did is told even if its reply was lost
                self._post_events()
        except _Gone:
            raise
        except _TooSlow:
            await self._turn_away(exchange, refusal(Unavailable(408, "request_timeout", "the body came too slowly")))
        except VaultFailed as failed:
            await self._failed(exchange, Unavailable(503, "service_unavailable", str(failed)))
        except Exception:
            _log.exception("a bug in b2pure: a request was answered with 500")
            await self._failed(exchange, Unavailable(500, "internal_error", "a bug in the simulated B2"))

    def _post_events(self) -> None:
        if self._deliverer is not None:
            with self._lock:
                self._deliverer.collect()

    async def _failed(self, exchange: _Exchange, error: Unavailable) -> None:
        """It is not the client's fault. An answer that has begun cannot be taken back."""
        try:
            await self._turn_away(exchange, refusal(error))
        except RuntimeError:
            exchange.hang_up()

    async def _answer(self, exchange: _Exchange) -> None:
        request = exchange.request
        if is_control(request.target):
            await self._respond(exchange, self._control_answer(await self._with_body(exchange)), Strike())
            return
        strike = await self._struck(exchange)
        if strike.answer is not None:
            response = response_of(strike.answer, self._clock.now_millis())
            self._log_fault(request, response)
            await self._turn_away(exchange, Served(response))
        elif is_upload(request.target) and request.method == "POST":
            await self._upload(exchange, strike)
        else:
            whole = await self._with_body(exchange)
            with self._lock:
                served = serve(self._simulator, whole)
            await self._respond(exchange, served, strike)

    def _control_answer(self, request: ServedRequest) -> Served:
        with self._lock:
            return self._control.serve(request)

    async def _struck(self, exchange: _Exchange) -> Strike:
        """What strikes the call; what comes before it is looked at is done already."""
        name = call_name_of(exchange.request.target)
        if name is None or exchange.request.method == "OPTIONS":
            return Strike()
        strike = self._faults.strike(name, exchange.request.header("x-bz-test-mode"))
        if strike.expire is not None:
            with self._lock:
                expire_tokens(self._simulator, strike.expire)
        await self._sleep(strike.delay_seconds + seconds(self._options.latency, 0, self._random.random()))
        if strike.connection == "silent":
            await self._wait_for_the_end(exchange)
        elif strike.connection is not None:
            exchange.reset()
        return strike

    def _log_fault(self, request: ServedRequest, response: HttpResponse) -> None:
        """The request never reaches the simulator, which would write it down."""
        with self._lock:
            self._simulator.log.add(
                at_millis=self._simulator.now(),
                method=request.method,
                call_name=call_name_of(request.target) or "",
                about="a fault of the script",
                key_id=None,
                status=response.status,
                code=None,
                bytes_in=0,
                bytes_out=len(response.body),
            )

    async def _wait_for_the_end(self, exchange: _Exchange) -> NoReturn:
        while True:
            message = await exchange.receive()
            if message["type"] != "http.request":
                raise _Gone
            if not message.get("more_body", False):
                break
        while (await exchange.receive())["type"] == "http.request":
            await asyncio.sleep(0.01)
        raise _Gone

    async def _sleep(self, duration: float) -> None:
        if duration > 0:
            await asyncio.sleep(duration)

    async def _pace(self, count: int) -> None:
        """The time that so many bytes need on their way."""
        if self._options.latency.bytes_per_second is not None:
            await asyncio.sleep(count / self._options.latency.bytes_per_second)

    # -- requests

    async def _with_body(self, exchange: _Exchange) -> ServedRequest:
        """The request with its body."""
        limit, request = self._options.json_bytes, exchange.request
        declared = request.header("content-length") or "0"
        if not _is_whole(declared) or int(declared) > limit:
            await self._turn_away(exchange, _too_large(limit))
            raise _Gone
        found: list[bytes] = []
        length, more = 0, True
        while more:
            piece, more = await exchange.body()
            length += len(piece)
            if length > limit:
                await self._turn_away(exchange, _too_large(limit))
                raise _Gone
            found.append(piece)
        await self._pace(length)
        return evolve(request, body=found[0] if len(found) == 1 else b"".join(found))

    async def _upload(self, exchange: _Exchange, strike: Strike) -> None:
        request = exchange.request
        declared = request.header("content-length") or ""
        if not _is_whole(declared) or request.header("transfer-encoding") is not None:
            await self._turn_away(exchange, refusal(Rejected(400, "bad_request", "Content-Length is missing")))
            return
        begun = self._begun(request, int(declared))
        if isinstance(begun, Served):
            await self._turn_away(exchange, begun)
            return
        try:
            await self._take(exchange, begun, int(declared), strike)
            with self._lock:
                served = finish_upload(self._simulator, begun)
        except BaseException:
            with self._lock:
                abandon_upload(self._simulator, begun)
            raise
        await self._respond(exchange, served, strike)

    def _begun(self, request: ServedRequest, length: int) -> Upload | Served:
        """The upload, if it is not to be refused already."""
        with self._lock:
            begun = begin_upload(self._simulator, request)
            if isinstance(begun, Served):
                return begun
            config, whole = self._simulator.config, isinstance(begun.call, UploadFile)
            limit = config.max_single_size if whole else config.max_part_size
            trailer = _DIGEST_BYTES if begun.call.content_sha1 == HEX_DIGITS_AT_END else 0
            if length <= limit + trailer:
                return begun
            abandon_upload(self._simulator, begun)
            what = "a single upload" if whole else "a part"
            return refusal(Rejected(400, "bad_request", f"{what} has at most {limit} bytes"))

    async def _take(self, exchange: _Exchange, upload: Upload, length: int, strike: Strike) -> None:
        """The body, as it comes or as a fault lets it come."""
        cut = strike.cut_upload if strike.cut_upload is not None and strike.cut_upload < length else None
        taken, more = 0, True
        while more:
            piece, more = await exchange.body()
            taken += len(piece)
            if cut is not None and taken > cut:  # what came beyond it never arrived
                exchange.reset()
            if strike.corrupt_upload is not None:
                piece = flipped(piece, strike.corrupt_upload - taken + len(piece))
            upload.intake.write(piece)
            await self._pace(len(piece))
        if taken != length:
            raise _Gone

    # -- answers

    async def _respond(self, exchange: _Exchange, served: Served, strike: Strike) -> None:
        """The answer to a request that was read to its end."""
        if strike.drop_reply:
            exchange.hang_up()
        response = served.response
        await exchange.say(_start(response, close=response.status == 400))
        passed = 0
        for piece in pieces(served.extents):
            data = bytes(piece)
            if strike.corrupt_download is not None:
                data = flipped(data, strike.corrupt_download - passed)
            if strike.cut_download is not None and passed + len(data) > strike.cut_download:
                await exchange.say(_body(data[: strike.cut_download - passed], more=True))
                exchange.hang_up()
            passed += len(data)
            await exchange.say(_body(data, more=True))
            await self._pace(len(data))
        await exchange.say(_body(b"" if exchange.request.method == "HEAD" else response.body, more=False))

    async def _turn_away(self, exchange: _Exchange, served: Served) -> None:
        """Answer a request whose body was not read. The connection is closed, but not before the client could see why:
        what it still sends would reset the connection, and the answer with it.
        """
        response, unread = served.response, exchange.has_body()
        await exchange.say(_start(response, close=unread or response.status == 400))
        body = b"" if exchange.request.method == "HEAD" else response.body
        await exchange.say(_body(body, more=unread))
        if unread:
            await self._linger(exchange)
            await self._end(exchange)

    async def _end(self, exchange: _Exchange) -> None:
        if exchange.connection is None:
            await exchange.say(_body(b"", more=False))
        else:
            exchange.hang_up()

    async def _linger(self, exchange: _Exchange) -> None:
        if exchange.connection is not None:
            exchange.connection.finish()
        try:
            async with asyncio.timeout(self._options.linger_seconds):
                while True:
                    message = await exchange.receive()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def _request(scope: Message) -> ServedRequest:
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
    return ServedRequest(scope["method"], f"{path}?{query}" if query else path, headers)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _too_large(limit: int) -> Served:
    return refusal(Rejected(400, "bad_request", f"the body has more than {limit} bytes"))


def _start(response: HttpResponse, *, close: bool) -> Message:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if close:
        headers.append((b"connection", b"close"))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


def _body(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def asgi_app(
    simulator: Simulator,
    *,
    lock: RLock | None = None,
    options: ServeOptions | None = None,
    faults: FaultBoard | None = None,
) -> App:
    """The simulator as an ASGI application. Whoever else uses the simulator meanwhile must hold `lock`."""
    return _ServedB2(
        simulator,
        RLock() if lock is None else lock,
        ServeOptions() if options is None else options,
        FaultBoard() if faults is None else faults,
    )


class RunningServer:
    """A server on a thread of its own, until `close`. `url` is the realm for clients. Other threads use `simulator`
    only inside `locked()`; `faults` may be changed at any time.
    """

    def __init__(self, simulator: Simulator, port: int, lock: RLock, options: ServeOptions, faults: FaultBoard) -> None:
        self.simulator = simulator
        self.lock = lock
        self.faults = faults
        self._server, self._listener = _bound(simulator, port, lock, options, faults)
        self._thread = Thread(target=self._server.run, args=([self._listener],), name="b2pure-serve", daemon=True)
        self.url = simulator.base_url

    def __repr__(self) -> str:
        return f"RunningServer({self.url!r})"

    def start(self) -> None:
        """Return once the server answers."""
        self._thread.start()
        deadline = monotonic() + START_SECONDS
        while not self._server.started:
            if monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            sleep(0.001)

    @contextmanager
    def locked(self) -> Iterator[Simulator]:
        """The simulator, while no request is being answered."""
        with self.lock:
            yield self.simulator

    def close(self) -> None:
        """Stop the server and wait for its thread. Requests that are on their way are broken off."""
        self._server.stop()
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve_in_thread(
    simulator: Simulator,
    port: int = 0,
    *,
    lock: RLock | None = None,
    options: ServeOptions | None = None,
    faults: FaultBoard | None = None,
) -> RunningServer:
    """Serve on a free port (or `port`) until closed. The simulator's `base_url` becomes the server's. `lock` is what
    others hold who use the simulator meanwhile.
    """
    running = RunningServer(
        simulator,
        port,
        RLock() if lock is None else lock,
        ServeOptions() if options is None else options,
        FaultBoard() if faults is None else faults,
    )
    running.start()
    return running


class _FewerLines(logging.Filter):
    """asyncio tells of every connection that it cannot take, with a traceback, as fast as it can."""

    def __init__(self) -> None:
        super().__init__()
        self._told = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass it on once, in a line."""
        if "out of system resource" not in record.getMessage():
            return True
        record.exc_info = None
        record.msg, record.args = "too many connections for this process; new ones wait (ulimit -n)", None
        first, self._told = not self._told, True
        return first


def _take_many_connections() -> None:
    """As many as this process may have, where the usual limit is lower."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.getLogger("asyncio").addFilter(_FewerLines())


def serve_forever(
    simulator: Simulator,
    port: int = 0,
    *,
    ready: Callable[[str], None] | None = None,
    options: ServeOptions | None = None,
    faults: FaultBoard | None = None,
) -> None:
    """Serve on this thread until Ctrl-C or SIGTERM; `ready` is told the URL once the port is bound."""
    _take_many_connections()
    server, listener = _bound(
        simulator,
        port,
        RLock(),
        ServeOptions() if options is None else options,
        FaultBoard() if faults is None else faults,
    )
    try:
        if ready is not None:
            ready(simulator.base_url)
        server.run([listener])
    finally:
        listener.close()


def _bound(
    simulator: Simulator, port: int, lock: RLock, options: ServeOptions, faults: FaultBoard
) -> tuple[HttpServer, socket.socket]:
    listener = _listener(port)
    simulator.base_url = _url(listener)
    return http_server(asgi_app(simulator, lock=lock, options=options, faults=faults)), listener


def _listener(port: int) -> socket.socket:
    """A listening socket that names its protocol: only then does asyncio switch Nagle's algorithm off, which would
    hold every second packet of an answer back for 40 ms.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
