"""A long listing asked for in several places at once: which calls to make, and what their answers are together.

B2 gives a listing page by page, each of which says where the next one begins; a reader who is faster than B2 waits for
one page after the other. So names that may begin a later page are guessed (`scale`), and asked for meanwhile.

Rules. The files come just as the pages would give them one after the other. A chain is what has been listed without a
gap from one name on; the first one begins where the reader is. Where a chain reaches into the next one they are joined:
what both have is cut off at the front of the later. A guess that was wrong costs calls, never files: guessing stops
while too much has been listed twice (`Spread.budget`). So many pages are held or on their way at most, and no more than
one ahead as long as the reader has not waited.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from typing import Final, Generic, Literal, Protocol, TypeVar

from attrs import define, field, frozen

from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.plan.scale import Scale, scale_of

__all__ = ["LISTING_WAYS", "PATIENCE_SECONDS", "Ask", "Cursor", "Listed", "Spread"]

LISTING_WAYS: Final = 4
"""So many pages of one listing are asked for at once, unless somebody says otherwise."""
PATIENCE_SECONDS: Final = 0.05
"""A shorter wait for a page is none: then the reader is about as fast as B2, and more threads would only cost."""
_BILLED: Final = 10
"""B2 bills each started tenth of the largest page as a call."""
_SHARE: Final = 8
"""One of so many files may be listed twice in the long run."""
_NEAR: Final = (0.3, 0.96)
"""The least and the greatest part of a page that is believed to lie before a guessed name."""
_ROOMY: Final = 0.15
"""More than this part of a page listed twice is more than has to be."""


class Listed(Protocol):
    """A file in a listing."""

    @property
    def file_name(self) -> str: ...
    @property
    def file_id(self) -> FileId | None: ...


F = TypeVar("F", bound=Listed)
_NAME: Final = attrgetter("file_name")


@frozen
class Cursor:
    """Where a page begins: at the first file of this name or behind it, or at this version of the name."""

    name: str
    file_id: FileId | None = None


@frozen
class Ask:
    """A call to make: a page of at most `count` files from `start` on."""

    number: int
    start: Cursor
    count: int


@define(eq=False)
class _Chain(Generic[F]):
    """Files without a gap from the name `start` on, up to `end` (None: nothing comes after), where the call `ask` is on
    its way, if there is one. `brief`: the last call asked for few files.
    """

    start: str
    end: Cursor | None
    ask: Ask | None = None
    brief: bool = False
    pages: deque[Sequence[F]] = field(factory=deque)

    def reaches(self, other: _Chain[F]) -> bool:
        return self.end is not None and self.end.name >= other.start


class Spread(Generic[F]):
    """The state of one listing. Say what `came`, make the calls that are `wanted`, `take` the files.

    `prefix` is what all names begin with; `ways` how many calls there may be at once, each for `page` files at most.
    The first page is known.
    """

    def __init__(
        self, prefix: str, files: Sequence[F], end: Cursor | None, ways: int = LISTING_WAYS, page: int = MAX_LIST_COUNT
    ) -> None:
        self._prefix, self._ways, self._page = prefix, ways, page
        self._chains: list[_Chain[F]] = [_Chain(prefix, end)]
        if files:
            self._chains[0].pages.append(files)
        self._asked = self._busy = 0
        self._waits = 0
        self._near = 0.85
        self._scale: Scale | None = None
        self._trusting = ways > 1
        self._spent = self._kept = len(files)
        self._learn(files)

    @property
    def done(self) -> bool:
        """Whether all files have been taken."""
        front = self._chains[0]
        return front.end is None and not front.pages

    @property
    def held(self) -> int:
        """Pages that have come and are not taken."""
        return sum(len(chain.pages) for chain in self._chains)

    def take(self) -> Sequence[F] | None:
        """The next files, if they have come."""
        pages = self._chains[0].pages
        return pages.popleft() if pages else None

    def starved(self) -> None:
        """The reader has waited: more pages are to be asked for ahead."""
        self._waits += 1

    @property
    def _ahead(self) -> int:
        """How many pages may be held or on their way: one ahead, until the reader has waited more than once; then as
        many as there are ways, and two of a single one.
        """
        return 1 + min(max(self._waits, 1), self._ways - 1 or 1)

    def wanted(self) -> list[Ask]:
        """The calls to make now, the most urgent first; they count as made."""
        asks: list[Ask] = []
        for place, chain in enumerate(self._chains):
            urgent = not place and not chain.pages
            if chain.ask is None and chain.end is not None and not self._followed(place) and self._room(urgent):
                chain.ask = self._call(chain.end, self._count(place))
                chain.brief = chain.ask.count < self._page
                asks.append(chain.ask)
        while self._waits > 1 and self._room() and self._trusting and self.budget >= 0:
            guessed = self._guessed()
            if guessed is None:
                break
            asks.append(guessed)
        return asks

    def came(self, ask: Ask, files: Sequence[F], end: Cursor | None) -> None:
        """The page that `ask` was answered with; `end` is where the next one begins."""
        self._busy -= 1
        unit = self._page // _BILLED or 1
        self._spent += max(1, -(-len(files) // unit)) * unit
        place = self._place(ask)
        if place is None:
            return
        chain = self._chains[place]
        chain.ask, chain.end = None, end
        if files:
            chain.pages.append(files)
            self._kept += len(files)
        if place == len(self._chains) - 1 or self._scale is None:
            self._learn(files)
        if files and ask.count == self._page and place + 1 < len(self._chains):
            self._aim(chain, self._chains[place + 1], files)
        self._join()

    def failed(self, ask: Ask) -> bool:
        """The call went wrong for good. Whether the listing cannot go on because of that."""
        self._busy -= 1
        self._trusting = False
        place = self._place(ask)
        if place is not None and place > 0:
            self._drop(place)
        return place == 0

    @property
    def budget(self) -> int:
        """How many more files may be listed in vain: for one guess more, if that is not negative."""
        risk = 2 * self._page * len(self._chains)  # each chain's page, and one that reaches over it
        allowed = self._kept // _SHARE + 2 * self._page * (self._ways + 1)
        return allowed - risk - (self._spent - self._kept)

    # --- what to ask

    def _room(self, urgent: bool = False) -> bool:
        return self._busy < self._ways and (urgent or self._busy + self.held < self._ahead)

    def _followed(self, place: int) -> bool:
        """Whether a call that is on its way goes on where the chain ends."""
        following = self._chains[place + 1] if place + 1 < len(self._chains) else None
        return following is not None and self._chains[place].reaches(following)

    def _call(self, start: Cursor, count: int) -> Ask:
        self._asked += 1
        self._busy += 1
        return Ask(self._asked, start, count)

    def _count(self, place: int) -> int:
        """How many files to ask for at the end of a chain: about what is missing up to the next one, if that is little;
        a whole page if it was more than that.
        """
        chain = self._chains[place]
        if place + 1 == len(self._chains) or self._scale is None or chain.end is None or chain.brief:
            return self._page
        missing = self._scale.between(chain.end.name, self._chains[place + 1].start)
        return self._page if missing is None else min(max(missing * 5 // 4, self._page // _BILLED, 1), self._page)

    def _guessed(self) -> Ask | None:
        """A call for a page that may come after one on its way, as near to the reader as there is room for one."""
        for place, chain in enumerate(self._chains):
            if chain.ask is not None and chain.ask.count == self._page and self._scale is not None:
                name = self._scale.guess(chain.ask.start.name, int(self._page * self._near))
                following = self._chains[place + 1].start if place + 1 < len(self._chains) else None
                if name is not None and name.startswith(self._prefix) and (following is None or name < following):
                    start = Cursor(name)
                    made = _Chain[F](name, start, self._call(start, self._page))
                    self._chains.insert(place + 1, made)
                    return made.ask
        return None

    # --- what came

    def _place(self, ask: Ask) -> int | None:
        return next((place for place, chain in enumerate(self._chains) if chain.ask == ask), None)

    def _learn(self, files: Sequence[F]) -> None:
        if files and self._ways > 1:
            self._scale = scale_of([file.file_name for file in files], self._prefix) or self._scale

    def _aim(self, chain: _Chain[F], following: _Chain[F], files: Sequence[F]) -> None:
        """Guess nearer where a page did not reach the guessed name, and farther where it reached far over it."""
        if chain.end is not None and not chain.reaches(following):
            self._near = max(self._near * 0.8, _NEAR[0])
        elif len(files) - bisect_left(files, following.start, key=_NAME) > len(files) * _ROOMY:
            self._near = min(self._near * 1.05, _NEAR[1])

    def _join(self) -> None:
        place = 0
        while place + 1 < len(self._chains):
            chain, following = self._chains[place], self._chains[place + 1]
            if chain.end is None:
                while len(self._chains) > place + 1:
                    self._drop(place + 1)
            elif not chain.reaches(following) or (not following.pages and following.ask is not None):
                place += 1
            else:
                self._joined(place, chain.end)

    def _joined(self, place: int, end: Cursor) -> None:
        """The chain that ends at `end` reaches into the next one: one chain of both, or the next one without use."""
        chain, following = self._chains[place], self._chains[place + 1]
        match self._cut(following, end):
            case "goes on":
                chain.pages.extend(following.pages)
                chain.end, chain.ask = following.end, following.ask
                del self._chains[place + 1]
            case "ends before" if following.ask is not None and following.end is not None:
                following.start = following.end.name  # what is on its way may go on behind `end`
            case _:
                self._drop(place + 1)

    def _cut(self, chain: _Chain[F], at: Cursor) -> Literal["goes on", "ends before", "is another"]:
        """Take from the front of the chain all that comes before `at`; how the chain stands to that place."""
        if chain.end == at:
            self._lose(chain)
            return "goes on"
        while chain.pages:
            files = chain.pages.popleft()
            self._kept -= len(files)
            first = _find(files, at)
            if first is not None:
                chain.pages.appendleft(files[first:])
                self._kept += len(files) - first
                return "goes on"
            if files[-1].file_name > at.name:
                return "is another"  # the version that comes next is not there any more
        if chain.end is None or chain.end.name > at.name:
            return "goes on" if at.file_id is None else "is another"
        return "ends before"

    def _drop(self, place: int) -> None:
        self._lose(self._chains.pop(place))

    def _lose(self, chain: _Chain[F]) -> None:
        self._kept -= sum(map(len, chain.pages))
        chain.pages.clear()


def _find(files: Sequence[F], at: Cursor) -> int | None:
    """The index of the file that comes at the cursor, if the files go so far."""
    first = bisect_left(files, at.name, key=_NAME)
    if at.file_id is None:
        return first if first < len(files) else None
    while first < len(files) and files[first].file_name == at.name:
        if files[first].file_id == at.file_id:
            return first
        first += 1
    return None
