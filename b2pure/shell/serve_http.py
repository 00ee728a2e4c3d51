"""uvicorn, made to behave as B2's servers do where HTTP itself goes wrong, and made to stop at once.

Rules. What is no HTTP is answered with B2's JSON, and nothing that arrives is logged. A head of a request that never
ends is refused before it fills the memory. An application may break its connection (`Connection`), which ASGI has no
word for. The server is told to stop by an event, not by polling; what is still on its way is then cut off, because
the simulated B2 has nothing to lose.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final, cast

from b2pure.effects.served import refusal
from b2pure.model.errors import Rejected
from b2pure.shell.signals import minded

try:
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError as missing:
    raise ImportError("the B2 server needs uvicorn and httptools: pip install 'b2pure[server]'") from missing

__all__ = ["CONNECTION", "HEAD_BYTES", "App", "Connection", "HttpServer", "Message", "Receive", "Send", "http_server"]

CONNECTION: Final = "b2pure.connection"
"""The extension of an ASGI scope whose value is the `Connection`."""
HEAD_BYTES: Final = 64 * 1024
"""The most that target and headers of a request have together. B2's own limit of a name and its info is 7,000."""
_TICK_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 0.5
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no time at all: a close that resets."""

_log = logging.getLogger("b2pure.serve.http")
_log.setLevel(logging.ERROR)  # what is no HTTP is no news

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False
        self.logger = _log
        self._running: Any = None
        self._unread = 0
        self._heard = False

    # -- for the application

    @property
    def lost(self) -> bool:
        """Whether nothing that is sent would come to the client: it went away, or was sent away."""
        return self.transport.is_closing()

    def reset(self) -> None:
        """Break the connection at once: the client gets a reset."""
        self._disconnect()
        if self.transport.is_closing():
            return
        wire = self.transport.get_extra_info("socket")
        if wire is not None:
            with suppress(OSError):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def hang_up(self) -> None:
        """Close the connection behind what was sent so far."""
        self._disconnect()
        self.transport.close()

    def finish(self) -> None:
        """Nothing more will be sent. The client sees the end, and may still be heard."""
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def dismiss(self) -> None:
        """The server ends."""
        latest: Any = self.cycle
        if latest is None or latest.response_complete:
            self.transport.close()
        else:
            self.reset()

    def _disconnect(self) -> None:
        """Whoever waits for this client is told that it is gone."""
        cycles: tuple[Any, ...] = (self._running, self.cycle)
        for cycle in cycles:
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.flow.resume_writing()

    # -- what uvicorn calls

    def data_received(self, data: bytes) -> None:
        """Bytes came. A head that never ends is no request."""
        self._heard = False
        super().data_received(data)
        self._unread = 0 if self._heard else self._unread + len(data)
        if self._unread > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("the head of the request is too large")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        cast(dict[str, Any], self.scope)["extensions"] = {CONNECTION: self}

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._heard = True
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            raise ValueError("the head of the request is too large")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._heard = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._heard = True
        super().on_message_complete()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # uvicorn says None, asyncio takes both
        """The client sends nothing more. What it asked for is answered all the same."""
        latest: Any = self.cycle
        if latest is None or latest.response_complete or latest.more_body:
            return False
        latest.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was sent away."""
        self._disconnect()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP. Nothing can be told from what follows it."""
        if self.transport.is_closing():
            return
        latest: Any = self.cycle
        answering = latest is not None and not latest.response_complete
        if answering and not latest.more_body:
            # The request before is whole, and is answered first.
            latest.keep_alive = False
            self.flow.pause_reading()
            return
        if not answering or not (latest.response_started or self.pipeline):
            self.transport.write(self._refusal(msg))
        self.hang_up()

    def _refusal(self, message: str) -> bytes:
        response = refusal(Rejected(400, "bad_request", message)).response
        headers = dict(self.server_state.default_headers)
        headers |= {name.encode(): value.encode() for name, value in response.headers.items()}
        head = b"".join(name + b": " + value + b"\r\n" for name, value in headers.items())
        return b"HTTP/1.1 400 Bad Request\r\n" + head + b"connection: close\r\n\r\n" + response.body

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        """There is nothing to upgrade to; the request is answered as it is, and what follows it is not HTTP."""
        latest: Any = self.cycle
        if latest is not None:
            latest.more_body = False
            latest.keep_alive = False
            latest.message_event.set()
        self.flow.pause_reading()


class HttpServer(uvicorn.Server):
    """The server, on the thread that runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None

    def stop(self) -> None:
        """Tell the server to end. Any thread may."""
        self.should_exit = True
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(wake.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)  # answers have a date from the first one on
        await super().startup(sockets=sockets)

    async def main_loop(self) -> None:
        """Keep the time until told to stop."""
        assert self._wake is not None
        while not self.should_exit:
            await self.on_tick(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and break what is still on its way."""
        for server in self.servers:
            server.close()
        for wire in sockets or []:
            wire.close()
        for connection in list(self.server_state.connections):
            assert isinstance(connection, Connection)
            connection.dismiss()
        tasks = set(self.server_state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_GRACE_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ctrl-C, or a polite kill."""
        self.stop()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """All of them mean the same end. They are not raised again: to stop is what a server is told by them."""
        if current_thread() is not main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, *minded())}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def http_server(app: App) -> HttpServer:
    """A server of the application, for `run([listener])`."""
    return HttpServer(
        uvicorn.Config(
            app,
            http=Connection,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=60,
            loop="asyncio",
        )
    )
