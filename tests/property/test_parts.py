"""How files are cut: law L21."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import check_tiling

from b2pure.model.limits import (
    ABSOLUTE_MINIMUM_PART_SIZE,
    DEFAULT_PART_SIZES,
    MAX_FILE_SIZE,
    MAX_PART_SIZE,
    MAX_PARTS,
    MAX_SINGLE_SIZE,
    PartSizes,
)
from b2pure.plan.failures import TooLarge
from b2pure.plan.parts import choose_part_ranges, large_copy_parts, large_file_parts, part_ranges

M = 1_000_000
# A large size in small parts is ten thousand ranges: those are tried as edges, not drawn again and again.
_SMALL = st.integers(0, 20_000 * M)
_EDGES = [MAX_FILE_SIZE - 1, MAX_FILE_SIZE, 10_000 * 100 * M, 10_000 * 100 * M + 1, 10_000 * 100 * M + 5 * M]
_SIZES = st.builds(
    PartSizes,
    recommended=st.sampled_from((100 * M, 5 * M, 50 * M, MAX_PART_SIZE, MAX_PART_SIZE - M)),
    minimum=st.sampled_from((5 * M, 1, M)),
)


def _lengths(size: int, sizes: PartSizes = DEFAULT_PART_SIZES) -> list[int]:
    ranges = part_ranges(size, recommended=sizes.recommended, minimum=sizes.minimum)
    assert not isinstance(ranges, TooLarge)
    return [piece.length for piece in ranges]


def _check(size: int, sizes: PartSizes) -> None:
    ranges = part_ranges(size, recommended=sizes.recommended, minimum=sizes.minimum)
    assert not isinstance(ranges, TooLarge)
    check_tiling(ranges, size)
    lengths = [piece.length for piece in ranges]
    assert len(lengths) <= MAX_PARTS
    assert all(length >= sizes.minimum for length in lengths[:-1])
    assert all(length <= MAX_PART_SIZE for length in lengths)
    assert len(set(lengths[:-1])) <= 1


@given(_SMALL, _SIZES)
def test_parts_tile_the_file_within_the_limits(size: int, sizes: PartSizes) -> None:
    """L21 Tiling."""
    _check(size, sizes)


@given(_SIZES, st.integers(1, 200), st.integers(-2, 2))
def test_parts_tile_at_the_edges_of_parts(sizes: PartSizes, count: int, beside: int) -> None:
    """L21 Tiling, where a part begins or the last one is just too short."""
    for size in (count * sizes.recommended + beside, count * sizes.recommended + sizes.minimum + beside):
        if 0 <= size <= MAX_FILE_SIZE:
            _check(size, sizes)


@pytest.mark.parametrize("size", _EDGES)
@pytest.mark.parametrize("recommended", [5 * M, 100 * M, MAX_PART_SIZE])
def test_parts_tile_the_largest_files(size: int, recommended: int) -> None:
    """L21 Tiling, up to 10 TB in at most 10,000 parts."""
    _check(size, PartSizes(recommended, ABSOLUTE_MINIMUM_PART_SIZE))


@given(st.integers(MAX_FILE_SIZE + 1, 10**20), _SIZES)
def test_what_no_large_file_can_hold_is_too_large(size: int, sizes: PartSizes) -> None:
    """L21 Tiling is total."""
    assert part_ranges(size, recommended=sizes.recommended, minimum=sizes.minimum) == TooLarge(size)


@given(st.integers(0, MAX_FILE_SIZE))
def test_the_default_parts_leave_no_short_end(size: int) -> None:
    """L21 Tiling: with the usual sizes not even the last part is shorter than the minimum, unless it is alone."""
    part = max(100 * M, -(-size // MAX_PARTS))
    # The naive count: whole parts, and one more when what is left is at least the minimum.
    whole, rest = divmod(size, part)
    count = whole + (rest >= 5 * M or (whole == 0 and rest > 0))
    if count <= 300:
        lengths = _lengths(size)
        assert len(lengths) == count
        assert all(length >= 5 * M for length in lengths[1:])


@given(st.integers(0, MAX_FILE_SIZE), _SIZES)
def test_a_file_is_cut_when_a_single_upload_will_not_do(size: int, sizes: PartSizes) -> None:
    """L21: large files are those of two parts or more, and those above the largest single upload."""
    cut = large_file_parts(size, sizes)
    assert cut in (None, sizes)
    assert (cut is None) == (size < sizes.recommended + sizes.minimum and size <= MAX_SINGLE_SIZE)
    if cut is None and sizes == DEFAULT_PART_SIZES:
        assert len(_lengths(size, sizes)) <= 1
    copied = large_copy_parts(size, sizes)
    assert (copied is None) == (size <= MAX_SINGLE_SIZE)
    if copied is not None:
        _check(size, copied)


@given(st.data(), st.integers(1, MAX_PART_SIZE // 2))
def test_chosen_parts_tile_and_are_nearly_equal(data: st.DataObject, minimum: int) -> None:
    """L21 Tiling, for the seed's choose_part_ranges."""
    length = data.draw(st.integers(2 * minimum, min(300 * minimum, MAX_FILE_SIZE)))
    ranges = choose_part_ranges(length, minimum)
    check_tiling(ranges, length)
    lengths = [piece.length for piece in ranges]
    assert 2 <= len(lengths) == length // minimum
    assert min(lengths) >= minimum
    assert len(set(lengths[:-1])) == 1
    assert lengths[-1] - lengths[0] < len(lengths)


@given(st.integers(1, 10**6), st.integers(0, 9))
def test_chosen_parts_are_at_most_ten_thousand(minimum: int, more: int) -> None:
    """L21 Tiling, many small parts."""
    length = minimum * (MAX_PARTS + 1) + more
    ranges = choose_part_ranges(length, minimum)
    assert len(ranges) == MAX_PARTS
    check_tiling(ranges, length)


@given(st.integers(1, 10**12), st.data())
def test_no_two_parts_no_choice(minimum: int, data: st.DataObject) -> None:
    """L21: what makes less than two parts is refused."""
    length = data.draw(st.integers(0, 2 * minimum - 1))
    with pytest.raises(ValueError, match="upload them as one file"):
        choose_part_ranges(length, minimum)


@pytest.mark.parametrize(
    ("size", "lengths"),
    [
        (0, []),
        (1, [1]),
        (104_999_999, [104_999_999]),
        (105_000_000, [100 * M, 5 * M]),
        (204_999_999, [100 * M, 104_999_999]),
        (205_000_000, [100 * M, 100 * M, 5 * M]),
    ],
)
def test_the_documented_cuts(size: int, lengths: list[int]) -> None:
    """L21, the documented examples."""
    assert _lengths(size) == lengths


def test_the_documented_choice() -> None:
    """L21: 1000 bytes in parts of at least 300."""
    assert [piece.length for piece in choose_part_ranges(1000, 300)] == [333, 333, 334]
