"""The folders of a scan as its walk asks for them, and before it does when the tree is large: what `plan/ahead.py`
decides, done.

Rules. A scout (`scouting`) looks at folders that come soon while this process looks at the nearest; whoever is free
takes the next. A folder with very many names is shared name by name. What the walk gets is the same either way: a scout
that is not there, or not sure, leaves it to this process. With filters, which have to be asked before anything is
touched, there is none.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from typing import Final

from b2pure.model.files import SkippedPath
from b2pure.plan.ahead import Ahead, Seen, folders_to_ask, pieces_to_ask, reads_on, starts
from b2pure.shell.scan_folder import add_told, by_descriptor, read_folder, try_folder, try_told
from b2pure.shell.scan_values import Folder, Found, Rules
from b2pure.shell.scouting import Answer, Scout, possible

__all__ = ["Reader"]

Read = Found | SkippedPath | None

_LEVELS: Final = 64
"""So many folders up one looks for what comes next."""


class _Piece:
    """Some names of a large folder."""

    def __init__(self, names: list[str]) -> None:
        self.names = names


class Reader:
    """Reads folders for one walk, which tells where it is. `ahead` says how far it may be led; None for not at all."""

    def __init__(self, rules: Rules, ahead: Ahead | None) -> None:
        self._rules = rules
        able = ahead is not None and by_descriptor(rules) and os.path.isabs(rules.root) and possible()
        self._ahead = ahead if able else None
        self._scout: Scout[Folder | _Piece] | None = None
        self._levels: list[list[Folder]] = []
        self._early: dict[Folder, Read] = {}
        self._early_names = 0
        self._seen = Seen()
        self._failed = False

    def root(self) -> Found:
        """The root. Raises OSError."""
        found = read_folder(self._rules, Folder("", linked=False, above=()), self._pieces if self._ahead else None)
        assert isinstance(found, Found)  # it has no folder above it that it could lead back to
        self._seen = self._seen.plus(_size(found))
        return found

    def enter(self, found: Found) -> None:
        """The walk goes into a folder: those in it come next."""
        if self._ahead is not None:
            inner = [item for item in found.others.values() if isinstance(item, Folder) and not item.linked]
            self._levels.append(sorted(inner, key=lambda folder: folder.path, reverse=True))
            self._feed(self._ahead)

    def leave(self) -> None:
        """The walk goes back into the folder above."""
        if self._ahead is not None:
            self._levels.pop()

    def close(self) -> None:
        """End the scout, if there is one."""
        if self._scout is not None:
            self._scout.close()

    def read(self, folder: Folder) -> Read:
        """What the folder holds, why it was not entered, or None when it vanished."""
        ahead = self._ahead
        if ahead is None:
            return try_folder(self._rules, folder)
        level = self._levels[-1]
        if level and level[-1] is folder:
            level.pop()
        elif folder in self._early:
            read = self._early.pop(folder)
            self._early_names -= _size(read)
            return read
        elif self._scout is not None and folder in self._scout:
            answer = self._awaited(ahead, self._scout, folder)
            if answer is not None:
                self._seen = self._seen.plus(answer.size)
                return try_told(self._rules, folder, answer)
        return self._read_here(ahead, folder)

    def _read_here(self, ahead: Ahead, folder: Folder) -> Read:
        read = try_folder(self._rules, folder, self._pieces)
        self._seen = self._seen.plus(_size(read))
        self._feed(ahead)
        return read

    def _awaited(self, ahead: Ahead, scout: Scout[Folder | _Piece], folder: Folder) -> Answer | None:
        """What the scout found, while this process reads other folders; None if it leaves the folder to us."""
        while folder in scout and not scout.has(folder):
            self._feed(ahead)
            if scout.has(folder):
                break
            other = self._next() if reads_on(ahead, self._waiting, self._held) else None
            if other is not None:
                read = self._early[other] = self._read_here(ahead, other)
                self._early_names += _size(read)
            else:
                scout.hear(wait=True)
        answer = scout.take(folder)
        self._feed(ahead)
        return answer

    # --- the scout

    @property
    def _waiting(self) -> int:
        return sum(map(len, self._levels[-_LEVELS:]))

    @property
    def _held(self) -> int:
        return self._early_names + (self._scout.held if self._scout is not None else 0)

    def _next(self) -> Folder | None:
        """The next folder that nobody has in hand; now somebody has."""
        for level in reversed(self._levels[-_LEVELS:]):
            if level:
                return level.pop()
        return None

    def _feed(self, ahead: Ahead) -> None:
        """Let the scout have enough to do, and hear what it has found."""
        scout = self._started(ahead, 0)
        if scout is None:
            return
        for _ in range(folders_to_ask(ahead, self._seen, self._waiting, scout.asked, self._held)):
            folder = self._next()
            if folder is None:
                break
            scout.ask(folder, self._rules.where(folder.path), None, ahead.many)
        scout.hear()

    def _started(self, ahead: Ahead, names: int) -> Scout[Folder | _Piece] | None:
        """The scout, started when it is worth that; None without one. `names` are left of what is being read."""
        if self._scout is None and not self._failed and starts(ahead, self._seen, self._waiting, names):
            try:
                self._scout = Scout()
            except OSError:
                self._failed = True
        return self._scout if self._scout is not None and self._scout.alive else None

    def _pieces(self, folder: Folder, found: Found, names: list[str]) -> Iterator[list[str]]:
        ahead = self._ahead
        scout = self._started(ahead, len(names)) if ahead is not None and len(names) > ahead.many else None
        if ahead is None or scout is None:
            yield names
            return
        where, asked = self._rules.where(folder.path), deque[_Piece]()
        while names or asked:
            for _ in range(pieces_to_ask(ahead, len(names), len(asked))):
                piece = _Piece(_cut(names, ahead.piece))
                scout.ask(piece, where, piece.names, ahead.many)
                asked.append(piece)
            scout.hear(wait=not names)
            while asked and (scout.has(asked[0]) or not scout.alive):
                piece = asked.popleft()
                answer = scout.take(piece)
                if answer is None or answer.identity != found.chain[-1]:
                    yield piece.names
                elif rest := add_told(found, answer):
                    yield rest
            if not scout.alive:
                yield names
                return
            if names:
                yield _cut(names, ahead.piece)


def _cut(names: list[str], count: int) -> list[str]:
    piece = names[-count:]
    del names[-count:]
    return piece


def _size(read: Read) -> int:
    """How many names are held of it."""
    return len(read.files) + len(read.others) if isinstance(read, Found) else 0
