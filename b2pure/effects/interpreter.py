"""From effects to replies: the one place that knows how each effect is done.

`Interpreter` binds an api, a disk, a clock, a listener and the client's `Machines` together. It may be used by many
threads.
`All` is not here: running programs is the business of the drivers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar, assert_never, cast

from returns.io import IO, IOResult
from returns.result import Failure, Result, Success
from returns.unsafe import unsafe_perform_io

from b2pure.effects.arrivals import Arrived, BodyTooLong, Counted
from b2pure.effects.bodies import Bodies, digests_of, sha1_of
from b2pure.effects.effect import (
    All,
    AnyEffect,
    AwaitSession,
    CrcTemp,
    CreateTemp,
    CutTemp,
    DeleteLocal,
    Discard,
    Draw,
    DropPiece,
    Emit,
    Fetch,
    FetchBytes,
    Fetched,
    FetchedBytes,
    HandOver,
    HashBody,
    HashParts,
    HashTemp,
    Keep,
    LocalError,
    Now,
    Publish,
    ReadTail,
    Release,
    Reserve,
    Send,
    Sleep,
    Stat,
    StepCrowd,
    StepHolds,
    StepPool,
    StepSession,
    TakePiece,
    WriteTemp,
)
from b2pure.effects.events import Event, Sized
from b2pure.effects.flights import Flight, WatchedReader, WatchedSink
from b2pure.effects.handlers import Api, Clock, Disk, LanedApi, Lanes, LocalTrouble, Reader, Sink, Stream
from b2pure.effects.machines import Machines
from b2pure.effects.room import ROOM, Room
from b2pure.effects.streams import NoStream
from b2pure.effects.throttle import ThrottledReader, ThrottledSink
from b2pure.model.calls import UploadFile, UploadPart
from b2pure.model.errors import B2Error, Transport
from b2pure.model.ids import FileId
from b2pure.model.replies import DownloadReply
from b2pure.plan.actions import SyncAction
from b2pure.plan.holds import Held, HoldEvent, Leave, Take
from b2pure.plan.session import (
    Abandoned,
    Authorize,
    Authorized,
    Refused,
    SessionDecision,
    SessionEvent,
)

__all__ = ["Interpreter", "Listener", "value_of"]

T = TypeVar("T")
E = TypeVar("E")

Listener = Callable[[Event], None]


class Interpreter:
    """Performs effects for one job. Without `flights` the listener hears nothing of bytes on their way; without
    `small_calls` the job has few calls that are answered at once, and gets no lanes.
    """

    def __init__(
        self,
        api: Api,
        disk: Disk,
        clock: Clock,
        machines: Machines,
        listener: Listener | None = None,
        *,
        stream: Stream | None = None,
        room: int = ROOM,
        flights: bool = True,
        small_calls: bool = False,
    ) -> None:
        self.api, self.disk, self.clock, self.machines = api, disk, clock, machines
        self.stream = stream or NoStream()
        self.reader: Reader = Bodies(disk, self.stream)
        self.room = Room(room)
        self.take_over: Callable[[SyncAction], IOResult[None, B2Error]] = _nobody
        self._listener = listener
        self._flights = flights and listener is not None
        self._small_calls = small_calls
        self._emitting = threading.Lock()
        self._crowded = False
        self._requests = count(1)
        self._stopped: Callable[[], bool] = lambda: False
        self._authorizing = False
        self._took: set[FileId] = set()

    def heed(self, stopped: Callable[[], bool]) -> None:
        """Ask this, while bytes wait, whether the job was told to stop; then `perform` raises Stopped."""
        self._stopped = stopped
        self.stream.heed(stopped)

    def release(self) -> None:
        """The job is over, whether it came to its end or was stopped: nobody waits for what it will not do."""
        if self._authorizing:
            self._authorizing = False
            self.machines.step_session(Abandoned())
        while self._took:
            self.machines.holds.step(Leave(self._took.pop()))

    def lanes(self) -> Lanes | None:
        """Lanes for small calls; None where there are none, or where bytes have to wait for their turn."""
        if self._small_calls and self.machines.up is None and isinstance(self.api, LanedApi):
            return self.api.lanes()
        return None

    def perform(self, effect: AnyEffect) -> Any:
        """Do it and return the reply that the effect's type promises."""
        match effect:
            case Send():
                return self._send(effect)
            case StepPool():
                return self.machines.step_pool(effect.key, effect.event)
            case StepSession():
                return self._step_session(effect.event)
            case StepHolds():
                return self._step_holds(effect.event)
            case Emit():
                return self._emit(effect.event)
            case Now():
                return self.clock.now_millis()
            case Draw():
                return self.clock.draw()
            case Fetch():
                return self._fetch(effect)
            case FetchBytes():
                return self._fetch_bytes(effect)
            case Reserve():
                return self.room.reserve(effect.length)
            case Release():
                return self.room.release(effect.length)
            case CreateTemp():
                return value_of(self.disk.create_temp(effect.path, resume=effect.resume))
            case Publish():
                return value_of(self.disk.publish(effect.temp, effect.mod_time_millis, effect.expect, effect.length))
            case HashBody():
                return value_of(sha1_of(effect.body, self.reader))
            case HashParts():
                return value_of(digests_of(effect.body, effect.ranges, self.reader))
            case TakePiece():
                return value_of(self.stream.take(effect.sizes))
            case DropPiece():
                return self.stream.drop(effect.piece)
            case HashTemp():
                return value_of(self.disk.sha1_temp(effect.temp, effect.until))
            case CrcTemp():
                return value_of(self.disk.crc_temp(effect.temp, effect.range))
            case ReadTail():
                return value_of(self.disk.tail(effect.temp, effect.most))
            case WriteTemp():
                return self._write(effect)
            case CutTemp():
                return value_of(self.disk.cut_temp(effect.temp, effect.length))
            case Stat():
                return value_of(self.disk.stat(effect.path))
            case Discard():
                return self.disk.discard(effect.temp)
            case Keep():
                return self.disk.keep(effect.temp)
            case DeleteLocal():
                return value_of(self.disk.delete(effect.path, effect.expect))
            case HandOver():
                return value_of(self.take_over(effect.action))
            case StepCrowd():
                self._crowded = self._crowded or effect.seen
                return self._crowded
            case Sleep():
                return self.clock.sleep(effect.seconds)
            case AwaitSession():
                return self.machines.await_session()
            case All():
                raise AssertionError("programs are run by drivers")
            case _:
                assert_never(effect)

    def _step_session(self, event: SessionEvent) -> SessionDecision:
        if isinstance(event, Authorized | Refused):
            self._authorizing = False  # before the machine knows, which may tell the next one
        decision = self.machines.step_session(event)
        if isinstance(decision, Authorize):
            self._authorizing = True
        return decision

    def _step_holds(self, event: HoldEvent) -> Held:
        held = self.machines.holds.step(event)
        if isinstance(event, Take) and held.yours:
            self._took.add(event.file_id)
        elif isinstance(event, Leave):
            self._took.discard(event.file_id)
        return held

    def _emit(self, event: Event) -> None:
        if self._listener is not None:
            with self._emitting:
                self._listener(event)

    def _send(self, effect: Send[T]) -> Result[T, B2Error]:
        call, reader = effect.call, self._sent_from()
        if not self._flights or call.name not in (UploadFile.name, UploadPart.name):
            return value_of(self.api.send(call, effect.credential, reader))
        flight = Flight(next(self._requests), self._emit, self.clock.now_millis)
        try:
            return value_of(self.api.send(call, effect.credential, WatchedReader(reader, flight)))
        finally:
            flight.end()

    def _sent_from(self) -> Reader:
        """The reader for what goes up, as fast as it may."""
        up = self.machines.up
        return self.reader if up is None else ThrottledReader(self.reader, up.toll(self.clock, self._stopped))

    def _fetch(self, effect: Fetch) -> Fetched:
        if not self._flights:
            return self._fetch_to(effect, lambda sink: sink)
        flight = Flight(next(self._requests), self._emit, self.clock.now_millis, effect.before)
        try:
            return self._fetch_to(effect, lambda sink: WatchedSink(sink, flight))
        finally:
            flight.end()

    def _fetch_to(self, effect: Fetch, watched: Callable[[Sink], Sink]) -> Fetched:
        way = Counted(effect.crc, effect.sha1, effect.most)

        def hear(headers: DownloadReply) -> None:
            way.hear(headers)
            if effect.sizes is not None:
                self._emit(Sized(effect.sizes.label, effect.sizes.of(headers.total_length)))

        error: B2Error | None
        try:
            with self.disk.sink(effect.temp, effect.offset) as sink:
                way.sink = watched(sink)
                reply = value_of(self.api.fetch(effect.call, effect.credential, self._slowed(way), hear))
                error = None if isinstance(reply, Success) else reply.failure()
        except LocalTrouble as trouble:
            error = trouble.error
        except BodyTooLong:
            error = Transport("protocol", "more bytes came than were asked for")
        return Fetched(way.headers, error, way.length, way.crc, way.sha1())

    def _slowed(self, sink: Sink) -> Sink:
        """The sink for what comes down, as fast as it may."""
        down = self.machines.down
        return sink if down is None else ThrottledSink(sink, down.toll(self.clock, self._stopped))

    def _fetch_bytes(self, effect: FetchBytes) -> FetchedBytes:
        way = Counted(0, False, effect.most)
        way.sink = arrived = Arrived()
        error: B2Error | None
        try:
            reply = value_of(self.api.fetch(effect.call, effect.credential, self._slowed(way), way.hear))
            error = None if isinstance(reply, Success) else reply.failure()
        except BodyTooLong:
            error = Transport("protocol", "more bytes came than were asked for")
        return FetchedBytes(way.headers, error, bytes(arrived.data))

    def _write(self, effect: WriteTemp) -> Result[None, LocalError]:
        try:
            with self.disk.sink(effect.temp, effect.offset) as sink:
                sink.write(effect.data)
        except LocalTrouble as trouble:
            return Failure(trouble.error)
        return Success(None)


def _nobody(action: SyncAction) -> IOResult[None, B2Error]:
    raise AssertionError(f"a job that hands over {action.path} says to whom")


def value_of(result: IOResult[T, E]) -> Result[T, E]:
    """The answer of the world, once it has been asked. The only place that leaves `IO`."""
    return unsafe_perform_io(cast("IO[Result[T, E]]", result))
