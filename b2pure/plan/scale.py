"""Where in a listing a name stands that nobody has seen: names as numbers, by the names of a page.

Most buckets have names that something counts, hashes or dates: in the order of names they lie about evenly. A `Scale`
reads them as numbers, digit by digit, each position with the characters that occur there; so it can say which name
stands about so many places after another. It is only a guess, and nothing may depend on its being right.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from attrs import evolve, frozen

from b2pure.model.names import b2_name_problem

__all__ = ["Scale", "scale_of"]

_SAMPLES: Final = 200
"""So many names of a page are looked at."""
_FINE: Final = 1 << 64
"""Digits of a name beyond this many different numbers do not matter."""
_CARRIES: Final = 4
"""So many characters of what all names share may still be counted up."""
_END: Final = ""
"""Stands where a name has ended: before every character."""
_CLASSES: Final = (digits, ascii_lowercase, ascii_uppercase)


@frozen
class Scale:
    """Numbers for names that begin with `base`: the characters of each position after it, in order. `step` numbers lie
    between two neighbours, times `names`.
    """

    base: str
    alphabets: tuple[tuple[str, ...], ...]
    step: int
    names: int

    def guess(self, name: str, places: int) -> str | None:
        """About the name that stands so many places after `name`; always a legal one behind it. None for no idea."""
        at = self.number(name)
        found = self._name(at + self.step * places // self.names) if at is not None else None
        return found if found is not None and found > name and b2_name_problem(found) is None else None

    def between(self, low: str, high: str) -> int | None:
        """About how many names lie between two, or None for no idea."""
        start, stop = self.number(low), self.number(high)
        return (stop - start) * self.names // self.step if start is not None and stop is not None else None

    def number(self, name: str) -> int | None:
        """The number of a name; a later one has no smaller one. None where this is another scale's business."""
        if not name.startswith(self.base):
            return None
        total, exact, begin = 0, True, len(self.base)
        for place, alphabet in enumerate(self.alphabets, begin):
            total *= len(alphabet)
            if exact:
                char = name[place : place + 1]
                rank = bisect_left(alphabet, char)
                exact = rank < len(alphabet) and alphabet[rank] == char
                if rank == len(alphabet):  # behind all that is known: the next number
                    total += 1
                    rank = 0
                total += rank
        return total

    def _name(self, number: int) -> str | None:
        chars: list[str] = []
        for alphabet in reversed(self.alphabets):
            number, rank = divmod(number, len(alphabet))
            chars.append(alphabet[rank])
        if number:
            return None  # more than all these names
        text = "".join(takewhile(bool, reversed(chars)))
        return (self.base + text).rstrip("/")


def scale_of(names: Sequence[str], prefix: str) -> Scale | None:
    """The scale of names in order, which begin with `prefix`; None where they tell nothing."""
    seen = sorted({names[len(names) * at // _SAMPLES] for at in range(_SAMPLES)} | {names[-1]}) if names else []
    if len(seen) < 2:
        return None
    base = seen[0][: max(len(prefix), _shared(seen[0], seen[-1]) - _CARRIES)]
    rough = Scale(base, _alphabets(seen, len(base)), 1, 1)
    low, high = rough.number(seen[0]) or 0, rough.number(seen[-1]) or 0
    return evolve(rough, step=high - low, names=len(names) - 1) if low < high else None


def _shared(first: str, last: str) -> int:
    """How many characters two names begin with together."""
    return next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def _alphabets(seen: Sequence[str], begin: int) -> tuple[tuple[str, ...], ...]:
    """The characters of each position from `begin` on, as far as they matter. Where counting has gone round, all have
    been seen; before that, more are to come.
    """
    found: list[set[str]] = []
    rounds: list[bool] = []
    size, longest = 1, max(map(len, seen))
    for place in range(begin, longest):
        fronts = len({name[begin:place] for name in seen})
        found.append({name[place : place + 1] for name in seen if len(name) >= place})
        rounds.append(fronts > 2)
        size *= len(found[-1])
        if size >= _FINE or fronts == len(seen):
            break
    whole = [chars for chars, round_ in zip(found, rounds, strict=True) if round_]
    return tuple(
        tuple(sorted(chars if round_ else _completed(chars, whole)))
        for chars, round_ in zip(found, rounds, strict=True)
    )


def _completed(chars: set[str], whole: Sequence[set[str]]) -> set[str]:
    """What a position may count through: as one does that has gone round, or by kinds of characters."""
    known = chars - {_END}
    for more in whole:
        if known <= more and len(more) >= len(digits) and not (more - set("".join(_CLASSES))):
            return chars | more
    kinds = [kind for kind in _CLASSES if known & set(kind)]
    return chars.union(*kinds)
