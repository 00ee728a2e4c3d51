"""The simulator over HTTP on this machine: `b2pure.effects.served` behind uvicorn.

Rules. It binds 127.0.0.1 and nothing else. One event loop, on one thread, owns the simulator: nobody else may call it
while the server runs. Requests are not logged, because their headers and URLs are secrets. An upload URL is occupied
from its headers to the end of its body, as at B2. Bodies go to the simulator piece by piece and leave it so; none is
ever joined.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from threading import Thread
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final

from b2pure.effects.content import pieces
from b2pure.effects.served import (
    Served,
    ServedRequest,
    Upload,
    abandon_upload,
    begin_upload,
    finish_upload,
    is_upload,
    refusal,
    serve,
)
from b2pure.effects.simulator import Simulator
from b2pure.model.errors import Rejected

try:
    import uvicorn
except ImportError as missing:
    raise ImportError("the B2 server needs uvicorn: pip install 'b2pure[server]'") from missing

__all__ = ["RunningServer", "asgi_app", "serve_forever", "serve_in_thread"]

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 10.0

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def asgi_app(simulator: Simulator) -> App:
    """The simulator as an ASGI application."""

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _request(scope)
        served = await (_upload if is_upload(request.target) else _answer)(simulator, request, receive)
        if served is not None:
            await _respond(send, served)

    return app


def _request(scope: MutableMapping[str, Any]) -> ServedRequest:
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
    return ServedRequest(scope["method"], f"{path}?{query}" if query else path, headers)


async def _answer(simulator: Simulator, request: ServedRequest, receive: Receive) -> Served | None:
    body = await _body(receive)
    return None if body is None else serve(simulator, _with_body(request, body))


async def _upload(simulator: Simulator, request: ServedRequest, receive: Receive) -> Served | None:
    if request.header("content-length") is None:
        return refusal(Rejected(400, "bad_request", "Content-Length is missing"))
    begun = begin_upload(simulator, request)
    if isinstance(begun, Served):
        await _body(receive)
        return begun
    try:
        whole = await _taken(begun, receive)
    except BaseException:
        abandon_upload(simulator, begun)
        raise
    if not whole:
        abandon_upload(simulator, begun)
        return None
    return finish_upload(simulator, begun)


async def _taken(upload: Upload, receive: Receive) -> bool:
    """Whether the whole body came."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return False
        upload.intake.write(message.get("body", b""))
        if not message.get("more_body", False):
            return True


def _with_body(request: ServedRequest, body: bytes) -> ServedRequest:
    return ServedRequest(request.method, request.target, request.headers, body)


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when the client went away."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _respond(send: Send, served: Served) -> None:
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in served.response.headers.items()]
    await send({"type": "http.response.start", "status": served.response.status, "headers": headers})
    for piece in pieces(served.extents):
        await send({"type": "http.response.body", "body": bytes(piece), "more_body": True})
    await send({"type": "http.response.body", "body": served.response.body})


class RunningServer:
    """A server on a thread of its own, until `close`. `url` is the realm for clients."""

    def __init__(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self._server = server
        self._listener = listener
        self._thread = Thread(target=server.run, args=([listener],), name="b2pure-serve", daemon=True)
        self.url = _url(listener)

    def start(self) -> None:
        """Return once the server answers."""
        self._thread.start()
        deadline = monotonic() + START_SECONDS
        while not self._server.started:
            if monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            sleep(0.005)

    def close(self) -> None:
        """Stop the server and wait for its thread."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve_in_thread(simulator: Simulator, port: int = 0) -> RunningServer:
    """Serve on a free port (or `port`) until closed. The simulator's `base_url` becomes the server's."""
    server, listener = _bound(simulator, port)
    running = RunningServer(server, listener)
    running.start()
    return running


def serve_forever(simulator: Simulator, port: int = 0, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve on this thread until interrupted; `ready` is told the URL once the port is bound."""
    server, listener = _bound(simulator, port)
    if ready is not None:
        ready(_url(listener))
    try:
        server.run([listener])
    finally:
        listener.close()


def _bound(simulator: Simulator, port: int) -> tuple[uvicorn.Server, socket.socket]:
    listener = _listener(port)
    simulator.base_url = _url(listener)
    config = uvicorn.Config(
        asgi_app(simulator),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config), listener


def _listener(port: int) -> socket.socket:
    """A listening socket that names its protocol: only then does asyncio switch Nagle's algorithm off, which would
    hold every second packet of an answer back for 40 ms.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
