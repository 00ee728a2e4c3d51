"""Laws of new files of the numbered interface: whatever they are made of, they have just these bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2pure.v1 import (
    AbstractUploadSource,
    B2Api,
    Bucket,
    CopySource,
    DownloadDestBytes,
    InMemoryAccountInfo,
    OutboundTransferSource,
    RawSimulator,
    UploadSourceBytes,
    UploadSourceStream,
    WriteIntent,
    exception,
)

LENGTHS = st.sampled_from([0, 1, 199, 200, 201, 399, 400, 401, 1000, 1500])
"""Around the part size of the simulator, which is 200 bytes."""


def _bucket() -> Bucket:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return api.create_bucket("holiday", "allPublic")


def _content(bucket: Bucket, name: str, range_: tuple[int, int] | None = None) -> bytes:
    dest = DownloadDestBytes()
    bucket.download_file_by_name(name, dest, range_=range_)
    return dest.get_bytes_written()


def _data(seed: int, length: int) -> bytes:
    return bytes((seed * 31 + at * 7 + at // 256) % 256 for at in range(length))


def _local(data: bytes, kind: str) -> AbstractUploadSource:
    if kind == "bytes":
        return UploadSourceBytes(data)
    return UploadSourceStream(lambda: io.BytesIO(data))


@st.composite
def _pieces(draw: st.DrawFn) -> list[tuple[str, bytes, int]]:
    """(kind, bytes, how many bytes stand before them in the file that they are copied from)."""
    kinds = st.sampled_from(["bytes", "stream", "copy"])
    lengths = draw(st.lists(LENGTHS.filter(bool), min_size=1, max_size=5))
    return [
        (draw(kinds), _data(number, length), draw(st.sampled_from([0, 3, 200])))
        for number, length in enumerate(lengths)
    ]


def _sources(bucket: Bucket, pieces: list[tuple[str, bytes, int]]) -> Iterator[OutboundTransferSource]:
    for number, (kind, data, before) in enumerate(pieces):
        if kind == "copy":
            whole = _data(99, before) + data + _data(98, before)
            made = bucket.upload_bytes(whole, f"source-{number}")
            yield CopySource(str(made.id_), before, len(data))
        else:
            yield _local(data, kind)


@given(_pieces(), st.booleans())
def test_what_is_concatenated_has_all_bytes_in_order(pieces: list[tuple[str, bytes, int]], stream: bool) -> None:
    bucket = _bucket()
    sources = list(_sources(bucket, pieces))
    made = (bucket.concatenate_stream if stream else bucket.concatenate)(sources, "made", {"how": "good"})
    whole = b"".join(data for _, data, _ in pieces)
    assert (_content(bucket, "made"), made.size) == (whole, len(whole))
    assert made.file_info["how"] == "good"
    assert list(bucket.list_unfinished_large_files()) == []


@given(
    LENGTHS.filter(lambda length: length > 2),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), max_size=4),
    st.sampled_from(["local", "remote", "local_verification"]),
    st.booleans(),
)
def test_what_overlaps_has_the_bytes_that_both_have(
    length: int, spans: list[tuple[float, float, bool]], prioritize: str, stream: bool
) -> None:
    """Whatever is preferred, and however it comes."""
    bucket = _bucket()
    data = _data(5, length)
    source = str(bucket.upload_bytes(data, "source").id_)
    intents = [WriteIntent(UploadSourceBytes(data))]
    for one, other, remote in spans:
        start, stop = sorted((int(one * length), int(other * length)))
        if start < stop:
            kept: OutboundTransferSource = CopySource(source, start, stop - start)
            intents.append(WriteIntent(kept if remote else UploadSourceBytes(data[start:stop]), start))
    intents.sort(key=lambda intent: intent.destination_offset)
    make = bucket.create_file_stream if stream else bucket.create_file
    make(intents, "made", prioritize=prioritize)  # type: ignore[arg-type]
    assert _content(bucket, "made") == data


@given(LENGTHS.filter(lambda length: length > 500), st.integers(0, 10_000), st.booleans())
def test_bytes_that_differ_where_both_have_them_make_no_file(length: int, at: int, stream: bool) -> None:
    """What is copied is compared with what is here, if all of it is."""
    bucket = _bucket()
    data = _data(5, length)
    source = str(bucket.upload_bytes(data, "source").id_)
    other = bytearray(data)
    other[at % length] ^= 1
    intents = [WriteIntent(CopySource(source, 0, length)), WriteIntent(UploadSourceBytes(bytes(other)))]
    make = bucket.create_file_stream if stream else bucket.create_file
    with pytest.raises(exception.ChecksumMismatch):
        make(intents, "made")
    assert "made" not in [version.file_name for version, _ in bucket.ls()]


@given(LENGTHS, st.sampled_from(["bytes", "stream"]), st.sampled_from([None, 200, 500]))
def test_an_upload_comes_back(length: int, kind: str, min_part_size: int | None) -> None:
    bucket = _bucket()
    data = _data(7, length)
    made = bucket.upload(_local(data, kind), "made", min_part_size=min_part_size)
    assert (_content(bucket, "made"), made.size) == (data, length)


@given(LENGTHS.filter(bool), st.integers(0, 2000), st.integers(0, 2000))
def test_a_range_is_all_there_or_an_error(length: int, one: int, other: int) -> None:
    bucket = _bucket()
    data = _data(9, length)
    bucket.upload_bytes(data, "made")
    first, last = sorted((one, other))
    if last < length:
        assert _content(bucket, "made", (first, last)) == data[first : last + 1]
    else:
        with pytest.raises((exception.InvalidRange, exception.UnsatisfiableRange)):
            _content(bucket, "made", (first, last))


@given(LENGTHS.filter(bool), st.integers(0, 2000), st.integers(1, 2000), st.sampled_from([None, 150, 200, 500]))
def test_a_copy_of_a_range_has_its_bytes(length: int, offset: int, wanted: int, most: int | None) -> None:
    bucket = _bucket()
    data = _data(11, length)
    source = str(bucket.upload_bytes(data, "source").id_)
    offset %= length
    wanted = 1 + wanted % (length - offset)
    bucket.copy(source, "made", offset=offset, length=wanted, max_copy_part_size=most)
    assert _content(bucket, "made") == data[offset : offset + wanted]
