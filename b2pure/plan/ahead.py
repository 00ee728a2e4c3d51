"""Who looks at what when a scan may have a scout, a second process that looks ahead: decisions from what was seen.

Rules.
- A scout is worth starting when there is more left than the scan itself will have seen until the scout is there. As
  much is taken to be left as the folders that are known make likely, or as was seen already.
- A scout has enough to do that it need not wait, and no more than is soon needed: what it finds is held until the walk
  comes there. Towards the end it has less, so that neither waits long for the other.
- Who waits for the scout looks at the next folder meanwhile, unless much is held already.
- A scout that tells nothing for longer than looking here ever took is stopped, or hangs: it is given up, and all that
  it was asked for is looked at here. Only time that was spent waiting for it counts, so that a process that was stopped
  itself, or slept, is not angry with its scout. Who gives up too soon finds the same, only later.
- To see to the scout takes longer than to look at a small folder, so it is done now and then, by how much was done.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

__all__ = [
    "USUAL",
    "Ahead",
    "Seen",
    "effort",
    "feeds",
    "folders_to_ask",
    "gives_up",
    "pieces_to_ask",
    "reads_on",
    "silence",
    "starts",
    "wait_seconds",
]

_FOLDER_COUNTS: Final = 16
"""A folder counts as so many names on top of its own."""
_WAITS: Final = 8
"""Silence is measured in so many waits, none of which counts for more than its share."""
_SLOWER: Final = 2
"""A scout may take so many times as long as looking here ever took."""
_EXPLAINED: Final = 12
"""No disk explains a silence of more than so many times the usual patience."""
_LOOKED: Final = 4
"""To look at names takes so many times as long as to be told of them."""


@frozen
class Ahead:
    """How far ahead of a walk a scout may be.

    So many names make it `worth` starting one, once a `sample` of names was seen. A folder with more than `many` names
    is looked at in pieces of `piece` names. A scout has about `busy` names to do, in at most `folders` folders. At most
    about `held` names are held that the walk has not come to. A silence of `patience` seconds needs an explanation.
    """

    worth: int = 6000
    sample: int = 1000
    many: int = 8192
    piece: int = 512
    busy: int = 4096
    folders: int = 64
    held: int = 32768
    patience: float = 5.0


USUAL: Final = Ahead()


@frozen
class Seen:
    """What a scan has looked at so far."""

    names: int = 0
    folders: int = 0

    def plus(self, names: int) -> Seen:
        """After one more folder, with so many names."""
        return Seen(self.names + names, self.folders + 1)

    @property
    def usual(self) -> int:
        """How many names a folder has, on the whole; at least one."""
        return max(1, self.names // max(1, self.folders))


def starts(ahead: Ahead, seen: Seen, waiting: int, names: int = 0) -> bool:
    """Whether a scout is worth starting now. `waiting` folders are known and not looked at; of the one that is being
    read `names` names are left.
    """
    if not (waiting or names):
        return False
    left = names + max(waiting * seen.usual, seen.names if waiting else 0)
    return left >= ahead.worth and seen.names + names >= ahead.sample


def folders_to_ask(ahead: Ahead, seen: Seen, waiting: int, asked: int, held: int) -> int:
    """How many more folders to give a scout that has `asked` to do, while `held` names are held."""
    if held >= ahead.held:
        return 0
    room = min(max(2, ahead.busy // seen.usual), ahead.folders)
    return min(waiting, max(0, min(room, 2 + waiting // 4) - asked))


def pieces_to_ask(ahead: Ahead, left: int, asked: int) -> int:
    """How many more pieces of a large folder, of which `left` names are left, to give a scout that has `asked`."""
    pieces = -(-left // ahead.piece)
    return min(pieces, max(0, min(4, 1 + pieces // 2) - asked))


def reads_on(ahead: Ahead, waiting: int, held: int) -> bool:
    """Whether who waits for the scout looks at another folder meanwhile."""
    return waiting > 0 and held < ahead.held


def effort(names: int, *, told: bool) -> int:
    """How much it is to come to a folder of so many names, of which one was `told`, or had to look at it."""
    return (names + _FOLDER_COUNTS) * (1 if told else _LOOKED)


def feeds(ahead: Ahead, done: int) -> bool:
    """Whether to see to the scout again, after so much effort since the last time: before it has nothing to do."""
    return done >= ahead.busy // 4


def wait_seconds(ahead: Ahead) -> float:
    """How long to wait for a scout at once."""
    return ahead.patience / _WAITS


def silence(ahead: Ahead, before: float, waited: float, *, told: bool) -> float:
    """For how many seconds a scout has told nothing, after one more wait that took so many seconds by the clock."""
    return 0.0 if told else before + min(max(0.0, waited), wait_seconds(ahead))


def gives_up(ahead: Ahead, silent: float, slowest: float) -> bool:
    """Whether to go on without a scout that was silent for so many seconds. The `slowest` look here took so many: a
    disk that is slow for us is slow for a scout.
    """
    return silent >= min(max(ahead.patience, _SLOWER * slowest), _EXPLAINED * ahead.patience)
