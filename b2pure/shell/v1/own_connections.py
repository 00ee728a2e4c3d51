"""The connections of a `B2Http` that was given no module to send with.

Rules. Where a proxy is named they are httpx's own, elsewhere those of `under_httpx`. A child that was forked opens new
ones.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from b2pure.shell.authorities import tls_context
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.http import DEFAULT_POOL_SIZE, Exchange
from b2pure.shell.transport import proxied
from b2pure.shell.under_httpx import HttpxTransport

__all__ = ["own_connections"]


def own_connections() -> tuple[Exchange, Callable[[], None]]:
    """What sends a request, and what closes the connections."""
    if not proxied():
        direct = HttpxTransport(DEFAULT_POOL_SIZE)
        return direct.handle_request, direct.close
    through = _ThroughProxy()
    return through.exchange, through.close


class _ThroughProxy:
    """httpx's own connections."""

    def __init__(self) -> None:
        self._renew_in_child()
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """At first, and in a child that was forked, where the connections are its parent's."""
        self._client = httpx.Client(verify=tls_context(), follow_redirects=False)

    def exchange(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the response is still to be read."""
        return self._client.send(request, stream=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
