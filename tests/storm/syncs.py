"""Syncs in a storm: up, down, B2 to B2.

Rules. After every call that may have changed the destination, and every change of a local file, the destination is
looked at, and compared with everything that was ever there. What a policy keeps is said here once more, naively.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any, Final, assert_never

from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.model.calls import Call
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.names import is_resumable
from b2pure.model.policy import Delete, KeepDays, KeepOrDelete, NewerFileSyncMode, NoDelete, SyncPolicy, UploadMode
from b2pure.shell.client import Client

from .leftovers import check_leftovers, clean_leftovers
from .scenes import (
    BYSTANDERS,
    DEST,
    FROM,
    SOURCE,
    TO,
    Direction,
    Scene,
    Stored,
    build,
    content,
    delete_newest,
    draw_scene,
    files_of,
    hide,
    leave_unfinished,
    pasts,
    put,
    starts,
)
from .weather import Calls
from .worlds import CHANGING, World, demand

__all__ = ["SyncJob"]

TINY: Final = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16, log_size=0)
"""Part sizes that make a file of 24 bytes a large one."""

_LARGE_SIZE: Final = 24
_ASKING: Final = ("b2_authorize_account", "b2_list_buckets", "b2_list_file_versions")
_LARGE: Final = ("b2_start_large_file", "b2_finish_large_file", "b2_cancel_large_file")
_LOOKING: Final = ("b2_list_unfinished_large_files", "b2_list_parts", "b2_get_file_info")
_REMOVING: Final = ("b2_hide_file", "b2_delete_file_version")
_UP: Final = ("b2_upload_file", "b2_upload_part", *_LARGE, *_REMOVING)
_COPY: Final = ("b2_copy_file", "b2_copy_part", *_LARGE, *_REMOVING)
_DOWN: Final = ("b2_download_file_by_id",)
CALLS: Final[dict[Direction, Calls]] = {
    "up": Calls((*_ASKING, *_LOOKING, "b2_get_upload_url", "b2_get_upload_part_url", *_UP), _UP, up=True),
    "copy": Calls((*_ASKING, *_LOOKING, *_COPY), _COPY),
    "down": Calls((*_ASKING, *_DOWN), _DOWN, down=True),
}
MAKING: Final = ("b2_upload_file", "b2_copy_file", "b2_finish_large_file")
"""The calls that make a version."""


class SyncJob:
    """One sync between two sides that were drawn."""

    seconds = moves = True

    def __init__(self, world: World, scene: Scene, policy: SyncPolicy) -> None:
        self.world, self.scene, self.policy = world, scene, policy
        self.calls, self.rooms = CALLS[scene.direction], scene.direction == "down"
        build(world, scene)
        self._moved: set[str] = set()
        self._moves = 0
        self._had: dict[str, set[tuple[bytes, int]]] = {}
        self._note_source()
        self._before = self._shown()
        self._local_before = dict(world.disk("there").files)
        self._needs = sum(self._needed(name) for name in self._source())
        self._ever: dict[str, Stored] = {}
        self._there: set[str] = set()
        self._tops: dict[str, tuple[int, str]] = {}
        self._made = 0
        self._planned_at = world.clock.now_millis()
        world.watch.changed = self._changed
        world.local_changed = self._check_local

    @classmethod
    def draw(cls, random: Random, direction: Direction) -> SyncJob:
        """Any sync of this direction."""
        keeps: list[KeepOrDelete] = [NoDelete(), Delete()]
        if direction != "down":
            keeps += [KeepDays(random.choice((10, 0.5, 1, 0)))] * 2
        world = World(TINY, random.getrandbits(32), SOURCE, DEST)
        policy = SyncPolicy(
            keep=random.choice(keeps),
            newer=NewerFileSyncMode.REPLACE,
            allow_empty_source=True,
            upload_mode=random.choice((UploadMode.FULL, UploadMode.INCREMENTAL)),
        )
        job = cls(world, draw_scene(random, direction), policy)
        job._leave(random)
        return job

    def _leave(self, random: Random) -> None:
        """Earlier runs, for earlier contents, left large files unfinished that this one has to take away."""
        for name, (data, _) in self._source().items():
            if self.scene.direction == "up" and len(data) >= _LARGE_SIZE and self._needed(name):
                for _ in range(random.choice((0, 0, 0, 1, 2))):
                    leave_unfinished(self.world.simulator, DEST, TO + name, random.randint(1, 9) * 1000)
                    self.world.clock.advance(1)
        files = files_of(self.world.simulator, DEST)
        self._ever = {str(stored.file.file_id): stored for stored in files}
        self._there = set(self._ever)
        self.world.simulator.journal.clear()

    # --- doing

    def act(self, client: Client) -> bool:
        return client.sync(*self.scene.places, self.policy).ok

    def finished(self) -> bool:
        return False

    def rests(self) -> bool:
        return not isinstance(self.policy.keep, KeepDays)  # time goes on, and so does the window

    def begin(self) -> None:
        self._note_plan()
        self.world.watch.listed_at = None

    def _note_plan(self) -> None:
        """The latest plan that somebody may carry out was made when the sides were listed."""
        self._planned_at = max(self._planned_at, self.world.watch.listed_at or 0)

    def make_room(self, room: int | None) -> None:
        disk = self.world.disk("there")
        disk.capacity_bytes = None if room is None else room + disk.used_bytes

    def move(self, number: int) -> None:
        """Change, grow, hide, remove or add a file of the source."""
        names = sorted(self.scene.source)
        kind, number = number % 5, number // 5
        name = names[number % len(names)] if names and kind else f"fresh{number % 3}!"
        self._moves += 1
        self._moved.add(name)
        if self.scene.direction == "up":
            self._move_local(kind, name)
        else:
            self._move_stored(kind, name)
        self._note_source()

    def _move_local(self, kind: int, name: str) -> None:
        disk, mod_time = self.world.disk("here"), 10_000 + self._moves
        if kind == 1:
            with suppress(KeyError):
                disk.remove(name)
            return
        old = disk.files[name][0] if kind == 2 and name in disk.files else b""
        disk.put(name, old + content(name, mod_time), mod_time)

    def _move_stored(self, kind: int, name: str) -> None:
        simulator, mod_time = self.world.simulator, 10_000 + self._moves
        match kind:
            case 1:
                hide(simulator, SOURCE, FROM + name)
            case 2:
                delete_newest(simulator, SOURCE, FROM + name)
            case _:
                put(simulator, SOURCE, FROM + name, content(name, mod_time), mod_time)

    def _note_source(self) -> None:
        if self.scene.direction == "up":
            for name, fact in self.world.disk("here").files.items():
                self._had.setdefault(name, set()).add(fact)
            return
        for name, past in pasts(self.world.simulator, SOURCE, FROM).items():
            self._had.setdefault(name, set()).update((each.data, _time_of(each)) for each in past)

    # --- looking

    def _source(self) -> dict[str, tuple[bytes, int]]:
        """Content and time of what a reader of the source sees."""
        if self.scene.direction == "up":
            return dict(self.world.disk("here").files)
        return _visible(pasts(self.world.simulator, SOURCE, FROM))

    def _shown(self) -> dict[str, tuple[bytes, int]]:
        """Content and time of what a reader of the destination sees."""
        if self.scene.direction == "down":
            return dict(self.world.disk("there").files)
        return _visible(pasts(self.world.simulator, DEST, TO))

    def _needed(self, name: str) -> bool:
        """Whether the file has to be transferred."""
        ours, theirs = self._source()[name], self._before.get(name)
        return theirs is None or theirs[1] != ours[1]

    def _is_steady(self, name: str) -> bool:
        """Whether the source has had the file all the time."""
        return name in self._had and name not in self._moved and name in self._source()

    # --- at every change

    def _changed(self, call: Call[Any]) -> None:
        if self.scene.direction == "down":
            return
        files = {str(stored.file.file_id): stored for stored in files_of(self.world.simulator, DEST)}
        for file_id in files.keys() - self._there:
            self._ever[file_id] = files[file_id]
        for file_id, stored in files.items():
            if self._ever[file_id].file.action != stored.file.action or file_id not in self._there:
                self._check_made(stored)
                self._ever[file_id] = stored
        self._note_plan()
        for file_id in sorted(self._there - files.keys()):
            self._check_gone(self._ever[file_id])
        self._there = set(files)
        self._check_tops()

    def _check_made(self, stored: Stored) -> None:
        file = stored.file
        if file.action != "upload":
            return
        self._made += 1
        had = self._had.get(file.file_name.removeprefix(TO), ())
        made = stored.data, _time_of(stored)
        demand(made in had, "a new version is a whole content that its source had, with its time", file.file_name)

    def _check_gone(self, gone: Stored) -> None:
        file = gone.file
        if file.action == "start":
            return
        name, keep = file.file_name.removeprefix(TO), self.policy.keep
        demand(file.file_name.startswith(TO), "what is outside the destination stays", file.file_name)
        match keep:
            case NoDelete():
                demand(False, "without a policy to delete every version stays", name)
            case Delete():
                covered = self._covered_at(gone) is not None
                gone_for_good = not self._is_steady(name) or file.action == "hide"
                demand(covered or gone_for_good, "the newest version of what the source has stays", name)
            case KeepDays(days):
                since = self._covered_at(gone)
                window = self._planned_at - round(days * MILLIS_PER_DAY)
                seen = file.action == "upload" and (since is None or since > window)
                demand(not seen, "a version that was visible within the days to keep stays", (name, since, window))
            case _:
                assert_never(keep)

    def _covered_at(self, stored: Stored) -> int | None:
        """When a newer version of the name came; None while it was the newest."""
        later = [
            _age(each)
            for each in self._ever.values()
            if each.file.file_name == stored.file.file_name
            and each.file.action != "start"
            and _age(each) > _age(stored)
        ]
        return min(later)[0] if later else None

    def _check_tops(self) -> None:
        found = pasts(self.world.simulator, DEST, TO)
        for name, past in found.items():
            top, age = past[0], _age(past[0])
            highest = self._tops.setdefault(name, age)
            demand(top.file.action == "hide" or age >= highest, "no older version is shown than before", name)
            self._tops[name] = max(age, highest)
        self._check_still_there(_visible(found))

    def _check_still_there(self, now: dict[str, tuple[bytes, int]]) -> None:
        for name in self._before.keys() - now.keys():
            demand(not self._is_steady(name), "a file that the source has is there all the time", name)

    def _check_local(self, path: str) -> None:
        now = self.world.disk("there").files
        if path in now:
            good = {*self._had.get(path, ()), self._local_before.get(path)}
            demand(now[path] in good, "a local file is whole, the old one or the source's, with its time", path)
        if self.policy.keep == NoDelete():
            demand(now.keys() >= self._local_before.keys(), "without a policy to delete every local file stays", path)
        self._check_still_there(dict(now))

    # --- after a run

    def check_run(self) -> None:
        if self.scene.direction == "down":
            for path in self.world.disk("there").files:
                self._check_local(path)
        else:
            check_leftovers(self.world, DEST, TO)

    def check_end(self) -> None:
        self._check_equal()
        if self.scene.direction == "down":
            self._check_temporary()
            return
        lost = 0 if self.world.storm.only_lost(CHANGING) else sum(self.world.storm.lost[name] for name in MAKING)
        once = self._needs + self._moves
        allowed = once * (1 + self.world.seconds) + lost
        demand(self._made <= allowed, "at most one version more for each lost reply", (self._made, once, lost))
        if self._moved or self.world.seconds:
            clean_leftovers(self.world, DEST, TO)
        demand(not starts(self.world.simulator, DEST), "no large file is left unfinished")
        found = pasts(self.world.simulator, DEST, "")
        demand(found.keys() >= set(BYSTANDERS), "what is outside the destination stays")

    def _check_equal(self) -> None:
        ours, theirs = self._source(), self._shown()
        for name, fact in ours.items():
            demand(theirs.get(name) == fact, "the destination has what the source has", name)
        more = theirs.keys() - ours.keys()
        if self.policy.keep == NoDelete():
            for name in self._before.keys() - self._had.keys():
                demand(theirs.get(name) == self._before[name], "without a policy to delete every file stays", name)
        else:
            demand(not more, "the destination has nothing that the source lacks", more)
        if self.policy.keep == Delete() and self.scene.direction != "down":
            for name, past in pasts(self.world.simulator, DEST, TO).items():
                demand(len(past) == 1, "old versions are deleted", name)

    def _check_temporary(self) -> None:
        left = self.world.disk("there").temps
        if self._moved or self.world.seconds:
            left = frozenset(name for name in left if not is_resumable(name.rpartition("/")[2]))
        demand(not left, "no temporary file is left over", left)

    def most_calls(self) -> int:
        world = self.world
        per_run = 10 + 10 * (len(self.scene.source) + len(self.scene.dest)) + 2 * self.scene.size
        return per_run * world.runs + 8 * (sum(world.storm.struck.values()) + self._moves)


def _visible(found: dict[str, list[Stored]]) -> dict[str, tuple[bytes, int]]:
    return {name: (past[0].data, _time_of(past[0])) for name, past in found.items() if past[0].file.action == "upload"}


def _time_of(stored: Stored) -> int:
    """When the content was modified, in milliseconds."""
    return int(stored.mod_time) if stored.mod_time is not None else stored.file.upload_timestamp


def _age(stored: Stored) -> tuple[int, str]:
    """What is greater for a newer version."""
    return stored.file.upload_timestamp, str(stored.file.file_id)[-15:]
