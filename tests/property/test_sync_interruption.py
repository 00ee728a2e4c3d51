"""Laws of runs that go wrong: killed at any moment, beset by faults, over files that change under their hands.

Rules. A killed run is `stop_after`: no program gets to clean up. Faults are data and finite. Content that keeps both
size and modification time while it changes cannot be noticed by anybody who looks at these; no law here is about it.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from worlds_support import (
    Scene,
    Step,
    Version,
    build,
    content,
    fault_scripts,
    history,
    jobs,
    names_in,
    plain_client,
    scenes,
    shown,
    source_shown,
    sync,
    unfinished,
    watch_names,
)

from b2pure.effects.driver import Driver
from b2pure.effects.effect import AnyEffect, Emit, Now, StepSession
from b2pure.effects.events import PathStarted
from b2pure.effects.faults import (
    UPLOADS,
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Fault,
    FaultScript,
)
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program, perform
from b2pure.effects.seeded import Crashed, SeededDriver
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.threads import Stopped, ThreadDriver
from b2pure.model.calls import StartLargeFile
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NoDelete
from b2pure.plan.session import Authorize, Need
from b2pure.testing import SimulatedB2

# A plan made from a scan keeps its lines in an unnamed file that it leaves to the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SEEDS = st.integers(0, 10_000)
WORKERS = 4
A_DAY = 86_400_000


# --- L11 -------------------------------------------------------------------------------------------------------------


def crash(world: SimulatedB2, scene: Scene, keep: KeepOrDelete, moments: int) -> bool:
    """Run until that many moments have passed; whether that was before the end."""
    world.stop_after = moments
    try:
        sync(world, scene, keep)
    except Crashed:
        return True
    finally:
        world.stop_after = None
    return False


def check_resumed(scene: Scene, keep: KeepOrDelete, seed: int, moments: int, whole: SimulatedB2) -> bool:
    """Crash after so many moments and run again: the end is that of the run `whole`, which nobody interrupted."""
    world = build(scene, seed=seed, workers=WORKERS)
    watch = watch_names(world, scene)
    world.observer = watch
    crashed = crash(world, scene, keep, moments)
    assert unfinished(world) <= WORKERS, "more large files were under way than workers"
    check_whole_files(world, scene)
    assert sync(world, scene, keep).ok
    assert shown(world, scene) == shown(whole, scene)
    assert history(world, scene) == history(whole, scene), "a version too many or too few"
    return crashed


def check_whole_files(world: SimulatedB2, scene: Scene) -> None:
    """Files of a local destination are as they were or as they shall be, with the time that belongs to them."""
    if scene.direction == "down":
        was = history(build(scene), scene)
        for name, (version,) in history(world, scene).items():
            new = Version("local", source_shown(world, scene).get(name, b""), version.mod_time)
            assert (version,) == was.get(name) or version == new


BETWEEN_DELETES = Scene(
    "up",
    {"a": (Step("put", 3000, 1),)},
    {"a": (Step("put", 1000, 1), Step("hide", 0, 5 * A_DAY), Step("put", 1000, 5 * A_DAY))},
)


@given(jobs(), st.integers(0, 150))
@example((BETWEEN_DELETES, KeepDays(10), 2), 28)
def test_a_run_killed_at_any_moment_and_run_again_ends_like_one_that_nobody_killed(
    job: tuple[Scene, KeepOrDelete, int], moments: int
) -> None:
    """L11, with L9 and L10 at every moment of both runs. Large files that were under way stay unfinished."""
    scene, keep, seed = job
    whole = build(scene, seed=seed)
    assert sync(whole, scene, keep).ok
    check_resumed(scene, keep, seed, moments, whole)


OLD, NEW, LATER = Step("put", 1000, A_DAY), Step("put", 5000, 1), Step("put", 7000, 1)
LARGE = next(name for name in map(str, range(100)) if len(content(name, 5000)) >= 50)
SMALL = next(name for name in map(str, range(100)) if 1 < len(content(name, 5000)) < 24)
RICH = {
    "up": Scene(
        "up",
        {SMALL: (NEW,), LARGE: (NEW,), "same": (NEW,)},
        {SMALL: (OLD, OLD), "gone": (OLD, NEW), "same": (OLD, NEW)},
    ),
    "copy": Scene("copy", {"a": (OLD, NEW), "c": (Step("bare", 0, 1),)}, {"a": (OLD,), "b": (OLD, LATER)}),
    "down": Scene("down", {SMALL: (OLD, NEW), LARGE: (NEW,)}, {SMALL: (OLD,), "gone": (OLD,)}),
}


@pytest.mark.parametrize("direction", ["up", "copy", "down"])
@pytest.mark.parametrize("keep", [NoDelete(), Delete(), KeepDays(0.5)], ids=["keep all", "delete", "keep half a day"])
def test_killed_at_each_moment_of_a_rich_run(direction: str, keep: KeepOrDelete) -> None:
    """L11, not at some moments but at every one."""
    if direction == "down" and isinstance(keep, KeepDays):
        pytest.skip("a local destination has no versions")
    scene = RICH[direction]
    whole = build(scene, seed=5, workers=WORKERS)
    assert sync(whole, scene, keep).ok
    moments = 0
    while check_resumed(scene, keep, 5, moments, whole):
        moments += 1
    assert moments > 20


def leave_unfinished(world: SimulatedB2, mod_time: str) -> None:
    """A large file that an earlier run started, for the content of this time."""
    info = {"src_last_modified_millis": mod_time}
    call = StartLargeFile(world.bucket_id("dest-bucket"), f"to/{LARGE}", "b2/x-auto", info)
    plain_client(world).call(call).unwrap()
    world.clock.advance(1)


def check_no_leftover(moments: int) -> bool:
    world = build(RICH["up"], seed=5, workers=WORKERS)
    for mod_time in ("5000", "4000", "5000"):
        leave_unfinished(world, mod_time)
    crashed = crash(world, RICH["up"], NoDelete(), moments)
    assert sync(world, RICH["up"]).ok
    assert unfinished(world) == 0
    return crashed


def test_killed_at_each_moment_and_run_again_it_leaves_no_large_file_unfinished() -> None:
    """L11: neither those of the killed run nor those of runs before it, for the same content and for another."""
    moments = 0
    while check_no_leftover(moments):
        moments += 1
    assert moments > 20


# --- L28 -------------------------------------------------------------------------------------------------------------


@given(jobs(max_files=4), fault_scripts())
def test_whatever_goes_wrong_the_end_is_right_or_the_report_names_the_path(
    job: tuple[Scene, KeepOrDelete, int], faults: FaultScript
) -> None:
    """L28: without a word in the report a path is as if nothing had gone wrong, but for one version more for each
    reply of an upload or copy that was lost; L9 and L10 hold all the while; and a quiet run afterwards ends it all.

    Under KeepDays waiting moves the window, so that only what is visible is compared.
    """
    scene, keep, seed = job
    calm, world = build(scene, seed=seed), build(scene, seed=seed, faults=faults)
    assert sync(calm, scene, keep).ok
    world.observer = watch_names(world, scene)
    report = sync(world, scene, keep)
    if not report.refused:
        check_unnamed(calm, world, scene, keep, names_in(report), lost_uploads(faults))
    again = sync(world, scene, keep, plain_client(world))
    assert again.ok
    assert shown(world, scene) == shown(calm, scene)
    if keep == Delete():
        assert history(world, scene) == history(calm, scene)
    if not any(isinstance(fault, DropReplyAfterCommit) for fault in faults) and report.ok:
        assert unfinished(world) == 0, "a large file was not cancelled"


def check_unnamed(
    calm: SimulatedB2, world: SimulatedB2, scene: Scene, keep: KeepOrDelete, named: set[str], lost: int
) -> None:
    """Paths that the report says nothing of."""
    expected, found = history(calm, scene), history(world, scene)
    extra = 0
    for name in (expected.keys() | found.keys()) - named:
        assert shown(world, scene).get(name) == shown(calm, scene).get(name)
        if isinstance(keep, KeepDays):
            continue
        ours, theirs = list(expected.get(name, ())), list(found.get(name, ()))
        while len(theirs) > len(ours):
            assert theirs[0] == theirs[1] == ours[0], "a version more, and not a second of what was lost"
            theirs.pop(0)
            extra += 1
        assert ours == theirs
    assert extra <= lost


def lost_uploads(faults: FaultScript) -> int:
    """How many replies of calls that make a version may be lost (a finish that is sent again makes no second one)."""
    making = ("b2_upload_file", "b2_copy_file")
    return sum(isinstance(fault, DropReplyAfterCommit) and fault.call_name in making for fault in faults)


@pytest.mark.parametrize("call", ["b2_upload_file", "b2_finish_large_file", "b2_hide_file", "b2_delete_file_version"])
def test_a_lost_reply_costs_no_version_and_no_word_in_the_report(call: str) -> None:
    """L28, each mutating call of an upward sync by itself."""
    scene, keep = RICH["up"], KeepDays(0.5) if call == "b2_hide_file" else Delete()
    calm, world = build(scene, seed=1), build(scene, seed=1, faults=(DropReplyAfterCommit(call, 1),))
    assert sync(calm, scene, keep).done == sync(world, scene, keep).done
    assert shown(world, scene) == shown(calm, scene)
    extra = sum(map(len, history(world, scene).values())) - sum(map(len, history(calm, scene).values()))
    assert extra == 0


@pytest.mark.parametrize(
    "faults",
    [
        (Disconnect("b2_download_file_by_id", 1, times=None),),
        (CutDownload(nth=1, after_bytes=1, times=None),),
        (CorruptDownload(nth=1, times=None),),
    ],
    ids=["no connection", "always cut", "always corrupt"],
)
def test_a_download_that_never_succeeds_is_named_and_leaves_the_old_files(faults: FaultScript) -> None:
    """L28 for a destination on disk, beyond anybody's patience."""
    scene = RICH["down"]
    world = build(scene, seed=1, faults=faults)
    before = history(world, scene)
    report = sync(world, scene)
    assert names_in(report) == {SMALL, LARGE}
    assert history(world, scene) == before
    assert all(name.endswith(".part") for name in world.disk("there").temps)  # for a run in better weather


@pytest.mark.parametrize(
    "fault",
    [
        FailNth(UPLOADS, 1, Answer(503), times=None),
        CutUpload(nth=1, after_bytes=2, times=None),
        CorruptUpload(nth=1, times=None),
    ],
    ids=["busy", "always cut", "always corrupt"],
)
def test_an_upload_that_never_succeeds_is_named_and_deletes_nothing(fault: Fault) -> None:
    """L9 under faults: the stages after a failed upload do not run. The next run goes on with what is unfinished."""
    scene = RICH["up"]
    world = build(scene, seed=1, faults=(fault,))
    before = history(world, scene)
    report = sync(world, scene, Delete())
    assert names_in(report) == {SMALL, LARGE}
    after = history(world, scene)
    assert after[SMALL] == before[SMALL]
    assert LARGE not in after
    assert report.bytes_moved == 0
    assert world.faulty is not None
    world.faulty.lift(fault)
    assert sync(world, scene, Delete()).ok
    assert unfinished(world) == 0


BLIND = {
    "the list fails": FailNth("b2_list_unfinished_large_files", 2, Answer(429), times=3),
    "the parts cannot be told": FailNth("b2_list_parts", 1, Answer(503), times=3),
}


@pytest.mark.parametrize("blind", list(BLIND))
def test_a_start_whose_reply_is_lost_leaves_nothing_even_if_nobody_can_look_at_once(blind: str) -> None:
    """L28: the file is started again then, and of the other one it is known that it may be there."""
    world = build(RICH["up"], seed=1, faults=(DropReplyAfterCommit("b2_start_large_file", 1), BLIND[blind]))
    assert sync(world, RICH["up"]).ok
    assert unfinished(world) == 0


def test_two_starts_whose_replies_are_lost_leave_nothing_where_nobody_could_look_after_the_first() -> None:
    """What a look finds after the second may be either of them: the other is there as well."""
    lost = tuple(DropReplyAfterCommit("b2_start_large_file", nth) for nth in (1, 2))
    # The first look of the job is for files to go on with; the next three are for the lost reply.
    blind = FailNth("b2_list_unfinished_large_files", 2, Answer(503), times=3)
    world = build(RICH["up"], seed=1, faults=(*lost, blind))
    assert sync(world, RICH["up"]).ok
    assert unfinished(world) == 0


@pytest.mark.parametrize("answer", [Answer(503), Answer(403, "access_denied")], ids=["busy", "denied"])
def test_left_overs_that_cannot_be_cancelled_are_left_to_the_next_run(answer: Answer) -> None:
    """L28: a finished file would hide from it that there are any."""
    fault = FailNth("b2_cancel_large_file", 1, answer, times=None)
    world = build(RICH["up"], seed=1, faults=(fault,))
    leave_unfinished(world, "4000")
    report = sync(world, RICH["up"])
    assert names_in(report) == {LARGE}
    world.lift(fault)
    assert sync(world, RICH["up"]).ok
    assert unfinished(world) == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_client_whose_run_was_stopped_runs_again(seed: int) -> None:
    """Where the run was stopped while it fetched a new token, nobody waits for that for ever."""
    cap = FailNth("b2_download_file_by_id", 2, Answer(403, "cap_exceeded"), times=None)
    scene = Scene("down", dict.fromkeys("abcdefgh", (NEW,)))
    world = build(scene, seed=seed, faults=(cap, ExpireTokens("b2_download_file_by_id", 1)))
    client = world.client
    assert sync(world, scene, client=client).refused
    world.lift(cap)
    assert sync(world, scene, client=client).ok


@pytest.mark.parametrize("kind", ["threads", "seeded"])
def test_a_driver_that_is_stopped_gives_up_the_authorization_it_was_to_fetch(kind: str) -> None:
    """Both drivers, stopped just there."""
    machines = Machines()
    world = build(Scene("up"))

    def program() -> Program[None]:
        assert (yield from perform(StepSession(Need()))) == Authorize()
        yield from perform(Emit(PathStarted("a")))
        yield from perform(Now())
        raise AssertionError("nothing new begins")

    interpreter = Interpreter(world.api, SimulatedDisk(), SimulatedClock(), machines, lambda event: driver.stop())
    driver: Driver = ThreadDriver(interpreter) if kind == "threads" else SeededDriver(interpreter, seed=1)
    with driver, suppress(Stopped):
        driver.run_each([program()])
    assert not machines.authorizing


# --- sources that move -----------------------------------------------------------------------------------------------

MOVES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(("change", "vanish", "appear")), st.integers(0, 5)), max_size=6
)


@given(scenes("up"), st.sampled_from((NoDelete(), Delete(), KeepDays(1))), SEEDS, MOVES)
def test_a_source_that_changes_meanwhile_never_gives_torn_content(
    scene: Scene, keep: KeepOrDelete, seed: int, moves: list[tuple[int, str, int]]
) -> None:
    """Every visible version is some whole content that its file had, under the time that it had then; what the
    report does not name is what the source had when its path was done; a run afterwards, when all is quiet, converges.
    """
    world = build(scene, seed=seed)
    had = {(name, str(millis)): data for name, (data, millis) in world.disk("here").files.items()}
    before = {(name, version) for name, past in history(world, scene).items() for version in past}
    due = sorted(moves, reverse=True)
    count = 0

    def observe(moment: str, effect: AnyEffect) -> None:
        nonlocal count
        count += 1
        while due and due[-1][0] <= count:
            move_source(world, scene, due.pop(), had, count)

    world.observer = observe
    report = sync(world, scene, keep)
    assert not report.failed
    assert not report.refused
    for name, past in history(world, scene).items():
        for version in past:
            old = (name, version) in before or version.action == "hide"
            assert old or version.data == had.get((name, version.mod_time or ""))
    world.observer = None
    assert sync(world, scene, keep).ok
    ours = source_shown(world, scene)
    assert {name: data for name, data in shown(world, scene).items() if name in ours} == ours


def move_source(
    world: SimulatedB2, scene: Scene, move: tuple[int, str, int], had: dict[tuple[str, str], bytes], count: int
) -> None:
    """Change, remove or add a local file, and note what it had."""
    disk, names = world.disk("here"), sorted(scene.source)
    name = names[move[2] % len(names)] if names and move[1] != "appear" else f"fresh{move[2]}!"
    if move[1] == "vanish":
        with suppress(KeyError):
            disk.remove(name)
        return
    millis = 10_000 + count
    data = content(name, millis)
    with suppress(ValueError):
        disk.put(name, data, millis)
        had[name, str(millis)] = data
