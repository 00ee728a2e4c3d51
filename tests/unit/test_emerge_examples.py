"""Objects from ranges at real sizes: the seed's examples, what is refused, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from b2pure.model.errors import InvalidArgument
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.intents import CopySource, WriteIntent, concatenated
from b2pure.model.limits import MAX_FILE_SIZE, PartSizes
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Chained, LocalSlice, StreamPiece
from b2pure.plan import EmergePlan, plan_emerge
from b2pure.plan.emerge import draw, emerge_lines, explain, summary
from b2pure.plan.emerge.parts import CopiedPart, SentPart
from b2pure.plan.emerge.plan import Prioritize
from b2pure.plan.emerge.stream import plan_stream
from b2pure.plan.failures import (
    EmergeFailure,
    Hole,
    NegativeOffset,
    NotSavable,
    PlanFailed,
    TooLarge,
    TooManyParts,
    UnknownLength,
    tell_failure,
)

M = 1_000_000
A, B, C, D, E = 0, 50 * M, 80 * M, 100 * M, 200 * M


def local(start: int, stop: int, path: str = "file") -> LocalSlice:
    return LocalSlice(path, ByteRange(start, stop), LocalFact(10**13, 1))


def remote(length: int, file_id: str = "4_z", offset: int = 0) -> CopySource:
    return CopySource.of(FileId(file_id), offset, length)


SEED = (WriteIntent(remote(D), A), WriteIntent(local(0, C - B), B), WriteIntent(local(C - B, C - B + E - D), D))


def told(plan: EmergePlan) -> str:
    return draw(plan).splitlines()[-1]


@pytest.mark.parametrize(
    ("prioritize", "parts"),
    [
        ("local", "cloud[A, B] local[B, C] cloud[C, D] local[D, E]"),
        ("remote", "cloud[A, D] local[D, E]"),
        ("local_verification", "cloud[A, B] cloud[B, C] cloud[C, D] local[D, E]"),
        ("verify", "cloud[A, B] cloud[B, C] cloud[C, D] local[D, E]"),
    ],
)
def test_the_seeds_example(prioritize: Prioritize, parts: str) -> None:
    assert told(plan_emerge(SEED, prioritize=prioritize)) == parts


def test_the_default_is_local_verification() -> None:
    plan = plan_emerge(SEED)
    assert plan == plan_emerge(SEED, prioritize="local_verification")
    assert [part.checks for part in plan.copies] == [None, local(0, C - B), None]


def test_the_picture() -> None:
    assert draw(plan_emerge(SEED)) == (
        "B2      ###############################\n"
        "local                   #########      ################################\n"
        "object |---------------|--------|-----|+++++++++++++++++++++++++++++++|\n"
        "       A               B        C     D                               E\n"
        "A=0 B=50M C=80M D=100M E=200M\n"
        "cloud[A, B] cloud[B, C] cloud[C, D] local[D, E]"
    )


def test_the_summary_compares_with_the_naive_plan() -> None:
    assert summary(plan_emerge(SEED, prioritize="remote")) == (
        "200 MB in 2 parts (1 copied): 100 MB up, 0 B down · calls: 3 A, 0 B, 1 C · $0.00\n"
        "instead of 200 MB up, 70.0 MB down · calls: 4 A, 2 B, 0 C · $0.00070"
    )


def test_each_part_is_explained() -> None:
    plan = plan_emerge(SEED)
    assert explain(plan, 2) == (
        "part 2 [50000000, 80000000) 30.0 MB: copied from 4_z[50000000, 80000000)\n"
        "  B2 has it, so nothing travels\n"
        "  it is here as well, and its SHA-1 must be that of file[0, 30000000)"
    )
    assert explain(plan, 4).splitlines()[1] == "  file[30000000, 130000000): only here"
    with pytest.raises(IndexError, match="the plan has 4"):
        explain(plan, 5)


def test_a_short_range_in_b2_is_downloaded_and_that_is_explained() -> None:
    plan = plan_emerge(concatenated(local(0, 3 * M), remote(4 * M), local(3 * M, 9 * M)))
    assert [(part.length, type(part)) for part in plan.parts] == [(13 * M, SentPart)]
    assert plan.cost.bytes_down == 4 * M
    assert "B2 has only 4000000 bytes there, fewer than a part" in explain(plan, 1)


def _shape(plan: EmergePlan) -> list[str]:
    return [
        f"copy {part.length // M}"
        if isinstance(part, CopiedPart)
        else "send " + "+".join(str(_size(piece) // M) for piece in part.pieces)
        for part in plan.parts
    ]


def _size(piece: object) -> int:
    assert isinstance(piece, CopySource | LocalSlice)
    return piece.range.length


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ("L3 R4", ["send 3+2", "copy 2"]),
        ("L3 R7", ["send 3+2", "copy 5"]),
        ("L3 R8", ["send 3+2", "copy 6"]),
        ("R8 R3 R8", ["copy 6", "send 2+3", "copy 8"]),
        ("R5 L60", ["copy 5", "send 60"]),
        ("R8 L3", ["copy 8", "send 3"]),
        ("R8 R1", ["copy 8", "copy 1"]),
        ("R4", ["copy 4"]),
        ("L250", ["send 100", "send 100", "send 50"]),
        ("L205", ["send 102", "send 102"]),
        ("L104", ["send 104"]),
        ("R5000", ["copy 5000"]),
        ("R5002", ["copy 2501", "copy 2501"]),
        ("R12000", ["copy 4000", "copy 4000", "copy 4000"]),
    ],
)
def test_sources_one_after_the_other(sizes: str, shape: list[str]) -> None:
    sources = [
        local(index * 10**9, index * 10**9 + int(size[1:]) * M) if size[0] == "L" else remote(int(size[1:]) * M, size)
        for index, size in enumerate(sizes.split())
    ]
    if sizes == "R8 R3 R8":
        sources = [remote(8 * M, "a"), remote(3 * M, "b"), remote(8 * M, "c")]
    assert _shape(plan_emerge(concatenated(*sources), prioritize="remote")) == shape


def test_the_seeds_patch_downloads_only_what_a_part_lacks() -> None:
    """Change the middle: 4 MB, 1024 bytes, and the rest of the same file."""
    intents = (
        WriteIntent(remote(4 * M), 0),
        WriteIntent(local(0, 1024), 4 * M),
        WriteIntent(remote(123_456_789, offset=4_001_024), 4_001_024),
    )
    plan = plan_emerge(intents)
    assert [part.range for part in plan.parts] == [ByteRange(0, 5 * M), ByteRange(5 * M, 127_457_813)]
    assert (plan.cost.bytes_up, plan.cost.bytes_down) == (5 * M, 5 * M - 1024)


def test_the_seeds_append_copies_what_was_there() -> None:
    plan = plan_emerge((WriteIntent(remote(5 * M), 0), WriteIntent(local(0, 60 * M), 0)))
    assert _shape(plan) == ["copy 5", "send 55"]
    assert plan.copies[0].checks == local(0, 5 * M)


def test_a_nested_intent_takes_nothing_away() -> None:
    """Inputs that another planner cuts short without a word."""
    plan = plan_emerge((WriteIntent(remote(140 * M), 0), WriteIntent(remote(50 * M, offset=70 * M), 70 * M)))
    assert _shape(plan) == ["copy 140"]
    plan = plan_emerge((WriteIntent(local(0, 20 * M), 0), WriteIntent(local(5 * M, 9 * M), 5 * M)))
    assert _shape(plan) == ["send 20"]


def test_parts_of_a_long_object_grow() -> None:
    plan = plan_emerge([WriteIntent(local(0, 2 * 10**12))])
    assert len(plan.parts) <= 10_000
    assert max(part.length for part in plan.parts) <= 201 * M


def test_too_many_ranges_are_copied_as_far_as_there_are_parts() -> None:
    """10,050 files of 6 MB cannot be copied one by one; some are downloaded, and the object is whole."""
    plan = plan_emerge(concatenated(*(remote(6 * M, f"f{i}") for i in range(10_050))), prioritize="remote")
    assert len(plan.parts) <= 10_000
    assert 0 < plan.cost.bytes_down <= 51 * 6 * M


def test_nothing_is_an_empty_upload() -> None:
    plan = plan_emerge([])
    assert (plan.length, plan.is_large, plan.single) == (0, False, SentPart(1, ByteRange(0, 0), ()))
    assert list(plan_stream([])) == list(plan.parts)


def test_the_key_of_a_range_is_part_of_what_it_is() -> None:
    one, other = SseC.of(b"1" * 32), SseC.of(b"2" * 32)
    halves = [CopySource.of(FileId("f"), 0, 6 * M, one), CopySource.of(FileId("f"), 6 * M, 6 * M, other)]
    assert [part.source for part in plan_emerge(concatenated(*halves)).copies] == halves
    same = [halves[0], CopySource.of(FileId("f"), 6 * M, 6 * M, one)]
    assert [part.length for part in plan_emerge(concatenated(*same)).copies] == [12 * M]
    assert one.customer_key not in str(plan_emerge(concatenated(*halves)))


def test_bytes_at_hand_are_saved_when_they_are_few() -> None:
    assert emerge_lines(plan_emerge([WriteIntent(Blob(b"few"))])).unwrap()
    assert emerge_lines(plan_emerge([WriteIntent(Blob(b"x" * 70_000))])).failure() == NotSavable(1, 70_000)


_STREAM = Chained((Blob(b"x"), StreamPiece(1, ByteRange(0, 1))))


@pytest.mark.parametrize("planner", [plan_emerge, lambda intents: list(plan_stream(intents))])
@pytest.mark.parametrize(
    ("intents", "failure"),
    [
        ([WriteIntent(Blob(b"x"), -1)], NegativeOffset(0, -1)),
        ([WriteIntent(Blob(b"x")), WriteIntent(_STREAM, 1)], UnknownLength(1)),
        ([WriteIntent(Blob(b"x"), 3)], Hole(ByteRange(0, 3))),
        ([WriteIntent(remote(10**13)), WriteIntent(Blob(b"x"), 10**13)], TooLarge(MAX_FILE_SIZE + 1)),
    ],
)
def test_what_makes_no_object(
    planner: Callable[[Sequence[WriteIntent]], object], intents: list[WriteIntent], failure: EmergeFailure
) -> None:
    with pytest.raises(PlanFailed) as failed:
        planner(intents)
    assert failed.value.failure == failure
    assert tell_failure(failure) in str(failed.value)


def test_no_plan_has_so_few_parts() -> None:
    with pytest.raises(PlanFailed) as failed:
        plan_emerge([WriteIntent(local(0, 30 * 10**9))], max_parts=5)
    assert failed.value.failure == TooManyParts(6, 5)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"prioritize": "cheapest"}, "prioritize"),
        ({"max_copy_part_size": 9_999_998}, "max_copy_part_size"),
        ({"max_upload_part_size": 5_000_000_001}, "max_upload_part_size"),
        ({"max_parts": 10_001}, "max_parts"),
    ],
)
def test_limits_that_make_no_sense(more: dict[str, object], name: str) -> None:
    with pytest.raises(PlanFailed) as failed:
        plan_emerge(SEED, **more)  # type: ignore[arg-type]
    assert isinstance(failed.value.failure, InvalidArgument)
    assert failed.value.failure.name == name


def test_the_account_decides_what_a_part_is() -> None:
    plan = plan_emerge(concatenated(local(0, 30), remote(100)), sizes=PartSizes(20, 10))
    assert [(part.length, isinstance(part, CopiedPart)) for part in plan.parts] == [
        (20, False),
        (10, False),
        (100, True),
    ]


def test_the_largest_part_is_the_callers() -> None:
    plan = plan_emerge([WriteIntent(remote(100 * M))], max_copy_part_size=30 * M)
    assert [part.length for part in plan.parts] == [25 * M] * 4
    plan = plan_emerge([WriteIntent(local(0, 100 * M))], max_upload_part_size=30 * M)
    assert [part.length for part in plan.parts] == [25 * M] * 4
