"""A recorder in front of the simulated B2: which parts and ranges went over the wire, and how much of each.

It wraps the application that `b2pure serve` serves, on a thread of this process, and changes nothing. Bytes of a body
that goes up are counted when they arrived, those of one that comes down when they were handed to the connection, whose
buffers may hold the last few of them.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Final
from urllib.parse import parse_qs

from attrs import define, field

from b2pure.effects.simulator import Simulator
from b2pure.shell.serve import asgi_app
from b2pure.shell.serve_http import App, Message, Receive, Send, http_server

__all__ = ["Exchange", "Recording", "recording"]

_RANGE: Final = re.compile(rb"bytes=(\d+)-(\d+)\Z")


@define(eq=False)
class Exchange:
    """One part on its way up, or one range on its way down. `file_id` is that of the large file, or empty; a part has
    its number in `first`, a range its first byte there, and the byte behind it in `stop`. `complete` once the server
    answered that it has the part, or gave the last byte of the range.
    """

    file_id: str
    first: int
    stop: int
    moved: int = 0
    complete: bool = False


@define(eq=False)
class Recording:
    """What moved since the last time it was cleared."""

    exchanges: list[Exchange] = field(factory=list)
    under_way: int = 0
    lock: Lock = field(factory=Lock)

    @property
    def moved(self) -> int:
        """Bytes of contents."""
        return sum(each.moved for each in list(self.exchanges))

    def cleared(self) -> list[Exchange]:
        """What there was."""
        with self.lock:
            found, self.exchanges = self.exchanges, []
            return found


class _Recorder:
    def __init__(self, app: App, record: Recording) -> None:
        self._app, self._record = app, record

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        exchange = _exchange(scope)
        if exchange is None:
            await self._app(scope, receive, send)
            return
        up = bool(exchange.file_id)

        async def received() -> Message:
            message = await receive()
            if up and message["type"] == "http.request":
                exchange.moved += len(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if up and message["type"] == "http.response.start":
                exchange.complete = message["status"] == 200
            elif not up and message["type"] == "http.response.body":
                exchange.moved += len(message["body"])
                exchange.complete = exchange.moved == exchange.stop - exchange.first
            await send(message)

        with self._record.lock:
            self._record.exchanges.append(exchange)
            self._record.under_way += 1
        try:
            await self._app(scope, received, sent)
        finally:
            with self._record.lock:
                self._record.under_way -= 1


def _exchange(scope: Message) -> Exchange | None:
    """What the request is about, if it moves content of a large file."""
    headers = dict(scope.get("headers", ()))
    if b"x-bz-part-number" in headers:
        file_id = parse_qs(scope["query_string"].decode())["file"][0]
        return Exchange(file_id, int(headers[b"x-bz-part-number"]), 0)
    asked = _RANGE.match(headers.get(b"range", b""))
    return None if asked is None else Exchange("", int(asked[1]), int(asked[2]) + 1)


@contextmanager
def recording(simulator: Simulator) -> Iterator[tuple[str, Recording]]:
    """The address of a server of the simulator, for as long as the block lasts, and its record."""
    record = Recording()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        simulator.base_url = url
        server = http_server(_Recorder(asgi_app(simulator), record))
        thread = Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield url, record
        finally:
            server.stop()
            thread.join()
