"""Scenes to sync, built into simulated worlds, and naive looks at what became of them.

Rules. A scene is data: the past of every name on both sides. Content is a function of (name, modification time), so
equal times mean equal content. A scene builds the same world every time it is built, so that a run can be compared
with another run over the same past. Looking uses the simulator's snapshot and the disk's files, never the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha1
from typing import Any, Final, Literal

from attrs import field, frozen
from hypothesis import strategies as st

from b2pure.effects.effect import AnyEffect, DeleteLocal, Publish, Send
from b2pure.effects.faults import FaultScript
from b2pure.effects.report import Report
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import AuthorizeAccount, DeleteFileVersion, HideFile
from b2pure.model.ids import BucketId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NewerFileSyncMode, NoDelete, SyncPolicy
from b2pure.model.replies import FileReply
from b2pure.plan.actions import FileSync, SyncAction, actions_of
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2, file_names, passing_faults, simulated_b2

__all__ = [
    "BYSTANDERS",
    "TINY",
    "Job",
    "Scene",
    "Step",
    "Version",
    "action_key",
    "build",
    "content",
    "fault_scripts",
    "history",
    "jobs",
    "keeps",
    "names_in",
    "plain_client",
    "plan_actions",
    "planned",
    "policy_of",
    "put",
    "scenes",
    "shown",
    "source_shown",
    "stored_ids",
    "sync",
    "unfinished",
    "watch_names",
]

TINY: Final = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16)
"""Part sizes that make a file of 24 bytes a large one."""

SOURCE_BUCKET: Final = "source-bucket"
DEST_BUCKET: Final = "dest-bucket"
_FROM: Final = "from/"
_TO: Final = "to/"
BYSTANDERS: Final = ("to", "to-x", "tp", "from/a")
"""Names in the destination's bucket that are none of the sync's business."""

# --- scenes ----------------------------------------------------------------------------------------------------------


Direction = Literal["up", "down", "copy"]
_DIRECTIONS: Final[tuple[Direction, ...]] = ("up", "down", "copy")
StepKind = Literal["put", "hide", "bare"]
_KINDS: Final[tuple[StepKind, ...]] = ("put", "put", "put", "hide", "bare")


@frozen
class Step:
    """Something that happened to a name, and the milliseconds that passed afterwards. `bare` is an upload that
    declared no modification time.
    """

    kind: StepKind
    mod_time_millis: int
    wait: int


History = tuple[Step, ...]


@frozen
class Scene:
    """What was at both sides: the steps of each name, oldest first. A local side has only what the last step left."""

    direction: Direction
    source: Mapping[str, History] = field(factory=dict)
    dest: Mapping[str, History] = field(factory=dict)

    @property
    def places(self) -> tuple[str, str]:
        """The two sides as a client names them."""
        ours, theirs = f"b2://{SOURCE_BUCKET}/from", f"b2://{DEST_BUCKET}/to"
        return {"up": ("here", theirs), "down": (ours, "there"), "copy": (ours, theirs)}[self.direction]


def content(name: str, mod_time_millis: int) -> bytes:
    """What a file of this name and time holds: 0 to 59 bytes, most of them different."""
    digest = sha1(f"{name}|{mod_time_millis}".encode()).digest()
    return (digest * 3)[: digest[0] % 60]


_NAMES: Final = (
    "a", "b!", "A0", "a-b!", "a.txt", "ab0", "b/c!", "b/a!", "b/c/d!", "b-/c!", "e\u0301!", "\u00e9!", "\uff61!",
    "\U00010400!",
)  # fmt: skip
"""Names around each other and around `/` in the order of names; none is a folder of another."""
_CLASHING: Final = (*_NAMES, "b", "b/c", "a/b", "a/b/c", "a.txt/x")
"""Names that are files and folders at once as well."""


def scenes(
    direction: Direction | None = None, *, max_files: int = 6, clashing: bool = False, strange: bool = False
) -> st.SearchStrategy[Scene]:
    """Scenes that share most names. No local side ever has a file that is another one's folder, and unless
    `clashing` no download would make one. Names come from a short list, which is fast, or, if `strange`, are any.
    """
    directions = st.just(direction) if direction is not None else st.sampled_from(_DIRECTIONS)
    return directions.flatmap(lambda way: _scenes_of(way, max_files, clashing or way != "down", strange))


_DAY: Final = MILLIS_PER_DAY
_STEPS: Final = tuple(
    Step(kind, number * 1000, wait)
    for number in range(1, 6)
    for wait in (1, 0, 1000, _DAY // 2, _DAY, 5 * _DAY)
    for kind in _KINDS
)
_HISTORIES: Final = st.lists(st.sampled_from(_STEPS), min_size=1, max_size=4).map(tuple)


def _scenes_of(way: Direction, max_files: int, clashing: bool, strange: bool) -> st.SearchStrategy[Scene]:
    listed = st.sampled_from(_CLASHING if clashing else _NAMES)
    names = file_names(clashing=clashing) if strange else listed
    row = st.tuples(names, st.sampled_from(("both", "both", "source", "dest")), _HISTORIES, _HISTORIES)
    rows = st.lists(row, min_size=1, max_size=max_files, unique_by=lambda r: r[0])
    return rows.map(lambda drawn: _scene(way, drawn))


def _scene(way: Direction, rows: list[tuple[str, str, History, History]]) -> Scene:
    source = {name: ours for name, side, ours, _ in rows if side != "dest"}
    dest = {name: theirs for name, side, _, theirs in rows if side != "source"}
    return Scene(way, _clash_free(source) if way == "up" else source, _clash_free(dest) if way == "down" else dest)


def _clash_free(side: dict[str, History]) -> dict[str, History]:
    """As many of the files as one local folder can hold."""
    kept: dict[str, History] = {}
    for name, steps in side.items():
        if not any(name.startswith(other + "/") or other.startswith(name + "/") for other in kept):
            kept[name] = steps
    return kept


def keeps(direction: str, *, days: tuple[float, ...] = (10, 0.5, 1)) -> st.SearchStrategy[KeepOrDelete]:
    """What may happen to old versions, as far as the direction allows it."""
    now: st.SearchStrategy[KeepOrDelete] = st.sampled_from((NoDelete(), Delete()))
    return now if direction == "down" else st.one_of(now, st.sampled_from(days).map(KeepDays))


Job = tuple[Scene, KeepOrDelete, int]
"""A scene, a policy that goes with it, and a seed."""


def jobs(*, max_files: int = 6) -> st.SearchStrategy[Job]:
    """Scenes of every direction with what their syncs need."""
    return scenes(max_files=max_files).flatmap(
        lambda scene: st.tuples(st.just(scene), keeps(scene.direction), st.integers(0, 10_000))
    )


# --- building --------------------------------------------------------------------------------------------------------


def build(scene: Scene, **choices: Any) -> SimulatedB2:
    """The world of the scene. `choices` as for `simulated_b2`; faults strike only what happens afterwards."""
    choices.setdefault("config", TINY)
    world = simulated_b2(SOURCE_BUCKET, DEST_BUCKET, **choices)
    _build_side(world, scene.source, scene.direction == "up", "here", SOURCE_BUCKET, _FROM)
    _build_side(world, scene.dest, scene.direction == "down", "there", DEST_BUCKET, _TO)
    for name in BYSTANDERS:
        put(world, DEST_BUCKET, name, b"bystander", 1)
    world.simulator.journal.clear()
    return world


def _build_side(
    world: SimulatedB2, side: Mapping[str, History], local: bool, folder: str, bucket: str, prefix: str
) -> None:
    for name, steps in side.items():
        if local:
            last = steps[-1]
            if last.kind != "hide":
                world.disk(folder).put(name, content(name, last.mod_time_millis), last.mod_time_millis)
            continue
        for step in steps:
            _take_step(world, bucket, prefix, name, step)


def _take_step(world: SimulatedB2, bucket: str, prefix: str, name: str, step: Step) -> None:
    match step.kind:
        case "put":
            put(world, bucket, prefix + name, content(name, step.mod_time_millis), step.mod_time_millis)
        case "bare":
            put(world, bucket, prefix + name, content(name, world.clock.now_millis()), None)
        case "hide":
            hide(world.simulator, bucket, prefix + name)
    world.clock.advance(step.wait)


def put(world: SimulatedB2, bucket: str, name: str, data: bytes, mod_time_millis: int | None) -> None:
    """A new version; unlike `world.put` it asks no client, so that no fault strikes it, and no time passes."""
    info = {} if mod_time_millis is None else {"src_last_modified_millis": str(mod_time_millis)}
    world.simulator.put(_bucket_id(world.simulator, bucket), name, data, info=info)


def hide(simulator: Simulator, bucket: str, name: str) -> None:
    """A hide marker, where there is something to hide."""
    reply = simulator.handle(AuthorizeAccount(), KeyPair(simulator.master_key_id, simulator.master_key)).unwrap()
    simulator.handle(HideFile(_bucket_id(simulator, bucket), name), AccountToken(reply.authorization_token))


def delete_newest(simulator: Simulator, bucket: str, name: str) -> None:
    """The newest version of a name goes, if there is one."""
    past = _pasts(simulator, bucket, "").get(name)
    if past:
        reply = simulator.handle(AuthorizeAccount(), KeyPair(simulator.master_key_id, simulator.master_key)).unwrap()
        file_id = past[0][0].file_id
        assert file_id is not None
        simulator.handle(DeleteFileVersion(name, file_id), AccountToken(reply.authorization_token)).unwrap()


def plain_client(world: SimulatedB2) -> Client:
    """A client of the same B2 and folders, without faults, observers and stops."""
    simulator = world.simulator
    return SimulatedB2(
        simulator,
        world.clock,
        SimulatedApi(simulator, simulator.master_key_id, simulator.master_key),
        seed=0,
        disks=world.disks,
    ).client


def sync(world: SimulatedB2, scene: Scene, keep: KeepOrDelete = NoDelete(), client: Client | None = None) -> Report:  # noqa: B008
    """Sync the scene's sides; the source replaces whatever differs."""
    return (client or world.client).sync(*scene.places, policy_of(keep))


def policy_of(keep: KeepOrDelete) -> SyncPolicy:
    """By modification time, and the source always wins."""
    return SyncPolicy(keep=keep, newer=NewerFileSyncMode.REPLACE, allow_empty_source=True)


def planned(world: SimulatedB2, scene: Scene, keep: KeepOrDelete) -> list[FileSync]:
    """What a sync would do now."""
    return list(plain_client(world).plan_sync(*scene.places, policy_of(keep)))


# --- looking ---------------------------------------------------------------------------------------------------------


@frozen
class Version:
    """A stored version as everybody sees it, without its id. `hide` has no content."""

    action: str
    data: bytes
    mod_time: str | None


def _bucket(simulator: Simulator, bucket: str) -> tuple[Any, list[tuple[FileReply, bytes]]]:
    snapshot: tuple[Any, ...] = simulator.snapshot()
    for reply, versions, _ in snapshot:
        if reply.bucket_name == bucket:
            return reply, list(versions)
    raise KeyError(bucket)


def _bucket_id(simulator: Simulator, bucket: str) -> BucketId:
    bucket_id: BucketId = _bucket(simulator, bucket)[0].bucket_id
    return bucket_id


def _pasts(simulator: Simulator, bucket: str, prefix: str) -> dict[str, list[tuple[FileReply, bytes]]]:
    """The versions of each name below the prefix, newest first."""
    found: dict[str, list[tuple[FileReply, bytes]]] = {}
    for file, data in _bucket(simulator, bucket)[1]:
        if file.file_name.startswith(prefix) and file.action != "start":
            found.setdefault(file.file_name.removeprefix(prefix), []).insert(0, (file, data))
    return found


def history(world: SimulatedB2, scene: Scene) -> dict[str, tuple[Version, ...]]:
    """Every version at the destination, newest first."""
    if scene.direction == "down":
        files = world.disk("there").files
        return {name: (Version("local", data, str(millis)),) for name, (data, millis) in files.items()}
    pasts = _pasts(world.simulator, DEST_BUCKET, _TO)
    return {name: tuple(_version(file, data) for file, data in past) for name, past in pasts.items()}


def _version(file: FileReply, data: bytes) -> Version:
    return Version(file.action, data, dict(file.file_info).get("src_last_modified_millis"))


def shown(world: SimulatedB2, scene: Scene) -> dict[str, bytes]:
    """What a reader of the destination sees."""
    tops = {name: versions[0] for name, versions in history(world, scene).items()}
    return {name: top.data for name, top in tops.items() if top.action != "hide"}


def source_shown(world: SimulatedB2, scene: Scene) -> dict[str, bytes]:
    """What a reader of the source sees."""
    if scene.direction == "up":
        return {name: data for name, (data, _) in world.disk("here").files.items()}
    pasts = _pasts(world.simulator, SOURCE_BUCKET, _FROM)
    return {name: past[0][1] for name, past in pasts.items() if past[0][0].action == "upload"}


def stored_ids(world: SimulatedB2) -> set[str]:
    """The ids of all versions in the destination's bucket."""
    return {str(file.file_id) for file, _ in _bucket(world.simulator, DEST_BUCKET)[1] if file.action != "start"}


def unfinished(world: SimulatedB2) -> int:
    """How many large files were started at the destination and neither finished nor cancelled."""
    return sum(file.action == "start" for file, _ in _bucket(world.simulator, DEST_BUCKET)[1])


def names_in(report: Report) -> set[str]:
    """The paths that a report names."""
    outcomes: Iterable[Any] = (*report.failed, *report.drifted, *report.conflicts, *report.skipped)
    return {outcome.sync.path for outcome in outcomes}


def action_key(action: SyncAction) -> tuple[str, ...]:
    """Kind, path, and the ids that the action names."""
    kind = str(action.__struct_config__.tag)
    source = getattr(action, "source", None)
    ids = [getattr(action, "file_id", None), getattr(source, "file_id", None)]
    return kind, action.path, *(str(file_id) for file_id in ids if file_id is not None)


def watch_names(world: SimulatedB2, scene: Scene) -> Callable[[str, AnyEffect], None]:
    """An observer that checks, after everything that a run does to the world: a name that the source has and that
    was visible stays visible; what is visible is whole, and it is the old content or the source's; nothing older
    than what was on top before is ever shown.
    """
    ours = source_shown(world, scene)
    before = shown(world, scene)
    tops: dict[str, tuple[int, int]] = {}

    def look() -> None:
        now = shown(world, scene)
        assert ours.keys() & before.keys() <= now.keys(), "a name of the source was not visible for a moment"
        for name, data in now.items():
            assert data in (ours.get(name), before.get(name)), "content that nobody ever had"
        if scene.direction != "down":
            _check_tops(world.simulator, tops)

    def observe(moment: str, effect: AnyEffect) -> None:
        if moment == "end" and isinstance(effect, Send | Publish | DeleteLocal):
            look()

    look()
    return observe


def _check_tops(simulator: Simulator, tops: dict[str, tuple[int, int]]) -> None:
    for name, past in _pasts(simulator, DEST_BUCKET, "").items():
        top = past[0][0]
        age = (top.upload_timestamp, int(str(top.file_id)[-15:], 16))
        highest = tops.setdefault(name, age)
        assert top.action == "hide" or age >= highest, f"{name} shows an older version than before"
        tops[name] = max(age, highest)


def plan_actions(syncs: Iterable[FileSync]) -> list[SyncAction]:
    """All actions of a plan."""
    return [action for one in syncs for action in actions_of(one)]


# --- faults ----------------------------------------------------------------------------------------------------------

_CALLS: Final = (
    "b2_upload_file", "b2_upload_part", "b2_start_large_file", "b2_finish_large_file", "b2_get_upload_url",
    "b2_get_upload_part_url", "b2_copy_file", "b2_hide_file", "b2_delete_file_version", "b2_list_file_versions",
    "b2_get_file_info", "b2_download_file_by_id", "b2_list_buckets", "b2_cancel_large_file",
)  # fmt: skip


def fault_scripts(*, max_size: int = 6) -> st.SearchStrategy[FaultScript]:
    """Finite misfortunes that a patient client gets over."""
    return st.lists(passing_faults(_CALLS, _CALLS, max_times=2), min_size=1, max_size=max_size).map(tuple)
