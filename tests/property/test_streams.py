"""Laws of streams: pieces are the stream, there is always room for the rest, and what goes wrong leaves nothing."""

from __future__ import annotations

import io
import threading
import zlib
from typing import Any, Final, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from returns.io import IO
from returns.result import Failure, Result, Success
from returns.unsafe import unsafe_perform_io
from uploads_support import BUCKET, TINY, Trickle, crashing, digest, files_in, make_world, only, unfinished_in

from b2pure.effects.bodies import Bodies
from b2pure.effects.effect import AnyEffect, DropPiece, LocalError, TakenPiece, TakePiece
from b2pure.effects.events import BytesMoved, Event
from b2pure.effects.program import ok
from b2pure.effects.streams import NoStream, PiecedStream
from b2pure.model.errors import LocalFailure
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_FILE_SIZE, MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.plan.parts import stream_part_size
from b2pure.testing import SimulatedB2, simulated_b2

DEST: Final = f"b2://{BUCKET}/n"
SEEDS = st.integers(0, 10_000)
M: Final = 1_000_000

# --- room for every stream --------------------------------------------------------------------------------------------


@given(st.one_of(st.integers(5 * M, MAX_PART_SIZE), st.integers(5 * M, 200 * M)))
@example(5 * M)
@example(MAX_PART_SIZE)
def test_ten_thousand_parts_suffice_for_the_largest_file(recommended: int) -> None:
    """Whatever part size a stream begins with: ten terabytes have room, no part is larger than B2 takes, and none is
    larger than a five-hundredth of what was sent before it (so memory grows with the stream and not before).
    """
    sizes, sent, before, number = PartSizes(recommended, 5 * M), 0, 0, 0
    while sent < MAX_FILE_SIZE:
        number += 1
        size = stream_part_size(number, sent, sizes)
        assert max(before, recommended) <= size <= MAX_PART_SIZE
        assert size <= max(recommended, sent // 500)
        assert size == recommended or number > MAX_PARTS // 2
        sent, before = sent + size, size
    assert number <= MAX_PARTS


# --- pieces -----------------------------------------------------------------------------------------------------------


def take(stream: PiecedStream, size: int) -> Result[TakenPiece | None, LocalError]:
    return unsafe_perform_io(cast(IO[Result[TakenPiece | None, LocalError]], stream.take(PartSizes(size, 1))))


def take_all(stream: PiecedStream, size: int) -> tuple[list[TakenPiece], LocalError | None]:
    """The pieces, and what ended them if that was not the end."""
    pieces: list[TakenPiece] = []
    while True:
        taken = take(stream, size)
        if not ok(taken):
            return pieces, taken.failure()
        piece = taken.unwrap()
        if piece is None:
            return pieces, None
        pieces.append(piece)


def read_piece(stream: PiecedStream, piece: TakenPiece) -> bytes:
    return b"".join(Bodies(None, stream).read(piece.body))


@given(st.binary(max_size=60), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_the_pieces_are_the_stream(data: bytes, size: int, step: int, promised: bool) -> None:
    """However it trickles in: every piece but the last is full, the last says so, and only a first may be empty."""
    told: dict[str, Any] = {"length": len(data), "sha1": digest(data)} if promised else {}
    stream = PiecedStream(Trickle(data, step).read, **told)
    pieces, error = take_all(stream, size)
    read = [read_piece(stream, piece) for piece in pieces]
    assert error is None
    assert b"".join(read) == data
    assert [piece.body.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert [piece.sha1 for piece in pieces] == list(map(digest, read))
    assert all(len(each) == size for each in read[:-1])
    assert read[-1] or len(read) == 1
    assert take(stream, size) == Success(None), "it stays at its end"


@given(st.binary(max_size=60), st.integers(1, 20), st.integers(-60, 60))
def test_a_stream_of_another_length_fails_and_stays_failed(data: bytes, size: int, off: int) -> None:
    stated = max(0, len(data) + off)
    stream = PiecedStream(Trickle(data).read, length=stated, name="a pipe")
    pieces, error = take_all(stream, size)
    if stated == len(data):
        assert error is None
        return
    assert isinstance(error, LocalFailure)
    assert error.path == "a pipe"
    assert "bytes it was said to have" in error.detail
    assert not any(piece.last for piece in pieces)
    assert sum(piece.body.range.length for piece in pieces) < max(1, min(stated, len(data)))
    assert take(stream, size) == take(stream, size) == Failure(error)


@given(st.binary(max_size=60), st.integers(1, 20))
def test_a_stream_of_other_content_never_shows_its_last_piece(data: bytes, size: int) -> None:
    pieces, error = take_all(PiecedStream(Trickle(data).read, sha1=digest(data + b"x")), size)
    assert isinstance(error, LocalFailure)
    assert digest(data) in error.detail
    assert not any(piece.last for piece in pieces)


# --- what goes wrong --------------------------------------------------------------------------------------------------


class Odd(Exception):
    """No error of the system's."""


ERRORS: Final[tuple[Exception, ...]] = (
    OSError("the pipe is broken"),
    ValueError("closed"),
    EOFError("ended too soon"),
    zlib.error("not compressed"),
    Odd("odd"),
    Odd(),
)


class Breaking:
    """It raises after so many bytes."""

    def __init__(self, data: bytes, error: Exception) -> None:
        self._inner, self._error = Trickle(data, 4), error

    def read(self, size: int, /) -> bytes:
        data = self._inner.read(size)
        if not data:
            raise self._error
        return data


def check_nothing_made(world: SimulatedB2, source: object, told: str, **choices: Any) -> None:
    error = world.client.upload(source, DEST, **choices).failure()  # type: ignore[arg-type]  # some are no sources
    assert isinstance(error, LocalFailure)
    assert error.path == "the stream"
    assert told in error.detail
    assert not files_in(world)
    assert not unfinished_in(world)


@given(st.integers(0, 60), st.sampled_from(ERRORS), SEEDS)
def test_a_stream_that_raises_midway_leaves_nothing(count: int, error: Exception, seed: int) -> None:
    """Whatever it raises, wherever."""
    told = str(error) or type(error).__name__
    check_nothing_made(make_world(seed=seed), Breaking(bytes(count), error), told)


@given(st.integers(0, 60), st.integers(-60, 60).filter(bool), SEEDS)
def test_a_stream_that_is_shorter_or_longer_than_said_leaves_nothing(count: int, off: int, seed: int) -> None:
    if count + off >= 0:
        check_nothing_made(make_world(seed=seed), Trickle(bytes(count)), "said to have", length=count + off)


@given(st.integers(0, 60), SEEDS)
def test_a_stream_of_another_digest_leaves_nothing(count: int, seed: int) -> None:
    check_nothing_made(make_world(seed=seed), Trickle(bytes(count)), "its SHA-1 is", sha1=digest(b"another"))


@pytest.mark.parametrize("count", [3, 40])
def test_a_stream_that_raises_leaves_nothing_on_threads_either(count: int) -> None:
    for _ in range(5):
        check_nothing_made(
            simulated_b2(BUCKET, config=TINY), Breaking(bytes(count), OSError("the pipe is broken")), "is broken"
        )


class NotBlocking:
    def read(self, size: int, /) -> bytes | None:
        return None


@pytest.mark.parametrize(
    ("source", "told"), [(io.StringIO("text"), "open it in binary mode"), (NotBlocking(), "it is not blocking")]
)
def test_what_gives_no_bytes_says_what_to_do(source: object, told: str) -> None:
    check_nothing_made(make_world(), source, told)


def test_a_job_without_a_stream_says_so() -> None:
    result = unsafe_perform_io(NoStream().take(PartSizes(1, 1)).failure())
    assert result == LocalFailure("read", "the stream", "this job has no stream")


# --- memory and waiting -----------------------------------------------------------------------------------------------


@given(st.integers(0, 200), SEEDS)
def test_no_more_pieces_are_kept_than_are_on_their_way(count: int, seed: int) -> None:
    """And one that was taken before anybody was there to send it."""
    world, kept, most = make_world(seed=seed), 0, 0

    def observe(moment: str, effect: AnyEffect) -> None:
        nonlocal kept, most
        kept += moment == "end" and isinstance(effect, TakePiece)
        kept -= moment == "end" and isinstance(effect, DropPiece)
        most = max(most, kept)

    world.observer = observe
    world.client.upload(Trickle(bytes(count)), DEST).unwrap()
    assert only(world).data == bytes(count)
    assert most <= 4 + 1


class Patient:
    """It gives its second half only once the first part has arrived at B2."""

    def __init__(self, arrived: threading.Event) -> None:
        self._arrived, self._given = arrived, 0

    def read(self, size: int, /) -> bytes:
        self._given += 1
        if self._given == 3:
            assert self._arrived.wait(20), "nothing is sent while the stream is waited for"
        return b"x" * 5 if self._given < 5 else b""


def test_a_piece_is_sent_while_the_next_is_waited_for() -> None:
    """A slow producer, or one that waits for what was sent, does not stop the upload."""
    arrived = threading.Event()
    world = simulated_b2(BUCKET, config=TINY)

    def hear(event: Event) -> None:
        if isinstance(event, BytesMoved):
            arrived.set()

    world.client.upload(Patient(arrived), DEST, listener=hear).unwrap()
    assert only(world).data == b"x" * 20


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_stream_of_nothing_is_an_empty_file() -> None:
    world = make_world()
    world.client.upload(Trickle(b""), DEST, length=0, sha1=digest(b"")).unwrap()
    assert only(world).data == b""


def left_by(world: SimulatedB2, data: bytes, moments: int = 40) -> FileId:
    """An unfinished large file that a stream left."""
    assert crashing(world, moments, lambda: world.client.upload(Trickle(data), DEST))
    (left,) = unfinished_in(world)
    assert left.file_id is not None
    return left.file_id


def test_other_pieces_take_the_place_of_those_that_are_there() -> None:
    world = make_world()
    file_id = left_by(world, b"a" * 40)
    data = b"a" * 5 + b"b" * 35
    assert world.client.upload(Trickle(data), DEST, resume=file_id).unwrap().file_id == file_id
    assert only(world).data == data


def test_a_stream_that_is_shorter_than_what_is_there_makes_no_object() -> None:
    world = make_world()
    file_id = left_by(world, b"a" * 40, 80)
    error = world.client.upload(Trickle(b"a" * 12), DEST, resume=file_id).failure()
    assert "the stream only 3 pieces" in str(error)
    assert not files_in(world)


@pytest.mark.parametrize("source", [Trickle(b"abc"), b"abc", b"abcdefg"], ids=["a short stream", "bytes", "one part"])
def test_what_makes_no_large_file_cannot_go_on_with_one(source: Any) -> None:
    world = make_world()
    file_id = left_by(world, b"a" * 40)
    assert "too little for a second part" in str(world.client.upload(source, DEST, resume=file_id).failure())
    assert [left.file_id for left in unfinished_in(world)] == [file_id]
    assert not files_in(world)
