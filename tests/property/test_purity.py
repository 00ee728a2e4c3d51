"""The core touches nothing of the world, and what it returns cannot change: architecture 4.9.

A child process arms an audit hook that raises on every file, socket and process, and on the clock and chance by
patching them, and then plans. The corpus is `corpus()` below, the same that the deep-freeze walk looks at.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import msgspec
from returns.result import Failure, Success

from b2pure.model.account import Allowed, Authorization
from b2pure.model.errors import Throttled
from b2pure.model.files import B2Path, B2Tree, FileVersion, LocalFact, LocalPath, LocalTree, SkippedPath
from b2pure.model.ids import AccountId, FileId
from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.policy import (
    CompareVersionMode,
    Delete,
    KeepDays,
    KeepOrDelete,
    NewerFileSyncMode,
    NoDelete,
    RetentionClock,
    ScanPolicies,
    SyncPolicy,
)
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, LocalSlice
from b2pure.plan.actions import actions_of, edges
from b2pure.plan.bandwidth import Bucket, step_bucket
from b2pure.plan.codec import action_id
from b2pure.plan.concurrency import Answered, PushedBack, Workers, initial, step_concurrency
from b2pure.plan.cost import cost_of
from b2pure.plan.download import piece_size
from b2pure.plan.drift import dest_drift
from b2pure.plan.emerge import draw, emerge, emerge_lines, explain, plan_emerge, plan_id, read_emerge_lines, summary
from b2pure.plan.emerge.plan import PRIORITIES
from b2pure.plan.emerge.stream import plan_stream
from b2pure.plan.failures import PlanFailed
from b2pure.plan.parts import choose_part_ranges, part_ranges
from b2pure.plan.plan import SyncPlan, plan_sync
from b2pure.plan.retention import retain
from b2pure.plan.retry import RetryPolicy, RetryState, step_retry
from b2pure.plan.session import Authorized, Need, SessionState, step_session
from b2pure.plan.urls import Pool, Take, step_pool

NOW = 1_700_000_000_000
_DAY = 86_400_000
_ROOT = Path(__file__).parents[2]

# --- the corpus ------------------------------------------------------------------------------------------------------


def _versions(path: str, count: int) -> tuple[FileVersion, ...]:
    return tuple(
        FileVersion(
            FileId(f"{path}{n}"),
            "hide" if n % 3 == 2 else "upload",
            n,
            NOW - n * 7 * _DAY,
            NOW - n * 7 * _DAY,
            "0" * 40 if n else None,
        )
        for n in range(count)
    )


def _trees() -> Iterator[tuple[LocalTree | B2Tree, LocalTree | B2Tree]]:
    local = LocalTree(
        (
            LocalPath("a", 1, NOW),
            LocalPath("b/c", 0, NOW - 40 * _DAY, "0" * 40),
            LocalPath("big", 12_000_000_000, NOW),
            LocalPath("bad//name", 1, 1),
            SkippedPath("d", "unreadable", "no", subtree=True),
            LocalPath("é", 5, NOW),
        )
    )
    bucket = B2Tree(
        tuple(B2Path(path, _versions(path, n)) for n, path in enumerate(("a", "b/c", "big", "d/x", "gone"), 1))
    )
    local = LocalTree(tuple(sorted(local, key=lambda item: item.path)))
    yield local, bucket
    yield bucket, local
    yield bucket, B2Tree(tuple(bucket)[::2])
    yield local, B2Tree(())


def _policies() -> Iterator[SyncPolicy]:
    keeps: tuple[KeepOrDelete, ...] = (NoDelete(), Delete(), KeepDays(10), KeepDays(0.5, RetentionClock.MOD_TIME))
    scans = (ScanPolicies(), ScanPolicies(("b",), (r".*\.txt",), ("a",), exclude_modified_before=NOW - 30 * _DAY))
    for keep in keeps:
        for compare in CompareVersionMode:
            for newer in NewerFileSyncMode:
                for scan in scans:
                    yield SyncPolicy(keep=keep, compare=compare, newer=newer, scan=scan)


def corpus() -> Iterator[object]:
    """Everything that planners and machines return, over enough input to reach most of their lines."""
    for source, dest in _trees():
        for policy in _policies():
            if isinstance(dest, LocalTree) and isinstance(policy.keep, KeepDays):
                continue
            yield from _of_plan(plan_sync(source, dest, policy, now_millis=NOW, include_quiet=True))
    for keep in (NoDelete(), Delete(), KeepDays(10)):
        yield retain(_versions("a", 6), keep, now_millis=NOW)
    yield part_ranges(12_345_678_901)
    yield part_ranges(10**14)
    yield choose_part_ranges(1000, 300)
    yield piece_size(10**9, 100_000_000)
    yield step_retry(RetryPolicy(), RetryState(), Throttled(3), "upload", 0)[1]
    authorization = Authorization(AccountId("a"), "token", "https://api", "https://down", Allowed(frozenset({"x"})))
    yield step_session(SessionState(), Need())
    yield step_session(SessionState(authorizing=True), Authorized(authorization))
    yield step_pool(Pool(), Take())
    yield step_concurrency(Workers(), initial(Workers()), Answered(1, 1, 1, True), NOW)
    yield step_concurrency(Workers(), initial(Workers()), PushedBack(1, 1), NOW)
    yield step_bucket(1000, Bucket(), 10_000, NOW)
    yield from _emerged()


def _emerged() -> Iterator[object]:
    fact = LocalFact(10**10, 1)
    intents = (
        WriteIntent(CopySource(FileId("f"), ByteRange(0, 100_000_000)), 0),
        WriteIntent(LocalSlice("a", ByteRange(0, 30_000_000), fact), 50_000_000),
        WriteIntent(LocalSlice("a", ByteRange(30_000_000, 133_000_000), fact), 99_000_000),
        WriteIntent(CopySource(FileId("g"), ByteRange(0, 3_000_000), "md5"), 201_000_000),
        WriteIntent(Blob(b"end"), 204_000_000),
    )
    for rule in OverlapRule:
        for prioritize in PRIORITIES:
            plan = plan_emerge(intents, prioritize=prioritize, overlap=rule)
            lines = emerge_lines(plan).unwrap()
            yield plan
            yield plan.cost
            yield plan_id(plan)
            yield lines
            yield read_emerge_lines(lines)
            yield draw(plan)
            yield summary(plan)
            yield explain(plan, len(plan.parts))
            yield tuple(plan_stream(intents, prioritize=prioritize, overlap=rule))
            yield emerge(intents[1:], prioritize, rule, plan.limits)


def _of_plan(plan: SyncPlan) -> Iterator[object]:
    yield plan.header
    yield plan.trailer()
    yield plan.summary()
    yield plan.lacks(Allowed(frozenset({"readFiles"}), name_prefix="x/"))
    for sync in plan:
        yield sync
        yield edges(sync)
        yield plan.explain(sync.path)
        yield dest_drift(sync, None)
        for action in actions_of(sync):
            yield action_id(action)
            yield cost_of(action)
    lines = list(plan.lines())
    yield SyncPlan.from_lines(lambda: lines).map(lambda loaded: tuple(loaded))
    yield SyncPlan.from_lines(lambda: lines[:-1]).map(lambda _: None)
    try:
        list(plan_sync(LocalTree((LocalPath("b", 1, 1), LocalPath("a", 1, 1))), B2Tree(()), now_millis=0))
    except PlanFailed as failed:
        yield failed.failure


# --- the sandbox -----------------------------------------------------------------------------------------------------

_SANDBOX = """
import sys
import test_purity

list(test_purity.corpus())  # what is imported or compiled on first use is not what is looked for here

FORBIDDEN = ("open", "os.", "socket.", "subprocess.", "shutil.", "tempfile.", "import", "ctypes.", "sqlite3.",
             "glob.", "pathlib.", "urllib.", "http.", "exec", "compile")
armed = True

def hook(event, arguments):
    if armed and event.startswith(FORBIDDEN):
        raise RuntimeError(f"the core did {event}{arguments}")

def forbidden(*arguments, **more):
    raise RuntimeError("the core asked for the time or for chance")

import os, random, time
for module, names in (
    (time, ("time", "time_ns", "monotonic", "perf_counter", "sleep")),
    (random, ("random", "randint", "choice")),
    (os, ("urandom", "stat", "getcwd")),
):
    for name in names:
        setattr(module, name, forbidden)
sys.addaudithook(hook)
try:
    open("/dev/null")
    raise SystemExit("the sandbox does not hold")
except RuntimeError:
    pass
count = sum(1 for _ in test_purity.corpus())
armed = False
print(count)
"""


def _child(script: str) -> str:
    paths = os.pathsep.join([str(Path(__file__).parent), str(_ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_planners_touch_no_file_no_socket_no_process_no_clock() -> None:
    """The sandbox."""
    assert int(_child(_SANDBOX)) > 1000


def test_the_planner_is_imported_without_the_network() -> None:
    """`import b2pure.plan` and all its modules bring neither httpx nor anything else that talks."""
    script = """
import importlib, pkgutil, sys
import b2pure.plan
for module in pkgutil.iter_modules(b2pure.plan.__path__):
    importlib.import_module(f"b2pure.plan.{module.name}")
print(sorted({"httpx", "ssl", "click", "tqdm", "uvicorn", "b2sdk", "sqlite3", "hypothesis"} & set(sys.modules)))
"""
    assert _child(script) == "[]"


def test_without_hypothesis_the_testing_package_says_what_to_install() -> None:
    """`b2pure.testing` needs an extra, and names it."""
    script = """
import sys
sys.modules["hypothesis"] = None
try:
    from b2pure.testing import b2_trees
except ImportError as error:
    print(error)
"""
    assert "pip install 'b2pure[testing]'" in _child(script)


# --- deep freeze -----------------------------------------------------------------------------------------------------


def _frozen_problem(value: Any, where: str) -> str | None:
    """Where something that can change, or a float that is no keep_days, is in the value; None if nowhere."""
    if value is None or type(value) in (str, int, bytes, bool) or isinstance(value, Enum):
        return None
    if type(value) is float:
        return None if where.endswith("KeepDays.days") or ".seconds" in where else f"{where} is a float"
    if type(value) in (tuple, frozenset):
        problems = (_frozen_problem(part, f"{where}[{i}]") for i, part in enumerate(value))
        return next(filter(None, problems), None)
    if isinstance(value, Success | Failure):
        inside = value.unwrap() if isinstance(value, Success) else value.failure()
        return _frozen_problem(inside, f"{where}.{type(value).__name__}")
    if isinstance(value, msgspec.Struct):
        if not value.__struct_config__.frozen:
            return f"{where} is a Struct that is not frozen"
        return _fields_problem(value, value.__struct_fields__, where)
    if attrs.has(type(value)):
        if not _is_frozen_attrs(value):
            return f"{where} is an attrs class that is not frozen"
        return _fields_problem(value, tuple(field.name for field in attrs.fields(type(value))), where)
    return f"{where} is a {type(value).__name__}"


def _fields_problem(value: Any, names: tuple[str, ...], where: str) -> str | None:
    kind = type(value).__name__
    problems = (_frozen_problem(getattr(value, name), f"{where}.{kind}.{name}") for name in names)
    return next(filter(None, problems), None)


def _is_frozen_attrs(value: Any) -> bool:
    names = [field.name for field in attrs.fields(type(value))]
    try:
        setattr(value, names[0] if names else "anything", None)
    except attrs.exceptions.FrozenInstanceError:
        return True
    return False


def test_what_planners_return_is_frozen_all_the_way_down() -> None:
    """Only frozen attrs and Structs, enums, str, int, bytes, bool, None, tuples and frozensets; floats only in days
    and seconds.
    """
    kinds = set()
    for value in corpus():
        kinds.add(type(value).__name__)
        assert _frozen_problem(value, "result") is None
    assert {"FileSync", "Cost", "PlanHeader", "PlanTrailer", "TooLarge", "OutOfOrder", "Drift"} <= kinds


def test_what_planners_return_can_be_hashed() -> None:
    """All of it can be a key: nothing that can change hides in it."""
    for value in corpus():
        hash(value)


def test_planning_changes_nothing_that_it_was_given() -> None:
    """The trees are the same values before and after."""
    before = [(tuple(source), tuple(dest)) for source, dest in _trees()]
    trees = list(_trees())
    for source, dest in trees:
        list(plan_sync(source, dest, SyncPolicy(keep=Delete()), now_millis=NOW))
    assert [(tuple(source), tuple(dest)) for source, dest in trees] == before
