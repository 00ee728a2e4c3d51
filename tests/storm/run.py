"""One run of the storm: everything follows from its seed."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from random import Random
from typing import Final

from attrs import field, frozen

from .jobs import KINDS, StormJob
from .weather import Cycle, Weather, draw_weather
from .worlds import Broken, Happening, Machine, World, demand

__all__ = ["Record", "storm"]

_TRIES: Final = 3
"""How many runs in good weather a job may need."""


@frozen
class Record:
    """What happened in the run of a seed. `trace` is a digest of all calls; `failure` says what does not hold."""

    seed: int
    kind: str
    faults: dict[str, int] = field(hash=False)
    crashes: int
    restarts: int
    jumps: int
    runs: int
    calls: int
    trace: str
    failure: str | None


def storm(seed: int, kind: str | None = None) -> Record:
    """The run of this seed; of `kind`, or of the kind that the seed draws."""
    random = Random(seed)
    drawn = random.choice(tuple(KINDS))
    kind = drawn if kind is None else kind
    job = KINDS[kind](random)
    weather = draw_weather(random, job.calls, moves=job.moves, seconds=job.seconds, rooms=job.rooms)
    failure = None
    try:
        _weather_it(job, weather)
        _recover(job, random.getrandbits(32))
    except Broken as broken:
        failure = str(broken)
    except Exception as error:
        failure = f"{type(error).__name__}: {error} {_where(error)}"
    world = job.world
    return Record(
        seed,
        kind,
        dict(sorted(world.storm.struck.items())),
        world.crashes,
        world.clients - world.seconds - 1,
        world.jumps,
        world.runs,
        world.watch.calls,
        world.watch.trace,
        failure,
    )


def _where(error: Exception) -> str:
    """The line that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"(line {last.lineno} of {last.filename.rpartition('/')[2]})"


def _weather_it(job: StormJob, weather: Weather) -> None:
    """The job, again and again, in the weather of each cycle."""
    world = job.world
    world.set_latency(weather.latency)
    machine: Machine | None = None
    for cycle in weather.cycles:
        world.jump(cycle.wait)
        world.storm.replace(cycle.faults)
        job.make_room(cycle.room)
        if machine is None or cycle.restart:
            machine = world.machine(cycle.seed)
        job.begin()
        if machine.run(job.act, cycle.stop_after, _happenings(job, cycle)) is None:
            machine = None
        job.check_run()
        if job.finished():
            return


def _happenings(job: StormJob, cycle: Cycle) -> tuple[Happening, ...]:
    def jump(millis: int) -> Callable[[], None]:
        return lambda: job.world.jump(millis)

    def move(number: int) -> Callable[[], None]:
        return lambda: job.move(number)

    def second(stop_after: int | None, seed: int) -> Callable[[], None]:
        return lambda: _second(job, stop_after, seed)

    return (
        *((moment, jump(millis)) for moment, millis in cycle.jumps),
        *((moment, move(number)) for moment, number in cycle.moves),
        *((each.moment, second(each.stop_after, each.seed)) for each in cycle.seconds),
    )


def _second(job: StormJob, stop_after: int | None, seed: int) -> None:
    """Another client does the same."""
    job.world.seconds += 1
    job.begin()
    job.world.machine(seed).run(job.act, stop_after)


def _recover(job: StormJob, seed: int) -> None:
    """The sky clears: the job comes to its end, and everything is as it has to be."""
    world = job.world
    world.storm.replace(())
    world.clock.advance(1)
    job.make_room(None)
    if not job.finished():
        machine = world.machine(seed)
        job.begin()
        runs = 0
        while not machine.run(job.act):
            runs += 1
            demand(runs < _TRIES, "in good weather the job comes to its end")
        job.check_run()
    job.check_end()
    demand(world.watch.calls <= job.most_calls(), "calls are bounded", (world.watch.calls, job.most_calls()))
    if job.rests() and seed % 4 == 0:
        _check_at_rest(job, world, seed)


def _check_at_rest(job: StormJob, world: World, seed: int) -> None:
    """What is done is not done again."""
    before = len(world.simulator.journal)
    job.begin()
    demand(world.machine(seed).run(job.act), "a job that is done is done again without trouble")
    demand(len(world.simulator.journal) == before, "a job that is done has nothing left to do")
