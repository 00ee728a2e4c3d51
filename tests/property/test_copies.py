"""Copies on the server, in all their forms: what is copied, with what type and info, in how many calls."""

from __future__ import annotations

from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import (
    BUCKET,
    MINIMUM,
    Made,
    committed,
    count_committed,
    crashing,
    digest,
    files_in,
    make_world,
    unfinished_in,
)

from b2pure.effects.events import BytesMoved, Event, LargeFileBegun
from b2pure.effects.faults import DropReplyAfterCommit, FaultScript
from b2pure.effects.faulty_api import FaultyApi
from b2pure.model.calls import CopyPart
from b2pure.model.errors import InvalidArgument, Rejected
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_INFO_PAIRS, MAX_PART_SIZE, MAX_PARTS, PartSizes
from b2pure.model.new_file import LARGE_FILE_SHA1, PLAN_ID, NewFile
from b2pure.model.protection import SseB2, SseC
from b2pure.model.ranges import ByteRange
from b2pure.plan.large_file import CopyRange, check_parts, copy_parts, copy_plan_id
from b2pure.plan.resume import OtherInfo, Taken
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.transfer_arguments import sizes_to_copy
from b2pure.testing import SimulatedB2, fault_scripts

DATA: Final = bytes(range(40))
OLD: Final = NewFile("text/old", {"color": "red", "src_last_modified_millis": "5"}, cache_control="no-store")
SOURCE, DEST = f"b2://{BUCKET}/dir/source", f"b2://{BUCKET}/dir/copy"
SEEDS = st.integers(0, 10_000)
KEY, OTHER = SseC.of(b"k" * 32), SseC.of(b"o" * 32)


def world_with(data: bytes = DATA, *, seed: int = 1, **settings: Any) -> SimulatedB2:
    """A world with one file to copy, and a second bucket."""
    world = make_world(seed=seed)
    world.bucket_id("other")
    world.client.upload(data, SOURCE, OLD if not settings else NewFile(**settings)).unwrap()
    world.clock.advance(1)
    world.simulator.journal.clear()
    return world


def copied(world: SimulatedB2, result: Any, bucket: str = BUCKET) -> Made:
    """The copy as B2 has it; nothing is left over."""
    reply = result.unwrap()
    assert not unfinished_in(world, bucket)
    return next(made for made in files_in(world, bucket) if made.file.file_id == reply.file_id)


# --- any range, in any parts ------------------------------------------------------------------------------------------


@given(st.binary(max_size=60), st.data(), st.sampled_from((1, 2, 3, 4, 7, 20, MAX_PART_SIZE)), SEEDS)
def test_the_copy_is_the_range(data: bytes, choose: st.DataObject, part_size: int, seed: int) -> None:
    """Any range in any parts, above or below the limit, of small files and large ones; and the digest of the whole is
    told where it is known, never that of something else.
    """
    world, told = world_with(data, seed=seed), list[Event]()
    start = choose.draw(st.integers(0, max(0, len(data) - 1)))
    stop = choose.draw(st.integers(start + 1, len(data))) if data else 0
    wanted = choose.draw(st.sampled_from((None, ByteRange(start, stop)))) if data else None
    made = copied(world, world.client.copy(SOURCE, DEST, wanted=wanted, max_part_size=part_size, listener=told.append))
    expected = data if wanted is None else data[start:stop]
    assert made.data == expected
    assert made.info.get(LARGE_FILE_SHA1, digest(expected)) == digest(expected)
    in_parts = part_size >= MINIMUM and len(expected) > part_size
    assert (PLAN_ID in made.info) == in_parts
    if expected == data and in_parts:
        assert made.info[LARGE_FILE_SHA1] == digest(data)
    parts = [call for call in committed(world) if isinstance(call, CopyPart)]
    assert len(parts) == (-(-len(expected) // part_size) if in_parts else 0)
    assert sum(event.count for event in told if isinstance(event, BytesMoved)) == len(expected)
    assert (made.file.content_type, made.info["color"], made.info["b2-cache-control"]) == (
        "text/old",
        "red",
        "no-store",
    )


M: Final = 1_000_000


@given(
    st.one_of(
        st.integers(0, 40_000 * M), st.builds(lambda n, d: n * 5_000 * M + d, st.integers(1, 5), st.integers(-2, 2))
    ),
    st.one_of(st.integers(1, MAX_PART_SIZE), st.just(MAX_PART_SIZE)),
)
def test_above_the_limit_a_copy_is_cut_into_parts_that_b2_takes(size: int, largest: int) -> None:
    """For sizes that no test moves. A limit below what B2 takes as a part forces a single call."""
    sizes = sizes_to_copy(ByteRange(0, size), largest, 5 * M)
    assert (sizes is None) == (largest < 5 * M or size <= largest)
    if sizes is None:
        return
    parts = copy_parts(FileId("f"), ByteRange(0, size), sizes)
    assert isinstance(parts, tuple)
    assert check_parts(parts, size, PartSizes(minimum=5 * M)) is None
    assert [part.range.stop for part in parts[:-1]] == [part.range.start for part in parts[1:]]
    assert len(parts) == min(-(-size // largest), -(-size // -(-size // MAX_PARTS)))
    assert max(part.length for part in parts) <= max(largest, -(-size // MAX_PARTS))


_SOURCES = st.sampled_from((FileId("f"), FileId("g")))
_COPIES = st.lists(
    st.builds(
        lambda source, start, n: (source, ByteRange(start, start + n)), _SOURCES, st.integers(0, 3), st.integers(1, 3)
    ),
    max_size=3,
)


@given(_COPIES, _COPIES)
def test_plans_have_one_identity_just_when_they_copy_the_same(one: list[Any], other: list[Any]) -> None:
    def identity(ranges: list[Any]) -> str:
        return copy_plan_id(tuple(CopyRange(n, source, each) for n, (source, each) in enumerate(ranges, 1)))

    assert (identity(one) == identity(other)) == (one == other)


# --- metadata ---------------------------------------------------------------------------------------------------------

PARTS_OR_NOT = pytest.mark.parametrize("part_size", [MAX_PART_SIZE, 10], ids=["one call", "in parts"])
OWN: Final = ("large_file_sha1", "plan_id")


def described(made: Made) -> tuple[str | None, dict[str, str]]:
    return made.file.content_type, {name: value for name, value in made.info.items() if name not in OWN}


OLD_INFO: Final = {"color": "red", "src_last_modified_millis": "5", "b2-cache-control": "no-store"}


@PARTS_OR_NOT
@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (NewFile(), ("text/old", OLD_INFO)),
        (NewFile("text/new"), ("text/new", OLD_INFO)),
        (NewFile(file_info={"size": "L"}), ("text/old", {"size": "L"})),
        (NewFile("text/new", {"size": "L"}), ("text/new", {"size": "L"})),
        (NewFile(content_language="de"), ("text/old", {"b2-content-language": "de"})),
        (NewFile(encryption=SseB2()), ("text/old", OLD_INFO)),
    ],
    ids=["nothing", "type", "info", "both", "a header", "encryption"],
)
def test_what_is_not_given_is_that_of_the_source(
    new: NewFile, expected: tuple[str, dict[str, str]], part_size: int
) -> None:
    """The seed's rule for both: what is None is copied. One call or many, it is the same."""
    world = world_with()
    assert described(copied(world, world.client.copy(SOURCE, DEST, new, max_part_size=part_size))) == expected


def test_a_plain_copy_is_one_call_that_copies_the_metadata() -> None:
    world = world_with()
    copied(world, world.client.copy(SOURCE, DEST))
    (call,) = committed(world)
    assert getattr(call, "metadata_directive", None) == "COPY"


def test_a_copy_of_a_range_in_one_call_is_not_said_to_have_the_digest_of_the_whole() -> None:
    """Nor does a copy of a copy stay bound to the plan of the first."""
    world = world_with()
    first = copied(world, world.client.copy(SOURCE, DEST, max_part_size=10))
    assert {LARGE_FILE_SHA1, PLAN_ID} <= first.info.keys()
    made = copied(world, world.client.copy(DEST, f"{DEST}2", wanted=ByteRange(1, 40)))
    assert not {LARGE_FILE_SHA1, PLAN_ID} & made.info.keys()
    assert made.info["color"] == "red"


@pytest.mark.parametrize("count", [8, 9, 10])
def test_what_we_add_to_the_info_leaves_room_for_what_the_caller_says(count: int) -> None:
    """B2 takes ten pairs. A copy without the identity of its plan is not gone on with, but it is made."""
    world, info = world_with(), {f"key{n}": "x" for n in range(count)}
    for result in (
        world.client.copy(SOURCE, DEST, file_info=info, max_part_size=10),
        world.client.upload(DATA, f"{DEST}2", file_info=info),
    ):
        made = copied(world, result)
        assert described(made)[1] == info
        assert len(made.info) <= MAX_INFO_PAIRS
        assert made.data == DATA


# --- from where, to where ---------------------------------------------------------------------------------------------


@PARTS_OR_NOT
@pytest.mark.parametrize("form", ["name", "id", "listed file", "version"])
def test_a_source_is_a_name_an_id_or_what_a_listing_gave(form: str, part_size: int) -> None:
    world = world_with()
    (listed,) = world.client.ls(f"b2://{BUCKET}", recursive=True)
    (path,) = world.versions(BUCKET).items
    source: Any = {
        "name": SOURCE,
        "id": f"b2id://{listed.file_id}",
        "listed file": listed,
        "version": path.visible(),  # type: ignore[union-attr]  # it is a path of B2
    }[form]
    made = copied(world, world.client.copy(source, "b2://other/x", max_part_size=part_size), "other")
    assert (made.file.file_name, made.data) == ("x", DATA)
    into = world.client.copy(source, "b2://other/in/", max_part_size=part_size)
    if form == "version":  # which does not tell its name
        assert isinstance(into.failure(), InvalidArgument)
    else:
        assert copied(world, into, "other").file.file_name == "in/source"


def test_the_newest_version_that_shows_is_what_a_name_means() -> None:
    world = world_with(b"old")
    world.client.upload(b"new", SOURCE).unwrap()
    assert copied(world, world.client.copy(SOURCE, DEST)).data == b"new"


@pytest.mark.parametrize(
    ("source", "dest", "wanted", "told"),
    [
        ("b2://bucket/none", DEST, None, "there is no file b2://bucket/none"),
        ("b2://nowhere/x", DEST, None, "nowhere"),
        (SOURCE, "b2://nowhere/x", None, "nowhere"),
        (SOURCE, "/tmp/x", None, "write b2://bucket/name"),
        (SOURCE, "b2://bucket//x", None, "'/x'"),
        (SOURCE, DEST, ByteRange(41, 50), "no range of a file of 40 bytes"),
        (SOURCE, DEST, ByteRange(40, 40), "no range of a file of 40 bytes"),
        ("b2id://4_z0_f0", DEST, None, ""),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_made(
    source: str, dest: str, wanted: ByteRange | None, told: str
) -> None:
    world = world_with()
    assert told in str(world.client.copy(source, dest, wanted=wanted).failure())
    assert not committed(world)


def test_a_time_of_its_own_is_not_for_copies_in_one_call() -> None:
    world = world_with()
    error = world.client.copy(SOURCE, DEST, custom_upload_timestamp=1).failure()
    assert isinstance(error, Rejected)
    assert "no upload timestamp of its own" in error.message
    assert not committed(world)


# --- customer's keys --------------------------------------------------------------------------------------------------


@PARTS_OR_NOT
def test_a_source_with_a_customers_key_is_read_with_it_and_the_copy_has_its_own(part_size: int) -> None:
    world = world_with(encryption=KEY)
    for new, mode in ((None, None), (OTHER, "SSE-C"), (SseB2(), "SSE-B2")):
        result = world.client.copy(SOURCE, DEST, encryption=new, source_encryption=KEY, max_part_size=part_size)
        made = copied(world, result)
        assert made.data == DATA
        assert made.file.server_side_encryption is not None
        assert made.file.server_side_encryption.mode == mode


@PARTS_OR_NOT
@pytest.mark.parametrize("key", [None, OTHER])
def test_without_the_right_key_nothing_is_copied_and_nothing_left(key: SseC | None, part_size: int) -> None:
    world = world_with(encryption=KEY)
    assert isinstance(
        world.client.copy(SOURCE, DEST, source_encryption=key, max_part_size=part_size).failure(), Rejected
    )
    assert len(files_in(world)) == 1
    assert not unfinished_in(world)


# --- going on ---------------------------------------------------------------------------------------------------------


def copied_parts(world: SimulatedB2) -> list[int]:
    return sorted(call.part_number for call in committed(world) if isinstance(call, CopyPart))


@given(st.integers(0, 90), st.sampled_from((None, ByteRange(5, 35))), SEEDS)
def test_a_finished_part_is_not_copied_again(moments: int, wanted: ByteRange | None, seed: int) -> None:
    world, heard = world_with(seed=seed), list[LargeFileBegun]()

    def act() -> Any:
        return world.client.copy(SOURCE, DEST, wanted=wanted, max_part_size=5, on_large_file=heard.append)

    crashing(world, moments, act)
    done = copied_parts(world)
    if len(files_in(world)) == 1:
        made = copied(world, act())
        assert made.data == DATA[wanted.start if wanted else 0 : wanted.stop if wanted else None]
        if done:
            assert [verdict.why for verdict in heard[-1].decision.verdicts] == [Taken(len(done))]
    assert copied_parts(world) == list(range(1, len(set(copied_parts(world))) + 1))
    assert count_committed(world)["b2_start_large_file"] == 1


def left_by_copy(world: SimulatedB2, **choices: Any) -> str:
    assert crashing(world, 40, lambda: world.client.copy(SOURCE, DEST, max_part_size=5, **choices))
    (left,) = unfinished_in(world)
    return str(left.file_id)


@pytest.mark.parametrize("change", ["another source", "another range", "other parts"])
def test_a_copy_of_something_else_is_not_gone_on_with(change: str) -> None:
    """B2 tells nobody what a part was copied from; the identity of the plan in the file info does."""
    world, heard = world_with(), list[LargeFileBegun]()
    left = left_by_copy(world)
    if change == "another source":
        world.client.upload(bytes(40), SOURCE, OLD).unwrap()
    wanted = ByteRange(0, 39) if change == "another range" else None
    part_size = 6 if change == "other parts" else 5
    made = world.client.copy(SOURCE, DEST, wanted=wanted, max_part_size=part_size, on_large_file=heard.append).unwrap()
    assert made.file_id != left
    (verdict,) = heard[0].decision.verdicts
    assert isinstance(verdict.why, OtherInfo)
    assert PLAN_ID in verdict.why.keys
    assert [str(file.file_id) for file in unfinished_in(world)] == [left]


def test_without_resume_a_copy_starts_anew_and_with_an_id_it_goes_on_with_that_one() -> None:
    world = world_with()
    left = left_by_copy(world)
    assert world.client.copy(SOURCE, DEST, max_part_size=5, resume=False).unwrap().file_id != left
    assert world.client.copy(SOURCE, DEST, max_part_size=5, resume=FileId(left)).unwrap().file_id == left
    assert not unfinished_in(world)


# --- weather ----------------------------------------------------------------------------------------------------------

PATIENT: Final = RetryPolicy(max_attempts=30, max_total_delay=100_000)


def in_weather(world: SimulatedB2, faults: FaultScript) -> SimulatedB2:
    """The same B2, where the next calls are struck by these."""
    return evolve(world, api=FaultyApi(world.api, faults, clock=world.clock), retry=PATIENT)


@given(st.binary(min_size=1, max_size=40), fault_scripts(), st.sampled_from((5, MAX_PART_SIZE)), SEEDS)
def test_a_copy_through_any_passing_weather_is_the_source(
    data: bytes, faults: FaultScript, part_size: int, seed: int
) -> None:
    """And it is made once."""
    world = world_with(data, seed=seed)
    made = copied(world, in_weather(world, faults).client.copy(SOURCE, DEST, max_part_size=part_size))
    assert made.data == data
    assert len(files_in(world)) == 2


@PARTS_OR_NOT
@given(times=st.integers(1, 2), seed=SEEDS)
def test_a_lost_reply_does_nothing_twice(part_size: int, times: int, seed: int) -> None:
    """What was done is found. Only a part is copied again: one of the same number takes its place, at no other cost."""
    calm = world_with(seed=seed)
    copied(calm, calm.client.copy(SOURCE, DEST, max_part_size=part_size))
    expected = count_committed(calm)
    for name in expected:
        world = world_with(seed=seed)
        stormy = in_weather(world, (DropReplyAfterCommit(name, 1, times=times),))
        made = copied(world, stormy.client.copy(SOURCE, DEST, max_part_size=part_size))
        assert made.data == DATA
        again = {name: expected[name] + times} if name == "b2_copy_part" else {}
        assert count_committed(world) == {**expected, **again}
