"""Posts the deliveries of event notifications to their webhooks.

Rules. https, or http on this machine, as the simulator's rules allow; no redirects, because B2 follows none. One try:
who calls decides about another. A webhook has B2's three seconds to connect and to answer; any 2xx takes the delivery.
What it answers beside its status is not read, and no error holds its URL.
"""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlsplit

import httpx
from returns.io import IOFailure, IOResult, IOSuccess

from b2pure.effects.simulator.events import Delivery
from b2pure.effects.simulator.settings import LOOPBACK_HOSTS, is_webhook
from b2pure.model.errors import B2Error, Rejected, Transport, Unavailable
from b2pure.shell.authorities import tls_context

__all__ = ["deliver"]

ANSWER_TIMEOUT_SECONDS: Final = 3.0


def deliver(delivery: Delivery, *, timeout_seconds: float = ANSWER_TIMEOUT_SECONDS) -> IOResult[None, B2Error]:
    """Post one delivery. A failure says what the webhook answered, or why there was no answer."""
    if not is_webhook(delivery.url):
        return IOFailure(Transport("connect", "the webhook is neither https nor on this machine"))
    # A proxy of the environment is for what is not on this machine.
    proxied = urlsplit(delivery.url).hostname not in LOOPBACK_HOSTS
    try:
        with (
            httpx.Client(
                verify=tls_context(), trust_env=proxied, timeout=timeout_seconds, follow_redirects=False
            ) as client,
            client.stream("POST", delivery.url, headers=delivery.headers, content=delivery.body) as response,
        ):
            return _outcome(response.status_code)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError) as error:
        return IOFailure(_trouble(error))


def _outcome(status: int) -> IOResult[None, B2Error]:
    if 200 <= status < 300:
        return IOSuccess(None)
    if status == 408 or status >= 500:
        return IOFailure(Unavailable(status, "webhook_unavailable", "the webhook could not take the delivery"))
    return IOFailure(Rejected(status, "webhook_refused", "the webhook did not take the delivery"))


def _trouble(error: Exception) -> Transport:
    detail = type(error).__name__
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError() | httpx.InvalidURL():
            return Transport("connect", detail)
        case httpx.TimeoutException():
            return Transport("timeout", detail)
        case _:
            return Transport("broken", detail)
