"""Plans that can be kept: in a file that people read, diff, review and apply, or for a while beside the program.

A plan file appears under its name whole or not at all. A plan made from a scan is written to an unnamed temporary
file as it is read for the first time, so that every later look sees the same plan in constant memory.
"""

from __future__ import annotations

import errno
import os
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import IO

from attrs import evolve, frozen
from returns.result import Failure, Result

from b2pure.model.errors import LocalFailure
from b2pure.model.files import B2Tree, LocalTree
from b2pure.model.policy import SyncPolicy
from b2pure.plan.actions import FileSync
from b2pure.plan.codec import PlanHeader, read_lines, write_lines
from b2pure.plan.failures import PlanFailure
from b2pure.plan.plan import Groups, SyncPlan
from b2pure.plan.plan import plan_sync as pure_plan_sync
from b2pure.shell.folder import Root
from b2pure.shell.temporary import create_locked

__all__ = ["Plan", "PlanFileError", "plan_sync", "spooled"]

PlanFileError = PlanFailure | LocalFailure


@frozen(eq=False)
class Plan(SyncPlan):
    """A SyncPlan with a place on disk."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan to a file, which appears under its name only when it is whole. Raises OSError, PlanFailed."""
        write_whole(os.fspath(path), self.lines())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Result[Plan, PlanFileError]:
        """The plan in a file, checked from its first byte to its last. It is read again each time it is iterated."""
        name = os.fspath(path)
        try:
            loaded = SyncPlan.from_lines(lambda: _lines_of(name))
        except OSError as error:
            return Failure(LocalFailure("read", name, error.strerror or str(error)))
        return loaded.map(_as_plan)

    def rewrite(self, change: Callable[[FileSync], FileSync | None]) -> Plan:
        return _as_plan(SyncPlan.rewrite(self, change))


def _as_plan(plan: SyncPlan) -> Plan:
    return Plan(plan.header, plan.groups, plan.lookup)


def plan_sync(
    source: LocalTree | B2Tree, dest: LocalTree | B2Tree, policy: SyncPolicy | None = None, *, now_millis: int
) -> Plan:
    """The pure planner with a plan that can be saved: what makes `dest` like `source`.

    The trees may be collections, or streams that can be read once. `now_millis` is the time (milliseconds since the
    epoch) that keep-days counts back from. Raises PlanFailed for sides and policies that do not go together.
    """
    return _as_plan(pure_plan_sync(source, dest, policy, now_millis=now_millis))


def write_whole(path: str, lines: Iterable[bytes]) -> None:
    """Write a file beside its name and rename it when it is complete. A link is followed, and what is there but is no
    regular file (a device, a pipe) is written into and never replaced.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as special:
            special.writelines(lines)
        return
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", folder)
    left = iter(lines)
    first = b"".join(islice(left, 2))  # now both sides are read, and may be the folder that gets a new file
    with Root(folder).folder([], make=False).closing() as opened:
        # A name that no scan takes for a file; what a killed run leaves is tidied up with the temporary downloads.
        name, handle = create_locked(opened, 0o600)
        temporary = os.path.join(folder, name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(first)
                file.writelines(left)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def _lines_of(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from file


def spooled(plan: SyncPlan) -> Plan:
    """The same plan, which reads its scan once and itself as often as anybody likes."""
    spool = _Spool(plan.header, plan.groups)
    return evolve(_as_plan(plan), groups=spool.groups)


class _Spool:
    """The lines of a plan in an unnamed file."""

    def __init__(self, header: PlanHeader, groups: Groups) -> None:
        self._header, self._groups = header, groups
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    def groups(self) -> Generator[FileSync, None, int]:
        with self._lock:
            if self._file is None:
                self._file = self._written()
        opened = read_lines(self._lines(self._file))
        _, rest = opened.unwrap()
        trailer = yield from rest
        return trailer.compared

    def _written(self) -> IO[bytes]:
        import tempfile

        file: IO[bytes] = tempfile.TemporaryFile(prefix="b2pure-plan-")  # noqa: SIM115 - it lives as long as the plan
        try:
            file.writelines(write_lines(self._header, self._groups()))
        except BaseException:
            file.close()
            raise
        file.flush()
        weakref.finalize(self, file.close)
        return file

    def _lines(self, file: IO[bytes]) -> Iterator[bytes]:
        """Several readers may be under way at once, each with its own place in the file."""
        place = 0
        rest = b""
        while True:
            with self._lock:
                file.seek(place)
                block = file.read(1 << 18)
            if not block:
                break
            place += len(block)
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line + b"\n"
        if rest:
            yield rest
