"""What both sides of a sync have at first, drawn, and naive looks at what became of it.

Rules. The content of a file is a function of its name and its modification time, so equal times mean equal contents.
Looking uses the simulator's own state and the disk's files, never a client, and nothing of `b2pure.plan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1
from random import Random
from typing import Any, Final, Literal

from attrs import frozen

from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import AuthorizeAccount, DeleteFileVersion, HideFile, StartLargeFile
from b2pure.model.ids import BucketId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.replies import FileReply

from .worlds import World

__all__ = [
    "BYSTANDERS",
    "DEST",
    "FROM",
    "SOURCE",
    "TO",
    "Direction",
    "Scene",
    "Stored",
    "build",
    "content",
    "delete_newest",
    "draw_scene",
    "files_of",
    "hide",
    "leave_unfinished",
    "pasts",
    "put",
    "starts",
]

Direction = Literal["up", "down", "copy"]

SOURCE: Final = "source-bucket"
DEST: Final = "dest-bucket"
FROM: Final = "from/"
TO: Final = "to/"
BYSTANDERS: Final = ("to", "to-x", "tp", "from/a")
"""Names in the destination's bucket that are none of the sync's business."""

_NAMES: Final = (
    "a", "b!", "A0", "a-b!", "a.txt", "ab0", "b/c!", "b/a!", "b/c/d!", "b-/c!", "sp ace", "%41+", "e\u0301!", "\u00e9!",
    "\uff61!", "\U00010400!",
)  # fmt: skip
"""Names around each other and around `/` in the order of names; none is a folder of another."""


@frozen
class Step:
    """Something that happened to a name, and the milliseconds that passed afterwards. `bare` is an upload that
    declared no modification time.
    """

    kind: Literal["put", "hide", "bare"]
    mod_time: int
    wait: int


Side = Mapping[str, tuple[Step, ...]]


@frozen
class Scene:
    """What was at both sides: the steps of each name, oldest first. A local side has what the last step left."""

    direction: Direction
    source: Side
    dest: Side

    @property
    def places(self) -> tuple[str, str]:
        """The two sides as a client names them."""
        ours, theirs = f"b2://{SOURCE}/from", f"b2://{DEST}/to"
        return {"up": ("here", theirs), "down": (ours, "there"), "copy": (ours, theirs)}[self.direction]

    @property
    def size(self) -> int:
        """How many names and versions there are."""
        return sum(len(steps) for side in (self.source, self.dest) for steps in side.values())


def content(name: str, mod_time: int) -> bytes:
    """What a file of this name and time holds: 0 to 59 bytes, most of them different."""
    digest = sha1(f"{name}|{mod_time}".encode()).digest()
    return (digest * 3)[: digest[0] % 60]


def draw_scene(random: Random, direction: Direction) -> Scene:
    """One to four names, most of them at both sides."""
    source, dest = {}, {}
    for name in random.sample(_NAMES, random.randint(1, 4)):
        where = random.choice(("both", "both", "both", "source", "source", "dest"))
        if where != "dest":
            source[name] = _history(random)
        if where != "source":
            dest[name] = _history(random)
    return Scene(direction, source, dest)


def _history(random: Random) -> tuple[Step, ...]:
    return tuple(
        Step(
            random.choice(("put", "put", "put", "hide", "bare")),
            random.randint(1, 5) * 1000,
            random.choice((1, 1, 1000, MILLIS_PER_DAY // 2, MILLIS_PER_DAY, 5 * MILLIS_PER_DAY)),
        )
        for _ in range(random.choice((1, 1, 2, 3)))
    )


# --- building --------------------------------------------------------------------------------------------------------


def build(world: World, scene: Scene) -> None:
    """Everything that happened before."""
    for side, bucket, prefix, folder in (
        (scene.source, SOURCE, FROM, "here" if scene.direction == "up" else None),
        (scene.dest, DEST, TO, "there" if scene.direction == "down" else None),
    ):
        for name, steps in side.items():
            if folder is not None:
                last = steps[-1]
                if last.kind != "hide":
                    world.disk(folder).put(name, content(name, last.mod_time), last.mod_time)
                continue
            for step in steps:
                _take_step(world, bucket, prefix + name, name, step)
    for name in BYSTANDERS:
        put(world.simulator, DEST, name, b"bystander", 1)


def _take_step(world: World, bucket: str, full_name: str, name: str, step: Step) -> None:
    if step.kind == "hide":
        hide(world.simulator, bucket, full_name)
    elif step.kind == "bare":
        put(world.simulator, bucket, full_name, content(name, world.clock.now_millis()), None)
    else:
        put(world.simulator, bucket, full_name, content(name, step.mod_time), step.mod_time)
    world.clock.advance(step.wait)


def put(simulator: Simulator, bucket: str, name: str, data: bytes, mod_time: int | None) -> None:
    """A new version, as somebody else would upload it."""
    info = {} if mod_time is None else {"src_last_modified_millis": str(mod_time)}
    simulator.put(_bucket_id(simulator, bucket), name, data, info=info)


def leave_unfinished(simulator: Simulator, bucket: str, name: str, mod_time: int) -> None:
    """A large file that an earlier run started and did not finish."""
    info = {"src_last_modified_millis": str(mod_time)}
    call = StartLargeFile(_bucket_id(simulator, bucket), name, "b2/x-auto", info)
    simulator.handle(call, _token(simulator)).unwrap()


def hide(simulator: Simulator, bucket: str, name: str) -> None:
    """A hide marker, where there is something to hide."""
    simulator.handle(HideFile(_bucket_id(simulator, bucket), name), _token(simulator))


def delete_newest(simulator: Simulator, bucket: str, name: str) -> None:
    """The newest version of a name goes, if there is one."""
    past = pasts(simulator, bucket, name).get("")
    if past and past[0].file.file_id is not None:
        simulator.handle(DeleteFileVersion(name, past[0].file.file_id), _token(simulator)).unwrap()


def _token(simulator: Simulator) -> AccountToken:
    key = KeyPair(simulator.master_key_id, simulator.master_key)
    return AccountToken(simulator.handle(AuthorizeAccount(), key).unwrap().authorization_token)


# --- looking ---------------------------------------------------------------------------------------------------------


@frozen
class Stored:
    """A version as it is stored, unfinished large files too."""

    file: FileReply
    data: bytes

    @property
    def mod_time(self) -> str | None:
        return dict(self.file.file_info).get("src_last_modified_millis")


def _bucket(simulator: Simulator, bucket: str) -> tuple[Any, Any]:
    snapshot: Any = simulator.snapshot()
    return next((reply, versions) for reply, versions, *_ in snapshot if reply.bucket_name == bucket)


def _bucket_id(simulator: Simulator, bucket: str) -> BucketId:
    bucket_id: BucketId = _bucket(simulator, bucket)[0].bucket_id
    return bucket_id


def files_of(simulator: Simulator, bucket: str) -> list[Stored]:
    """All versions, and unfinished large files; the versions of a name oldest first."""
    return [Stored(file, data) for file, data in _bucket(simulator, bucket)[1]]


def pasts(simulator: Simulator, bucket: str, prefix: str) -> dict[str, list[Stored]]:
    """The versions of each name below the prefix, newest first."""
    found: dict[str, list[Stored]] = {}
    for stored in files_of(simulator, bucket):
        file = stored.file
        if file.file_name.startswith(prefix) and file.action != "start":
            found.setdefault(file.file_name.removeprefix(prefix), []).insert(0, stored)
    return found


def starts(simulator: Simulator, bucket: str) -> set[str]:
    """The ids of the unfinished large files."""
    return {str(stored.file.file_id) for stored in files_of(simulator, bucket) if stored.file.action == "start"}
