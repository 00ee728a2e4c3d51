"""Laws of streams that go on with what an earlier run left: never another object, and equal pieces are sent once."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uploads_support import (
    BUCKET,
    MINIMUM,
    RECOMMENDED,
    Trickle,
    content,
    crashing,
    files_in,
    make_world,
    sent_parts,
    starts,
    unfinished_in,
)

from b2pure.effects.events import LargeFileBegun
from b2pure.effects.program import ok
from b2pure.model.errors import Rejected
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import PartSizes
from b2pure.model.new_file import NewFile
from b2pure.model.protection import SseC
from b2pure.model.replies import FileReply, PartReply
from b2pure.plan.resume import Candidate, OtherParts, StreamStart, Taken, Wanted, choose_unfinished
from b2pure.testing import SimulatedB2

DEST: Final = f"b2://{BUCKET}/n"
SEEDS: Final = st.integers(0, 10_000)
DATA: Final = st.builds(content, st.integers(12, 60), st.integers(0, 3))


def killed(world: SimulatedB2, data: bytes, moments: int) -> bool:
    """Whether a run that ended after so many moments left an unfinished file."""
    crashing(world, moments, lambda: world.client.upload(Trickle(data), DEST).unwrap())
    return bool(unfinished_in(world))


@given(DATA, st.integers(0, 120), SEEDS)
def test_the_same_stream_again_sends_only_what_is_missing(data: bytes, moments: int, seed: int) -> None:
    world, heard = make_world(seed=seed), list[LargeFileBegun]()
    if not killed(world, data, moments):
        return
    done = sent_parts(world)
    world.client.upload(Trickle(data), DEST, on_large_file=heard.append).unwrap()
    assert [made.data for made in files_in(world)] == [data]
    if 1 in done:
        assert sent_parts(world) == sorted(set(sent_parts(world)))
        assert starts(world) == 1
        assert [verdict.why for verdict in heard[0].decision.verdicts] == [Taken(len(done))]
        assert not unfinished_in(world)
    else:
        assert starts(world) == 2, "nothing there tells whether it is the same stream"


@given(DATA, DATA, st.integers(0, 60), st.integers(0, 120), SEEDS)
def test_whatever_an_earlier_run_left_the_object_is_the_stream(
    old: bytes, new: bytes, common: int, moments: int, seed: int
) -> None:
    """Or there is none, because it is shorter than what began as it does: then the next run makes it."""
    world = make_world(seed=seed)
    killed(world, old, moments)
    before, new = len(files_in(world)), old[:common] + new
    result = world.client.upload(Trickle(new), DEST)
    if not ok(result):
        error = result.failure()
        assert isinstance(error, Rejected)
        assert "run the upload again" in error.message
        assert len(new) < len(old)
        assert new[:RECOMMENDED] == old[:RECOMMENDED]
        assert not unfinished_in(world)
        world.client.upload(Trickle(new), DEST).unwrap()
    assert [made.data for made in files_in(world)][before:] == [new] or new in [made.data for made in files_in(world)]
    assert len(files_in(world)) == before + 1


def test_killed_at_each_moment_and_run_again() -> None:
    data = content(40, 1)
    taken = 0
    for moments in range(1, 90):
        world = make_world()
        killed(world, data, moments)
        if files_in(world):
            break
        world.client.upload(Trickle(data), DEST).unwrap()
        assert [made.data for made in files_in(world)] == [data]
        taken += starts(world) == 1
    assert taken > 10


def test_with_resume_false_all_is_sent_anew() -> None:
    world = make_world()
    data = content(40, 1)
    assert killed(world, data, 60)
    left = unfinished_in(world)
    world.client.upload(Trickle(data), DEST, resume=False).unwrap()
    assert unfinished_in(world) == left


def test_the_file_of_a_customers_key_is_not_gone_on_with() -> None:
    """A part that is there already proves no key, and the last one only shows at the end."""
    key, data = SseC.of(b"k" * 32), content(40, 1)
    world = make_world()
    crashing(world, 60, lambda: world.client.upload(Trickle(data), DEST, encryption=key).unwrap())
    assert unfinished_in(world)
    world.client.upload(Trickle(data), DEST, encryption=SseC.of(b"o" * 32)).unwrap()
    assert starts(world) == 2


# --- the decision -----------------------------------------------------------------------------------------------------

SIZES: Final = PartSizes(RECOMMENDED, MINIMUM)


def digest(number: int) -> str:
    return sha1(b"%d" % number).hexdigest()


WANTED: Final = Wanted("n", "text/plain", {}, NewFile("text/plain"), None, StreamStart(digest(1), SIZES))


def candidate(*lengths: int | None, first: str = digest(1)) -> Candidate:
    """With parts of these lengths; None is one that is missing."""
    parts = tuple(
        PartReply(FileId("f"), number, length, first if number == 1 else digest(number), None, 0)
        for number, length in enumerate(lengths, 1)
        if length is not None
    )
    file = FileReply(
        account_id=AccountId("a"),
        action="start",
        bucket_id=BucketId("b"),
        content_length=0,
        content_sha1="none",
        file_id=FileId("f"),
        file_name="n",
        upload_timestamp=1,
        content_type="text/plain",
        file_info={},
    )
    return Candidate(file, parts)


@pytest.mark.parametrize(
    ("found", "objection"),
    [
        (candidate(5, 5, 5), None),
        (candidate(5, None, 5), None),
        (candidate(5, 5, 2), None),
        (candidate(5), None),
        (candidate(), 1),
        (candidate(None, 5), 1),
        (candidate(5, first="0" * 40), 1),
        (candidate(5, 4, 5), 2),
        (candidate(5, 5, 6), 3),
    ],
)
def test_a_candidate_for_a_stream_begins_as_it_does_and_is_cut_alike(found: Candidate, objection: int | None) -> None:
    (verdict,) = choose_unfinished(WANTED, [found]).verdicts
    if objection is None:
        assert verdict.why == Taken(len(found.parts))
    else:
        assert isinstance(verdict.why, OtherParts)
        assert verdict.why.number == objection


# --- what looks like a stream and can be read again -------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 3, 40])
def test_an_open_file_is_sent_from_where_it_stands_and_gone_on_with(tmp_path: Path, start: int) -> None:
    """It was hashed before, so a candidate is compared as a whole; the file is left at its end."""
    data, world = content(40, 1), make_world()
    (tmp_path / "file").write_bytes(data)
    with open(tmp_path / "file", "rb") as file:
        file.seek(start)
        crashed = crashing(world, 60, lambda: world.client.upload(file, DEST).unwrap())
        done = sent_parts(world)
        file.seek(start)
        world.client.upload(file, DEST).unwrap()
        assert (file.tell(), file.closed) == (40, False)
    assert crashed == (start < 40)
    assert {made.data for made in files_in(world)} == {data[start:]}
    assert sent_parts(world) == sorted(set(sent_parts(world)))
    assert not unfinished_in(world)
    if start < 40:
        assert done
        assert starts(world) == 1


def test_an_open_file_whose_name_is_another_files_is_read_itself(tmp_path: Path) -> None:
    world = make_world()
    (tmp_path / "file").write_bytes(b"old" * 9)
    with open(tmp_path / "file", "rb") as file:
        (tmp_path / "other").write_bytes(b"new" * 9)
        (tmp_path / "other").replace(tmp_path / "file")
        world.client.upload(file, DEST).unwrap()
    assert [made.data for made in files_in(world)] == [b"old" * 9]
