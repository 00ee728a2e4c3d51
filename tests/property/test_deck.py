"""Laws of what processes tell each other, and of who does what when some of them die."""

from __future__ import annotations

from random import Random
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from b2pure.effects import relay
from b2pure.effects.deck import Deck
from b2pure.effects.events import BytesMoved, Event, InFlight, LargeFileBegun, PathDone, PathStarted, Waiting
from b2pure.effects.outcomes import Conflict, Done, Drifted, Failed, Skipped, Superseded
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalDrifted,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.policy import SyncPolicy
from b2pure.plan.actions import FileSync, UploadAction
from b2pure.plan.plan import plan_sync
from b2pure.plan.reasons import DestNewer, NewFile
from b2pure.plan.resume import AllDiffer as Differ
from b2pure.plan.resume import (
    Behind,
    OtherContentType,
    OtherInfo,
    OtherName,
    OtherParts,
    OtherProtection,
    ResumeDecision,
    Taken,
    Verdict,
)
from b2pure.plan.resume import Older as OlderOne
from b2pure.testing import b2_pairs, down_pairs, pairs_of_trees

# --- words -----------------------------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_NUMBER = st.integers(0, 1 << 53)
_FACT = st.builds(LocalFact, _NUMBER, _NUMBER)
_IDS = _TEXT.map(FileId)
_ERRORS: st.SearchStrategy[B2Error] = st.one_of(
    st.builds(Rejected, _NUMBER, _TEXT, _TEXT),
    st.builds(Unauthorized, _TEXT, _TEXT),
    st.builds(CapExceeded, _TEXT, _TEXT),
    st.builds(Throttled, st.none() | st.floats(0, 100)),
    st.builds(Unavailable, _NUMBER, _TEXT, _TEXT, st.none() | st.floats(0, 100)),
    st.builds(Transport, st.sampled_from(("connect", "timeout", "broken", "protocol")), _TEXT),
    st.builds(Corrupt, _TEXT, _TEXT, _TEXT, _TEXT),
    st.builds(LocalFailure, _TEXT, _TEXT, _TEXT),
    st.builds(LocalDrifted, _TEXT, st.none() | _FACT, st.none() | _FACT),
)
_POLICY = SyncPolicy(allow_empty_source=True)
_SIDES = st.one_of(pairs_of_trees(max_files=3, large=True), down_pairs(max_files=3), b2_pairs(max_files=3, large=True))
_SYNCS = _SIDES.map(lambda sides: [s for s in plan_sync(sides[0], sides[1], _POLICY, now_millis=1) if s.stages])


@st.composite
def _one_sync(draw: st.DrawFn) -> FileSync:
    syncs = draw(_SYNCS)
    assume(syncs)
    return syncs[draw(st.integers(0, len(syncs) - 1))]


_SYNC = _one_sync()
_OUTCOMES = st.one_of(
    _SYNC.map(Done),
    st.builds(lambda sync, error: Failed(sync, sync.stages[0][0], error, sync.stages[0]), _SYNC, _ERRORS),
    st.builds(Drifted, _SYNC, _TEXT, _TEXT),
    _SYNC.map(Superseded),
    st.builds(lambda path, one, two: Conflict(FileSync(path, DestNewer(one, two))), _TEXT, _NUMBER, _NUMBER),
    _TEXT.map(lambda path: Skipped(FileSync(path, NewFile()))),
)
_WHYS = st.one_of(
    st.builds(Taken, _NUMBER),
    st.builds(OtherName, _TEXT),
    st.builds(OtherContentType, _TEXT, _TEXT),
    st.builds(OtherInfo, st.lists(_TEXT).map(tuple)),
    st.builds(OtherProtection, st.sampled_from(("encryption", "retention"))),
    st.builds(OtherParts, _NUMBER, st.sampled_from(("another length", "another SHA-1"))),
    st.builds(OlderOne, _NUMBER),
    st.builds(Behind, _NUMBER),
)
_DECISIONS = st.builds(
    ResumeDecision,
    st.none() | _IDS,
    st.dictionaries(st.integers(1, 10_000), _TEXT, max_size=3),
    st.lists(st.builds(Verdict, _IDS, _NUMBER, _WHYS), max_size=3).map(tuple),
    st.none() | st.lists(_IDS).map(tuple).map(Differ),
)
_EVENTS: st.SearchStrategy[Event] = st.one_of(
    _TEXT.map(PathStarted),
    st.builds(InFlight, _NUMBER, _NUMBER),
    st.builds(BytesMoved, _TEXT, _NUMBER),
    st.builds(LargeFileBegun, _TEXT, _IDS, _DECISIONS, _NUMBER),
    st.builds(Waiting, _ERRORS, st.floats(0, 100)),
    _OUTCOMES.map(PathDone),
)


@given(_EVENTS)
def test_what_is_told_arrives_as_it_was(event: Event) -> None:
    """Through a line of JSON, with equal types."""
    line = relay.line_of(relay.Told(relay.pack(event)))
    assert line.count(b"\n") == 1
    word = relay.read_from_mate(line)
    assert isinstance(word, relay.Told)
    again = relay.unpack(word.event)
    assert again == event
    assert repr(again) == repr(event)


@given(_SYNCS)
def test_a_hand_arrives_as_it_was(syncs: list[FileSync]) -> None:
    word = relay.Deal(tuple(syncs))
    assert relay.read_to_mate(relay.line_of(word)) == word


@pytest.mark.parametrize("union", [Event, B2Error])
def test_no_class_is_packed_under_the_name_of_another(union: Any) -> None:
    for kind in get_args(union):
        assert relay._PACKED[kind.__name__] is kind


# --- the deck --------------------------------------------------------------------------------------------------------


def _sync(number: int) -> FileSync:
    path = f"{number:04}"
    return FileSync(path, NewFile(), ((UploadAction(path, LocalFact(1, 1), None, None),),))


class _Run:
    """One run on a deck, step by step on one thread: `own` (0) never dies."""

    def __init__(self, mates: int, hands: list[tuple[FileSync, ...]], chance: Random) -> None:
        self.chance = chance
        self.deck = Deck(mates, chance.random, bound=10_000, patience=0)
        self.alive = set(range(mates))
        self.held: dict[int, list[str]] = {mate: [] for mate in range(mates)}
        self.settled: list[str] = []
        self.given_up: list[str] = []
        self.deaths: dict[str, int] = {}
        self.left = 0
        for hand in hands:
            assert self.deck.put(hand)
            self.left += 1
        self.deck.close()

    def step(self) -> None:
        mate = self.chance.choice(sorted(self.alive))
        what = self.chance.random()
        if self.deck._hands and what < 0.5:
            self.deck.ask(mate, 1)
            hand = self.deck.take(mate)
            assert hand is not None
            self.held[mate] += [sync.path for sync in hand]
        elif self.held[mate] and what < 0.9:
            path = self.held[mate].pop(self.chance.randrange(len(self.held[mate])))
            sync = self.deck.settle(mate, path)
            assert sync is not None
            assert sync.path == path
            self.settled.append(path)
        elif mate and what >= 0.9:
            self.alive.remove(mate)
            for path in self.held.pop(mate):
                self.deaths[path] = self.deaths.get(path, 0) + 1
            self.given_up += [sync.path for sync in self.deck.lose(mate)]

    @property
    def over(self) -> bool:
        return not self.deck._hands and not any(self.held.values())


@given(st.integers(1, 5), st.lists(st.integers(1, 16), max_size=12), st.integers(0, 1 << 30))
def test_whoever_dies_each_path_ends_once(mates: int, sizes: list[int], seed: int) -> None:
    """It is done, or it is given up since two died of it."""
    numbers = iter(range(1000))
    hands = [tuple(_sync(next(numbers)) for _ in range(size)) for size in sizes]
    run = _Run(mates, hands, Random(seed))
    while not run.over:
        run.step()
    every = sorted(sync.path for hand in hands for sync in hand)
    assert sorted(run.settled + run.given_up) == every
    assert set(run.given_up) == {path for path, deaths in run.deaths.items() if deaths == 2}
    for mate in run.alive:
        assert run.deck.take(mate) is None
    assert run.deck.busy() == [False] * mates


def test_nobody_is_sent_home_while_somebody_may_die() -> None:
    """Its work would have to be done by those who are gone."""
    deck = Deck(2, Random(1).random, patience=0)
    deck.put((_sync(1),))
    deck.close()
    deck.ask(1, 1)
    assert deck.take(1) == (_sync(1),)
    assert not deck._done(0)
    deck.lose(1)
    deck.ask(0, 1)
    assert deck.take(0) == (_sync(1),)
    assert deck.take(1) is None
    deck.settle(0, "0001")
    assert deck.take(0) is None


def test_after_a_stop_nothing_is_put_or_taken() -> None:
    deck = Deck(1, Random(1).random)
    assert deck.put((_sync(1),))
    deck.ask(0, 5)
    deck.stop()
    assert deck.stopped
    assert deck.take(0) is None
    assert not deck.put((_sync(2),))
