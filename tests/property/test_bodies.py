"""Laws of bodies: however bytes are put together and cut, they are the same bytes, and their digests are hashlib's."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha1
from itertools import pairwise

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IO
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies, digests_of, sha1_of
from b2pure.effects.handlers import Chunk, LocalTrouble
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.streams import PiecedStream
from b2pure.model.files import LocalFact
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import NOTHING, Blob, Body, Chained, LocalSlice, StreamPiece, body_length, slice_body

FILE = bytes(range(251))
STREAM = bytes(reversed(range(240)))
PIECE = 40
FACT = LocalFact(len(FILE), 1000)


def reader() -> Bodies:
    """Reads slices of the file `f` and the pieces of a stream, all of which were taken."""
    disk = SimulatedDisk()
    disk.put("f", FILE, FACT.mod_time_millis)
    chunks = iter([STREAM[start : start + 7] for start in range(0, len(STREAM), 7)])
    stream = PiecedStream(lambda size: next(chunks, b""))
    for _ in range(len(STREAM) // PIECE):
        stream.take(PartSizes(PIECE, 1))
    return Bodies(disk, stream)


READER = reader()


@frozen
class Known:
    """A body and the bytes that it stands for."""

    body: Body
    data: bytes


def _ranges(length: int) -> st.SearchStrategy[ByteRange]:
    two = st.tuples(st.integers(0, length), st.integers(0, length))
    return two.map(lambda ends: ByteRange(min(ends), max(ends)))


_SLICES = _ranges(len(FILE)).map(lambda r: Known(LocalSlice("f", r, FACT), FILE[r.start : r.stop]))
_BLOBS = st.binary(max_size=50).map(lambda data: Known(Blob(data), data))
_PIECES = st.builds(
    lambda number, r: Known(StreamPiece(number, r), STREAM[(number - 1) * PIECE :][r.start : r.stop]),
    st.integers(1, len(STREAM) // PIECE),
    _ranges(PIECE),
)


def _chain(parts: list[Known]) -> Known:
    return Known(Chained(tuple(part.body for part in parts)), b"".join(part.data for part in parts))


KNOWN: st.SearchStrategy[Known] = st.recursive(
    st.one_of(_BLOBS, _SLICES, _PIECES), lambda parts: st.lists(parts, max_size=4).map(_chain), max_leaves=12
)


def read(body: Body) -> bytes:
    return b"".join(READER.read(body))


@given(KNOWN)
def test_a_body_reads_as_the_bytes_that_it_stands_for(known: Known) -> None:
    assert read(known.body) == known.data
    assert body_length(known.body) == len(known.data)


@given(KNOWN, st.data())
def test_a_slice_of_a_body_is_the_slice_of_its_bytes_and_so_is_a_slice_of_the_slice(
    known: Known, data: st.DataObject
) -> None:
    outer = data.draw(_ranges(len(known.data)))
    body = slice_body(known.body, outer)
    assert body_length(body) == outer.length
    assert read(body) == known.data[outer.start : outer.stop]
    inner = data.draw(_ranges(outer.length))
    assert read(slice_body(body, inner)) == known.data[outer.start : outer.stop][inner.start : inner.stop]


def cuts_of(data: st.DataObject, length: int) -> tuple[ByteRange, ...]:
    """Adjacent ranges that cover so many bytes; none of them is empty, as no part is."""
    inner = data.draw(st.lists(st.integers(1, max(1, length - 1)), max_size=8, unique=True)) if length > 1 else []
    return tuple(ByteRange(start, stop) for start, stop in pairwise(sorted({0, length, *inner})))


@given(KNOWN, st.data())
def test_cut_anywhere_the_pieces_put_together_are_the_body(known: Known, data: st.DataObject) -> None:
    cuts = cuts_of(data, len(known.data))
    assert b"".join(read(slice_body(known.body, each)) for each in cuts) == known.data
    assert read(Chained(tuple(slice_body(known.body, each) for each in cuts))) == known.data


@given(KNOWN, st.data())
def test_the_digests_of_a_body_and_of_its_parts_are_those_of_their_bytes(known: Known, data: st.DataObject) -> None:
    """In one pass, on one thread (one part or none) and on three."""
    cuts = cuts_of(data, len(known.data))
    found = unsafe_perform_io(digests_of(known.body, cuts, READER).unwrap())
    assert found.whole == sha1(known.data).hexdigest()
    assert found.parts == tuple(sha1(known.data[each.start : each.stop]).hexdigest() for each in cuts)
    assert unsafe_perform_io(sha1_of(known.body, READER).unwrap()) == found.whole


@given(KNOWN, st.integers(0, 60), st.integers(1, 60))
def test_no_slice_reaches_past_the_end(known: Known, start: int, beyond: int) -> None:
    length = len(known.data)
    with pytest.raises(ValueError, match="has no range"):
        slice_body(known.body, ByteRange(min(start, length), length + beyond))


class _Breaking:
    """A reader that gives up after so many chunks."""

    def __init__(self, chunks: int) -> None:
        self._chunks = chunks

    def read(self, body: Body) -> Iterator[Chunk]:
        for number, chunk in enumerate(Bodies().read(body)):
            if number == self._chunks:
                raise trouble()
            yield chunk
        raise trouble()


def trouble() -> LocalTrouble:
    with pytest.raises(LocalTrouble) as raised:
        list(Bodies().read(LocalSlice("f", ByteRange(0, 1), FACT)))
    return raised.value


@given(st.integers(0, 20), st.integers(1, 5))
def test_a_body_that_breaks_off_has_no_digest_and_keeps_no_thread_waiting(chunks: int, parts: int) -> None:
    body = Chained(tuple(Blob(b"x" * 5) for _ in range(20)))
    cuts = tuple(ByteRange(100 * n // parts, 100 * (n + 1) // parts) for n in range(parts))
    result = digests_of(body, cuts, _Breaking(chunks))
    assert result.failure() == IO(trouble().error)


@pytest.mark.parametrize("body", [LocalSlice("f", ByteRange(0, 1), FACT), StreamPiece(1, ByteRange(0, 1))])
def test_a_job_without_a_folder_or_a_stream_says_so(body: Body) -> None:
    with pytest.raises(LocalTrouble) as raised:
        list(Bodies().read(Chained((Blob(b"x"), body))))
    assert "this job has no" in str(raised.value.error)


def test_a_dropped_piece_cannot_be_read_again() -> None:
    stream = PiecedStream(lambda size: b"x" * size)
    taken = unsafe_perform_io(stream.take(PartSizes(10, 1)).unwrap())
    assert taken is not None
    assert b"".join(Bodies(None, stream).read(taken.body)) == b"x" * 10
    stream.drop(taken.body)
    with pytest.raises(LocalTrouble) as raised:
        list(stream.read(taken.body))
    assert "dropped" in str(raised.value.error)


def test_nothing_has_no_bytes() -> None:
    assert body_length(NOTHING) == 0
    assert read(NOTHING) == b""
    assert read(Chained(())) == b""
