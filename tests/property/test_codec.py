"""Plans as lines: laws L33 and L34."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from oracles import check_frozen_json
from planned import Tree
from returns.result import Failure, Result

from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalPath, LocalTree
from b2pure.model.ids import BucketId, FileId
from b2pure.model.places import B2Folder, LocalFolder
from b2pure.model.policy import Delete, KeepDays, NewerFileSyncMode, SyncPolicy
from b2pure.plan.actions import actions_of
from b2pure.plan.codec import action_id, canonical
from b2pure.plan.failures import BadPlanLine, PlanFailed, PlanFailure, Truncated
from b2pure.plan.plan import SyncPlan, plan_sync
from b2pure.testing import NOW_MILLIS, b2_pairs, down_pairs, pairs_of_trees, scan_policies, sync_policies

_SYNCS: st.SearchStrategy[tuple[tuple[Tree, Tree], SyncPolicy]] = st.one_of(
    st.tuples(pairs_of_trees(max_files=4, large=True), sync_policies("up", scan=scan_policies())),
    st.tuples(down_pairs(max_files=4), sync_policies("down")),
    st.tuples(b2_pairs(max_files=4, large=True), sync_policies("copy")),
)
_PLANS = st.builds(
    lambda sync, quiet: plan_sync(sync[0][0], sync[0][1], sync[1], now_millis=NOW_MILLIS, include_quiet=quiet),
    _SYNCS,
    st.booleans(),
)


def _read(lines: Sequence[bytes]) -> Result[SyncPlan, PlanFailure]:
    return SyncPlan.from_lines(lambda: lines)


@given(_PLANS)
def test_a_saved_plan_is_the_plan(plan: SyncPlan) -> None:
    """L33: decode(encode(p)) = p, with its totals; encode(decode(lines)) = lines."""
    lines = list(plan.lines())
    loaded = _read(lines).unwrap()
    assert loaded == plan
    assert list(loaded) == list(plan)
    assert loaded.header == plan.header
    assert loaded.summarize() == plan.summarize()
    assert list(loaded.lines()) == lines


@given(_PLANS)
def test_every_line_is_canonical_json(plan: SyncPlan) -> None:
    """L33: sorted keys, no spaces, nothing escaped without need, as the standard library would write it."""
    for line in plan.lines():
        check_frozen_json(line)


@given(_PLANS)
def test_any_truncation_is_a_failure(plan: SyncPlan) -> None:
    """L33: between lines and inside of them."""
    lines = list(plan.lines())
    for count in range(len(lines)):
        assert isinstance(_read(lines[:count]), Failure)
        assert isinstance(_read([*lines[:count], lines[count][: len(lines[count]) // 2]]), Failure)
        assert isinstance(_read([*lines[:count], lines[count][:-1]]), Failure)
    assert _read(lines[:-1]) == Failure(Truncated(len(lines) - 1))


@given(_PLANS, st.data())
def test_any_change_of_a_byte_is_a_failure_or_another_plan(plan: SyncPlan, data: st.DataObject) -> None:
    """L33."""
    whole = b"".join(plan.lines())
    for _ in range(5):
        at = data.draw(st.integers(0, len(whole) - 1))
        byte = data.draw(st.one_of(st.sampled_from(b'0123456789",\n e'), st.integers(0, 255)))
        if whole[at] == byte:
            continue
        changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
        read = _read(changed.splitlines(keepends=True))
        assert isinstance(read, Failure) or read.unwrap().plan_id != plan.plan_id


def test_every_single_byte_of_a_small_plan_is_protected() -> None:
    """L33, at every place: no byte of the file can become one of these digits unnoticed."""
    whole = b"".join(_example(("a", "b")).lines())
    for at in range(len(whole)):
        for byte in b"019":
            changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
            assert changed == whole or isinstance(_read(changed.splitlines(keepends=True)), Failure)


@given(_PLANS, st.data())
def test_lines_lost_doubled_or_swapped_are_failures(plan: SyncPlan, data: st.DataObject) -> None:
    """L33: no line can be left out, said twice or moved."""
    lines = list(plan.lines())
    at = data.draw(st.integers(0, len(lines) - 1))
    assert isinstance(_read(lines[:at] + lines[at + 1 :]), Failure)
    assert isinstance(_read([*lines[: at + 1], *lines[at:]]), Failure)
    if at + 1 < len(lines):
        swapped = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        assert isinstance(_read(swapped), Failure)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"type":"upload"', b'"type":"unknown"'),
        (b',"size":1}', b',"size":1,"sizes":1}'),
        (b',"size":1}', b"}"),
        (b',"size":1}', b',"size":1.0}'),
        (b',"size":1}', b',"size": 1}'),
        (b',"size":1}', b',"size":"1"}'),
        (b',"size":1}', b',"size":1,"size":1}'),
        (b"\xc3\xbc", b"\\u00fc"),
        (b"\xc3\xbc", b"\xc3"),
    ],
)
def test_the_vocabulary_and_the_form_are_closed(old: bytes, new: bytes) -> None:
    """L33: unknown tags, extra, missing or doubled fields, other spellings of a value are told with their line."""
    lines = list(_example().lines())
    changed = [line.replace(old, new, 1) for line in lines]
    assert changed != lines
    number = next(i for i, (a, b) in enumerate(zip(lines, changed, strict=True), start=1) if a != b)
    failure = _read(changed).failure()
    assert isinstance(failure, BadPlanLine)
    assert failure.line == number


def test_garbage_is_a_failure() -> None:
    """L33: reading is total."""
    for lines in ([], [b""], [b"\n"], [b"{}\n"], [b"\xff\n"], [b"[" * 100_000 + b"\n"], [b"null\n"], [b"x" * 10]):
        assert isinstance(_read(lines), Failure)


@given(_PLANS, _PLANS)
def test_ids_are_equal_exactly_for_equal_plans(one: SyncPlan, other: SyncPlan) -> None:
    """L34."""
    assert (one == other) == (one.plan_id == other.plan_id)
    again = SyncPlan(one.header, one.groups)
    assert again == one
    assert again.plan_id == one.plan_id


@given(_PLANS)
def test_the_id_says_who_asked_and_when(plan: SyncPlan) -> None:
    """L34: another header is another plan, even with the same paths."""
    later = SyncPlan(replace(plan.header, now_millis=plan.header.now_millis + 1), plan.groups)
    assert later != plan
    assert later.plan_id != plan.plan_id


@given(_PLANS)
def test_the_id_is_the_same_however_the_plan_is_read(plan: SyncPlan) -> None:
    """L34: written as a stream, loaded, or read only for its trailer."""
    assert _read(list(plan.lines())).unwrap().plan_id == plan.trailer().plan_id == plan.plan_id
    for sync in plan:
        ids = [action_id(action) for action in actions_of(sync)]
        assert len(set(ids)) == len(set(actions_of(sync)))
        assert all(
            canonical(action) == canonical(again) for action, again in zip(*(actions_of(sync),) * 2, strict=True)
        )


def _trees(names: Sequence[str]) -> tuple[Tree, Tree]:
    day = 86_400_000
    source = LocalTree(tuple(LocalPath(name, 1, NOW_MILLIS) for name in names[:-1]))
    dest = B2Tree(
        tuple(
            B2Path(
                name,
                tuple(
                    FileVersion(
                        FileId(f"{name}-{k}"), "upload", k, NOW_MILLIS - k * 20 * day - 1, NOW_MILLIS - k * 20 * day
                    )
                    for k in range(3)
                ),
            )
            for name in names[1:]
        )
    )
    return source, dest


_NAMES = tuple(f"{folder}/{i}" for folder in ("a", "b", "ü") for i in range(5))


def _example(names: Sequence[str] = _NAMES) -> SyncPlan:
    policy = SyncPolicy(keep=KeepDays(10.5), newer=NewerFileSyncMode.SKIP)
    bucket = B2Folder("bucket", "x/", BucketId("id"))
    return plan_sync(*_trees(names), policy, now_millis=NOW_MILLIS, source_place=LocalFolder("/s"), dest_place=bucket)


_ID_SCRIPT = "import test_codec as t; print(t.example_ids())"


def example_ids() -> str:
    """The ids of two plans, for a process to tell another."""
    other = plan_sync(*_trees(_NAMES), SyncPolicy(keep=Delete(), allow_empty_source=True), now_millis=NOW_MILLIS)
    return f"{_example().plan_id} {other.plan_id} {sorted(_example().summarize().capabilities)}"


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_the_id_is_the_same_in_every_process(seed: str) -> None:
    """L34: whatever the hash seed."""
    here = str(Path(__file__).parent)
    paths = os.pathsep.join([here, str(Path(__file__).parents[2])])
    told = subprocess.run(
        [sys.executable, "-c", _ID_SCRIPT],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.strip() == example_ids()


def test_a_plan_from_streams_is_read_once() -> None:
    """L34: the second reading of a one-way stream is a failure, not another plan."""
    source, dest = _trees(_NAMES)
    plan = plan_sync(LocalTree(iter(tuple(source))), dest, SyncPolicy(), now_millis=NOW_MILLIS)  # type: ignore[arg-type]  # a wrong one, on purpose
    assert list(plan)
    with pytest.raises(PlanFailed):
        list(plan)
