"""The folders of a scan as its walk asks for them, and before it does when the tree is large: what `plan/ahead.py`
decides, done.

Rules. A scout (`scouting`) looks at folders that come soon while this process looks at the nearest; whoever is free
takes the next in order, among them those inside of folders that were looked at ahead. A folder with very many names is
shared name by name. What the walk gets is the same either way: a scout that is not there, or not sure, or does not
answer, leaves it to this process. With filters, which have to be asked before anything is touched, there is none.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from b2pure.model.files import SkippedPath
from b2pure.plan.ahead import (
    Ahead,
    Seen,
    effort,
    feeds,
    folders_to_ask,
    gives_up,
    pieces_to_ask,
    reads_on,
    silence,
    starts,
    wait_seconds,
)
from b2pure.shell.scan_folder import add_told, by_descriptor, read_folder, try_folder, try_told
from b2pure.shell.scan_values import Folder, Found, Rules
from b2pure.shell.scouting import Answer, Scout, possible

__all__ = ["Reader"]

Read = Found | SkippedPath | None


class _Piece:
    """Some names of a large folder."""

    def __init__(self, names: list[str]) -> None:
        self.names = names


class Reader:
    """Reads folders for one walk. `ahead` says how far it may be led; None for not at all. `clock` never goes back, and
    says the time in seconds.

    A folder that the walk has not asked for is waiting (`_waiting`, and in order in `_coming`), in the hands of the
    scout (`_asked`), or read (`_early`).
    """

    def __init__(self, rules: Rules, ahead: Ahead | None, clock: Callable[[], float]) -> None:
        self._rules, self._clock = rules, clock
        able = ahead is not None and by_descriptor(rules) and os.path.isabs(rules.root) and possible()
        self._ahead = ahead if able else None
        self._scout: Scout[Folder | _Piece] | None = None
        self._coming: list[tuple[str, Folder]] = []
        self._waiting: set[Folder] = set()
        self._asked: set[Folder] = set()
        self._early: dict[Folder, Read] = {}
        self._held = 0
        self._told: dict[_Piece, Answer | None] = {}
        self._seen = Seen()
        self._since = 0
        self._silent = self._slowest = self._waited = 0.0

    def root(self) -> Found:
        """The root. Raises OSError."""
        found = read_folder(self._rules, Folder("", linked=False, above=()), self._pieces)
        assert isinstance(found, Found)  # it has no folder above it that it could lead back to
        self._done(found)
        return found

    def close(self) -> None:
        """End the scout, if there is one."""
        if self._scout is not None:
            self._scout.close()

    def read(self, folder: Folder) -> Read:
        """What the folder holds, why it was not entered, or None when it vanished."""
        if folder in self._asked:
            self._await(folder)
        if folder in self._early:
            read = self._early.pop(folder)
            self._held -= _size(read)
            self._since += effort(_size(read), told=True)
            self._feed()
            return read
        self._waiting.discard(folder)
        return self._read(folder)

    def _read(self, folder: Folder) -> Read:
        began = self._busy()
        read = try_folder(self._rules, folder, self._pieces)
        self._looked(began)
        self._since += effort(_size(read), told=False)
        self._done(read)
        self._feed()
        return read

    def _busy(self) -> float:
        """The time, as it passes while nobody waits for the scout: or its silence would earn it more patience."""
        return self._clock() - self._waited

    def _looked(self, began: float) -> None:
        """How long it took says how slow the disk is."""
        self._slowest = max(self._slowest, self._busy() - began)

    def _done(self, read: Read) -> None:
        """A folder is read: those in it wait."""
        if self._ahead is not None and isinstance(read, Found):
            self._seen = self._seen.plus(read.size)
            for item in read.others.values():
                if isinstance(item, Folder) and not item.linked:
                    self._waiting.add(item)
                    heappush(self._coming, (item.path, item))

    def _next(self) -> Folder | None:
        """The next folder that waits; now somebody has it in hand."""
        while self._coming:
            folder = heappop(self._coming)[1]
            if folder in self._waiting:
                self._waiting.remove(folder)
                return folder
        return None

    # --- the scout

    def _feed(self) -> None:
        """Now and then, let the scout have enough to do, and hear what it has found."""
        ahead = self._ahead
        if ahead is None:
            return
        while self._coming and self._coming[0][1] not in self._waiting:
            heappop(self._coming)
        scout = self._scout
        if scout is None:
            scout = self._start(ahead, 0)
        elif not feeds(ahead, self._since):
            return
        if scout is not None:
            self._give(ahead, scout)

    def _give(self, ahead: Ahead, scout: Scout[Folder | _Piece]) -> None:
        self._since = 0
        self._hear(ahead, scout)
        for _ in range(folders_to_ask(ahead, self._seen, len(self._waiting), scout.asked, self._held)):
            folder = self._next()
            if folder is None:
                break
            self._asked.add(folder)
            scout.ask(folder, self._rules.where(folder.path), None, ahead.many)
        scout.say()

    def _start(self, ahead: Ahead, names: int) -> Scout[Folder | _Piece] | None:
        """A scout, when it is worth that and can be had. `names` are left of what is being read."""
        if not starts(ahead, self._seen, len(self._waiting), names):
            return None
        try:
            self._scout = Scout()
        except OSError:
            self._alone()
        return self._scout

    def _alone(self) -> None:
        """Go on without a scout."""
        self._ahead = None
        self._asked.clear()
        self._waiting.clear()
        self._coming.clear()

    def _hear(self, ahead: Ahead, scout: Scout[Folder | _Piece], *, wait: bool = False) -> None:
        """Take what the scout tells, and wait for that, but for a while only: one that hangs is given up."""
        began, heard = self._clock(), scout.heard
        answers = scout.hear(wait=wait_seconds(ahead) if wait else 0.0)
        took = self._clock() - began
        self._waited += took
        self._silent = silence(ahead, self._silent, took, told=scout.heard > heard)
        if gives_up(ahead, self._silent, self._slowest):
            scout.close()
        for key, answer in answers:
            if isinstance(key, _Piece):
                self._told[key] = answer
                continue
            self._asked.discard(key)
            if answer is not None:
                read = self._early[key] = try_told(self._rules, key, answer)
                self._held += _size(read)
                self._done(read)
        if not scout.alive:
            self._alone()

    def _await(self, folder: Folder) -> None:
        """Wait for the scout, reading other folders meanwhile."""
        while self._ahead is not None and self._scout is not None and folder in self._asked:
            self._give(self._ahead, self._scout)
            if folder not in self._asked or self._ahead is None:
                return
            other = self._next() if reads_on(self._ahead, len(self._waiting), self._held) else None
            if other is not None:
                read = self._early[other] = self._read(other)
                self._held += _size(read)
            else:
                self._hear(self._ahead, self._scout, wait=True)

    def _pieces(self, folder: Folder, found: Found, names: list[str]) -> Iterator[list[str]]:
        ahead = self._ahead
        if ahead is not None and len(names) > ahead.many:
            scout = self._scout or self._start(ahead, len(names))
            if scout is not None:
                yield from self._shared(ahead, scout, folder, found, names)
                return
        yield names

    def _shared(
        self, ahead: Ahead, scout: Scout[Folder | _Piece], folder: Folder, found: Found, names: list[str]
    ) -> Iterator[list[str]]:
        where, asked = self._rules.where(folder.path), deque[_Piece]()
        while names or asked:
            for _ in range(pieces_to_ask(ahead, len(names), len(asked))):
                piece = _Piece(_cut(names, ahead.piece))
                scout.ask(piece, where, piece.names, ahead.many)
                asked.append(piece)
            self._hear(ahead, scout, wait=not names)
            while asked and (asked[0] in self._told or not scout.alive):
                piece = asked.popleft()
                answer = self._told.pop(piece, None)
                if answer is None or answer.identity != found.chain[-1]:
                    yield piece.names
                elif rest := add_told(found, answer):
                    yield rest
            if not scout.alive:
                yield names
                return
            if names:
                began = self._busy()
                yield _cut(names, ahead.piece)
                self._looked(began)


def _cut(names: list[str], count: int) -> list[str]:
    piece = names[-count:]
    del names[-count:]
    return piece


def _size(read: Read) -> int:
    return read.size if isinstance(read, Found) else 0
