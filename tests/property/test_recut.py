"""Laws of going on with what was cut otherwise: whoever began a large file, and in whatever parts, its parts count."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import (
    BUCKET,
    MINIMUM,
    REREADABLE,
    Given,
    committed,
    content,
    crashing,
    files_in,
    make_world,
    opened,
    sent_parts,
    sources,
    starts,
    unfinished_in,
)

from b2pure.effects.events import LargeFileBegun
from b2pure.model.calls import UploadPart
from b2pure.model.ids import FileId
from b2pure.model.replies import PartReply
from b2pure.model.sources import body_length
from b2pure.plan.recut import cut_like
from b2pure.testing import SimulatedB2

DEST: Final = f"b2://{BUCKET}/n"
SEEDS: Final = st.integers(0, 10_000)
Way = Literal["upload", "create"]
WAYS: Final[tuple[Way, ...]] = ("upload", "create")


# --- how it was cut ---------------------------------------------------------------------------------------------------


def one_size(size: int, part: int, minimum: int) -> list[int]:
    """Lengths as an upload has them: a rest that is too short for a part makes the last one longer."""
    whole, rest = divmod(size, part)
    lengths = [part] * whole
    if rest >= minimum or not lengths:
        return [*lengths, rest] if rest else lengths
    return [*lengths[:-1], part + rest]


def even(size: int, count: int) -> list[int]:
    return [size * (number + 1) // count - size * number // count for number in range(count)]


def replies(lengths: list[int], numbers: set[int]) -> list[PartReply]:
    return [PartReply(FileId("f"), number, lengths[number - 1], "0" * 40, None, 0) for number in sorted(numbers)]


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 9), st.data())
def test_parts_of_one_size_tell_how_it_was_cut(size: int, part: int, minimum: int, data: st.DataObject) -> None:
    part = max(part, minimum)
    lengths = one_size(size, part, minimum)
    if len(lengths) < 2:
        return
    others = data.draw(st.sets(st.integers(1, len(lengths))))
    check_cut(size, minimum, replies(lengths, {1} | others))


@given(st.integers(2, 400), st.integers(2, 40), st.integers(1, 9), st.data())
def test_parts_that_are_about_as_long_tell_how_it_was_cut(
    size: int, count: int, minimum: int, data: st.DataObject
) -> None:
    """Where a part has more bytes than there are parts: in B2 these are millions and at most ten thousand."""
    lengths = even(size, count)
    if min(lengths) < max(minimum, count):
        return
    check_cut(size, minimum, replies(lengths, data.draw(st.sets(st.integers(1, count), min_size=1))))


def check_cut(size: int, minimum: int, found: list[PartReply]) -> None:
    ranges = cut_like(size, found, minimum)
    assert ranges is not None
    assert (ranges[0].start, ranges[-1].stop) == (0, size)
    assert all(one.stop == other.start for one, other in pairwise(ranges))
    assert all(each.length >= minimum for each in ranges[:-1])
    assert [ranges[part.part_number - 1].length for part in found] == [part.content_length for part in found]


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(1, 9), st.integers(1, 120)), max_size=4), st.integers(1, 9))
def test_whatever_is_found_the_cut_has_it_or_there_is_none(
    size: int, found: list[tuple[int, int]], minimum: int
) -> None:
    parts = [PartReply(FileId("f"), number, length, "0" * 40, None, 0) for number, length in dict(found).items()]
    if cut_like(size, parts, minimum) is not None:
        check_cut(size, minimum, parts)


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def act(world: SimulatedB2, way: Way, source: Any, **options: Any) -> Any:
    if way == "upload":
        return world.client.upload(source, DEST, mod_time_millis=1, **options)
    return world.client.create_file([(source, 0)], DEST, mod_time_millis=1, **options)


@given(
    sources(REREADABLE, least=20),
    *(st.sampled_from(WAYS), st.integers(MINIMUM, 12), st.sampled_from(WAYS), st.integers(MINIMUM, 12)),
    *(st.integers(5, 120), st.booleans(), SEEDS),
)
def test_what_one_way_and_size_of_parts_began_another_ends(
    folder: Path, source: Given, one: Way, first: int, other: Way, second: int, moments: int, by_id: bool, seed: int
) -> None:
    """No byte of a finished part is sent again."""
    world, heard = make_world(seed=seed), list[LargeFileBegun]()
    crashing(world, moments, lambda: act(world, one, opened(source, folder), part_size=first).unwrap())
    before, left, done = len(files_in(world)), unfinished_in(world), sent_parts(world)
    resume: Any = left[0].file_id if left and 1 in done and by_id else True
    act(world, other, opened(source, folder), part_size=second, resume=resume, on_large_file=heard.append).unwrap()
    assert [made.data for made in files_in(world)] == [source.data] * (before + 1)
    if left and 1 in done:
        sent = sum(body_length(call.body) for call in committed(world) if isinstance(call, UploadPart))
        assert (sent, starts(world), len(heard[0].decision.finished)) == (len(source.data), 1, len(done))
        assert not unfinished_in(world)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by_id", [False, True])
def test_205_bytes_that_were_begun_as_b2sdk_cuts_them(way: Way, by_id: bool) -> None:
    """100, 100 and 5, where a plan has two parts of about 102."""
    world, data = make_world(), content(205, 1)
    token = world.client.authorize().unwrap()
    assert token.part_sizes.minimum == MINIMUM
    done = 0
    while not sent_parts(world):
        done += 1
        crashing(world, done, lambda: act(world, "upload", data, part_size=100).unwrap())
        if done > 60:
            raise AssertionError("it never sent a part")
    left = [each.file_id for each in unfinished_in(world) if each.file_id is not None]
    resume: Any = left[-1] if by_id else True
    act(world, way, data, part_size=97, resume=resume).unwrap()
    lengths = [body_length(call.body) for call in committed(world) if isinstance(call, UploadPart)]
    assert sorted(lengths) == [5, 100, 100]
    assert [made.data for made in files_in(world)] == [data]


def test_what_was_cut_otherwise_and_is_other_content_is_left_alone() -> None:
    world = make_world()
    crashing(world, 45, lambda: world.client.upload(content(40, 1), DEST, part_size=7, mod_time_millis=1).unwrap())
    left = unfinished_in(world)
    assert left
    world.client.upload(content(40, 2), DEST, part_size=5, mod_time_millis=1).unwrap()
    assert unfinished_in(world) == left
    assert [made.data for made in files_in(world)] == [content(40, 2)]
