"""Laws of appending: what B2 has is copied if it is the beginning of the source, and only the rest is sent."""

from __future__ import annotations

from hashlib import sha1
from typing import Any, Final

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import BUCKET, MINIMUM, committed, crashing, digest, files_in, make_world, unfinished_in

from b2pure.model.calls import CopyPart, HideFile, UploadFile, UploadPart
from b2pure.model.ids import FileId
from b2pure.model.limits import PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1
from b2pure.model.protection import Encryption, SseB2, SseC
from b2pure.model.sources import body_length
from b2pure.plan.large_file import CopyRange, SendPart, append_parts, check_parts
from b2pure.testing import SimulatedB2

DEST: Final = f"b2://{BUCKET}/log"
SEEDS = st.integers(0, 10_000)
KEY, OTHER = SseC.of(b"k" * 32), SseC.of(b"o" * 32)
ENCRYPTIONS: Final[tuple[Encryption | None, ...]] = (None, SseB2(), KEY, OTHER)


@frozen
class Before:
    """What B2 has, and how it came there."""

    data: bytes
    encryption: Encryption | None = None
    whole_sha1_told: bool = True


def data_of(size: int) -> bytes:
    return b"".join(sha1(b"%d" % n).digest() for n in range(size // 20 + 1))[:size]


def place(world: SimulatedB2, before: Before) -> None:
    upload: dict[str, Any] = {"encryption": before.encryption}
    if before.whole_sha1_told:
        world.client.upload(before.data, DEST, **upload).unwrap()
    else:  # as others do who write no digest
        world.client.upload(Pipe(before.data), DEST, **upload).unwrap()
    world.clock.advance(1)


class Pipe:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def moved(world: SimulatedB2, after: int) -> tuple[int, int]:
    """Bytes sent, and parts copied, by the calls after so many."""
    calls = committed(world)[after:]
    sent = sum(body_length(call.body) for call in calls if isinstance(call, UploadPart | UploadFile))
    return sent, sum(isinstance(call, CopyPart) for call in calls)


BEFORES = st.builds(
    Before, st.integers(0, 40).map(data_of), st.sampled_from(ENCRYPTIONS), st.sampled_from((True, True, False))
)


@given(BEFORES, st.integers(0, 60), st.booleans(), st.sampled_from(ENCRYPTIONS), SEEDS)
def test_the_object_is_the_source_and_what_is_there_is_not_sent_again(
    before: Before, size: int, differs: bool, encryption: Encryption | None, seed: int
) -> None:
    """The version in B2 is a beginning of the source or not, small or large, encrypted or not, with a digest that
    tells what it is or without one; the source is longer or not.
    """
    world = make_world(seed=seed)
    place(world, before)
    data = data_of(size)
    if differs and data:
        data = bytes([data[0] ^ 1]) + data[1:]
    calls = len(committed(world))
    reply = world.client.upload(data, DEST, append=True, encryption=encryption).unwrap()
    newest = next(made for made in files_in(world) if made.file.file_id == reply.file_id)
    assert newest.data == data
    assert newest.info.get(LARGE_FILE_SHA1, digest(data)) == digest(data)
    assert len(files_in(world)) == 2
    assert not unfinished_in(world)
    has_digest = before.whole_sha1_told or len(before.data) <= 5
    fits = data.startswith(before.data) and MINIMUM <= len(before.data) < len(data) and has_digest
    same_reader = key_of(before.encryption) == key_of(encryption)
    sent, copied = moved(world, calls)
    rest = len(data) - len(before.data)
    if fits and same_reader:
        assert (sent, copied) == (rest, 1)
    elif fits and key_of(before.encryption) and key_of(encryption):
        # Only the copy itself tells that a key is not the one; the rest may have been on its way beside it.
        assert (len(data) <= sent <= len(data) + rest, copied) == (True, 0)
    else:
        assert (sent, copied) == (len(data), 0)


def key_of(encryption: Encryption | None) -> SseC | None:
    return encryption if isinstance(encryption, SseC) else None


@given(st.integers(0, 120), SEEDS)
def test_killed_at_any_moment_it_goes_on_and_copies_nothing_twice(moments: int, seed: int) -> None:
    world, data = make_world(seed=seed), data_of(50)
    place(world, Before(data[:20]))
    calls = len(committed(world))
    crashing(world, moments, lambda: world.client.upload(data, DEST, append=True).unwrap())
    if len(files_in(world)) == 1:
        world.client.upload(data, DEST, append=True).unwrap()
    assert {made.data for made in files_in(world)} == {data, data[:20]}
    assert not unfinished_in(world)
    assert moved(world, calls) == (30, 1)


def test_a_hidden_version_is_no_beginning() -> None:
    world, data = make_world(), data_of(40)
    place(world, Before(data[:20]))
    world.client.call(HideFile(world.bucket_id(BUCKET), "log")).unwrap()
    calls = len(committed(world))
    world.client.upload(data, DEST, append=True).unwrap()
    assert moved(world, calls) == (40, 0)


@pytest.mark.parametrize("size", [6, 7])
def test_other_content_that_makes_one_part_is_sent_in_one_call(size: int) -> None:
    """B2 makes no large file of one part."""
    world = make_world()
    place(world, Before(b"other"))
    world.client.upload(data_of(size), DEST, append=True).unwrap()
    assert world.contents(BUCKET) == {"log": data_of(size)}


# --- the parts, as data -----------------------------------------------------------------------------------------------

M: Final = 1_000_000
_SIZES = st.builds(PartSizes, st.sampled_from((100 * M, 5 * M, 7 * M)), st.just(5 * M))


_NEAR_PARTS = st.builds(lambda parts, beside: max(0, parts * 5_000 * M + beside), st.integers(0, 3), st.integers(-2, 2))
_PRESENT = st.one_of(st.integers(0, 12_000 * M), _NEAR_PARTS)


@given(_PRESENT, st.integers(0, 12_000 * M), _SIZES)
def test_the_parts_of_an_appended_file_are_the_copied_beginning_and_the_rest(
    present: int, more: int, sizes: PartSizes
) -> None:
    """For sizes that no test moves: more than one copied part above 5 GB, too."""
    parts = append_parts(FileId("f"), present, present + more, sizes)
    if parts is None:
        assert present < 5 * M or more == 0
        return
    assert check_parts(parts, present + more, sizes) is None
    copied = [part for part in parts if isinstance(part, CopyRange)]
    sent = [part for part in parts if isinstance(part, SendPart)]
    assert parts == (*copied, *sent)
    assert copied[0].range.start == 0
    assert copied[-1].range.stop == present
    assert [a.range.stop for a in copied[:-1]] == [b.range.start for b in copied[1:]]
    assert (sent[0].range.start, sent[-1].range.stop) == (present, present + more)
    assert len(copied) == -(-present // (5_000 * M)), "as few as there can be"
