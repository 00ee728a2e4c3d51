"""Ways to get a client: over HTTP with a key, or over a B2 in memory."""

from __future__ import annotations

from returns.result import Failure, Result

from b2pure.effects.program import ok
from b2pure.model.account import TestMode
from b2pure.model.errors import B2Error, InvalidArgument
from b2pure.plan.bandwidth import Bandwidth
from b2pure.plan.concurrency import Workers, workers_of
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.access import Access
from b2pure.shell.client import Client
from b2pure.shell.clock import SystemClock
from b2pure.shell.http import realm_url

__all__ = ["connect", "connect_simulated"]


def connect(
    application_key_id: str,
    application_key: str,
    *,
    realm: str = "production",
    workers: Workers | int | None = None,
    bandwidth: Bandwidth | None = None,
    retry: RetryPolicy | None = None,
    test_mode: TestMode | None = None,
) -> Result[Client, B2Error | InvalidArgument]:
    """A client for B2, authorized. `realm` is `production`, `staging`, or the URL of another server. `workers` says how
    many files, or parts of large ones, are on their way at once: a number, or bounds within which each job finds out
    how many help (those of `Workers()`, unless told). `bandwidth` limits the bytes per second of all of them together.
    `test_mode` asks the server to misbehave in one of B2's own ways. Raises ValueError for a number of workers that
    makes no sense.
    """
    bounds = Workers() if workers is None else workers_of(workers)
    if not application_key_id or not application_key:
        return Failure(InvalidArgument("application key", "is empty; give the key id and the key"))
    address = realm_url(realm)
    if not ok(address):
        return Failure(address.failure())
    access = Access(application_key_id, application_key, address.unwrap(), test_mode)
    api = access.api(bounds, bandwidth)
    client = Client(
        api, SystemClock(), workers=bounds, bandwidth=bandwidth, retry=retry, access=access, close=api.close
    )
    # Whoever starts a program wants to know soon that the address is wrong.
    authorized = client.authorize(RetryPolicy(max_attempts=2))
    if not ok(authorized):
        client.close()
        return Failure(authorized.failure())
    return authorized.map(lambda _: client)


def connect_simulated(
    *buckets: str, workers: Workers | int | None = None, bandwidth: Bandwidth | None = None
) -> Client:
    """The same client over a B2 in memory, with these buckets. Local folders are real; nothing leaves the machine."""
    from b2pure.effects.simulated_api import SimulatedApi  # here, because most programs need no memory for it
    from b2pure.effects.simulator import Simulator

    clock = SystemClock()
    simulator = Simulator(clock.now_millis)
    for name in buckets:
        simulator.add_bucket(name)
    api = SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)
    return Client(api, clock, workers=workers, bandwidth=bandwidth)
