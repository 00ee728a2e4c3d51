"""Fixtures for tests of programs that use B2: `b2`, `b2_server`, `b2_faults`, and the marker `b2`.

pytest finds them by itself where b2pure is installed. Nothing of b2pure is loaded before a test asks for a fixture.

    def test_backup(b2_server):
        backup(b2_server.url, b2_server.key_id, b2_server.key)
        assert b2_server.contents("backup") == {"a.jpg": b"..."}

    @pytest.mark.b2(buckets=["backup"], minimum_part_size=100, recommended_part_size=200)
    def test_backup_in_bad_weather(b2_server, b2_faults):
        b2_faults.append(FailNth("b2_upload_part", 2, Answer(503)))
        ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from b2pure.effects.fault_board import FaultBoard
    from b2pure.testing.served import ServedB2
    from b2pure.testing.worlds import SimulatedB2

__all__ = ["b2", "b2_faults", "b2_server"]

_MARKER = (
    "b2(buckets=[...], seed=0, **limits): the simulated B2 of a test: names of buckets that are there, and limits of "
    "SimulatorConfig instead of B2's own, as minimum_part_size=100"
)
_SHORT = {"minimum_part_size": "absolute_minimum_part_size"}


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def b2_faults() -> FaultBoard:
    """What goes wrong with the B2 of this test: a list of faults (b2pure.testing: FailNth, CutDownload, ...).

    Both `b2` and `b2_server` obey it. Faults may be added and removed at any time; each counts the calls from when it
    was added.
    """
    from b2pure.effects.fault_board import FaultBoard

    return FaultBoard()


@pytest.fixture
def b2(request: pytest.FixtureRequest, b2_faults: FaultBoard) -> SimulatedB2:
    """A B2 in memory with b2pure's client over it: `b2.client`, `b2.put(...)`, `b2.contents(bucket)`, `b2.clock`.

    No HTTP, no threads that are not needed, and time passes only when somebody sleeps. New for each test; the marker
    `b2` sets its buckets and limits.
    """
    from b2pure.testing.worlds import simulated_b2

    marks = _marks(request)
    return simulated_b2(*marks.buckets, faults=b2_faults, config=marks.config, seed=marks.seed)


@pytest.fixture
def b2_server(request: pytest.FixtureRequest, b2_faults: FaultBoard) -> Iterator[ServedB2]:
    """A B2 over HTTP on a port of this machine, for any client: `url` is the realm, `key_id` and `key` open it.

    `environ` has the three as variables of the environment. `bucket(name)`, `put(...)`, `contents(bucket)`,
    `add_key(...)`, `advance_time(millis)` and `locked()` are for the test. New for each test; the marker `b2` sets its
    buckets and limits. Needs `pip install 'b2pure[server]'`.
    """
    try:
        from b2pure.shell.serve import serve_in_thread
        from b2pure.testing.served import ServedB2
    except ImportError as missing:
        pytest.fail(f"the fixture b2_server cannot work: {missing}", pytrace=False)
    from b2pure.effects.simulator import Simulator
    from b2pure.shell.clock import SystemClock

    marks = _marks(request)
    simulator = Simulator(SystemClock().now_millis, marks.seed or 0, config=marks.config)
    for name in marks.buckets:
        simulator.add_bucket(name)
    with serve_in_thread(simulator, faults=b2_faults) as server:
        yield ServedB2(server)


class _Marks:
    """What the marks of a test say together; a mark nearer to the test counts more."""

    def __init__(self, buckets: tuple[str, ...], seed: int | None, limits: dict[str, Any]) -> None:
        from b2pure.effects.simulator import SimulatorConfig

        self.buckets = buckets
        self.seed = seed
        try:
            self.config = SimulatorConfig(**limits)
        except ValueError as wrong:
            pytest.fail(f"the marker b2: {wrong}", pytrace=False)


def _marks(request: pytest.FixtureRequest) -> _Marks:
    from attrs import fields_dict

    from b2pure.effects.simulator import SimulatorConfig
    from b2pure.effects.simulator.rules import bucket_name_problem

    given: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("b2"))):
        if mark.args:
            raise pytest.UsageError(
                "the marker b2 takes names only: @pytest.mark.b2(buckets=[...], minimum_part_size=100)"
            )
        given |= mark.kwargs
    buckets, seed = given.pop("buckets", ()), given.pop("seed", None)
    limits = {_SHORT.get(name, name): value for name, value in given.items()}
    known = fields_dict(SimulatorConfig)
    for name in limits:
        if name not in known:
            raise pytest.UsageError(f"the marker b2 knows no {name}; there is buckets, seed, {', '.join(_SHORT)}, "
                                    f"{', '.join(known)}")  # fmt: skip
    if not isinstance(seed, int | None) or isinstance(seed, bool):
        raise pytest.UsageError(f"the marker b2: seed is a whole number, not {seed!r}")
    if isinstance(buckets, str):
        buckets = (buckets,)
    if not isinstance(buckets, list | tuple) or not all(isinstance(name, str) for name in buckets):
        raise pytest.UsageError(f"the marker b2: buckets is a list of names, not {buckets!r}")
    if len({name.lower() for name in buckets}) < len(buckets):
        raise pytest.UsageError("the marker b2: two buckets have one name; upper and lower case are the same")
    for name in buckets:
        problem = bucket_name_problem(name)
        if problem is not None:
            raise pytest.UsageError(f"the marker b2: {name!r} cannot be a bucket: it {problem}")
    return _Marks(tuple(buckets), seed, limits)
