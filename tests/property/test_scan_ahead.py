"""Laws of looking ahead: a scan finds the same with a scout as without, whatever the tree is like and whenever the
scout dies, or stops; and a scout gets no more to do than there is, and than may be held.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

import pytest
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trees_support import TREES, made

import b2pure.shell.scan_ahead as scan_ahead
from b2pure.model.files import LocalItem, LocalPath
from b2pure.plan.ahead import (
    USUAL,
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
from b2pure.shell.scan import scan
from b2pure.shell.scout import answered
from b2pure.shell.scouting import Answer, Scout, possible

needs_scout = pytest.mark.skipif(not possible(), reason="needs two processors and a POSIX file system")

EAGER: Final = (
    Ahead(worth=0, sample=0),
    Ahead(worth=0, sample=0, many=2, piece=1),
    Ahead(worth=0, sample=0, busy=1, held=1),
)
"""A scout that has something to do in the smallest tree; the other settings have their limits there."""

Tree = Mapping[str, "Tree | None"]
_NAMES: Final = st.sampled_from(["a", "a-", "a0", "b", "c.d", "ä", "\n", "日本"])
NESTED: Final = st.recursive(
    st.dictionaries(_NAMES, st.none(), max_size=4),
    lambda inner: st.dictionaries(_NAMES, st.none() | inner, max_size=6),
    max_leaves=12,
)
LIMITS: Final = st.builds(
    Ahead,
    *(st.integers(0, 20) for _ in ("worth", "sample")),
    many=st.integers(0, 6),
    piece=st.integers(1, 3),
    busy=st.integers(1, 20),
    folders=st.integers(1, 5),
    held=st.integers(0, 20),
)


def _make(root: Path, tree: Tree) -> None:
    for name, inner in tree.items():
        if inner is None:
            (root / name).write_bytes(name.encode())
        else:
            (root / name).mkdir()
            _make(root / name, inner)


@contextmanager
def _struck_after(times: int, number: int = signal.SIGKILL) -> Iterator[None]:
    """Scouts get this signal after so many exchanges with one."""
    heard, hear = 0, Scout.hear

    def hear_and_strike(scout: Scout[object], *, wait: float = 0.0) -> list[tuple[object, Answer | None]]:
        nonlocal heard
        heard += 1
        if heard > times and scout.alive:
            os.kill(scout.pid, number)
        return hear(scout, wait=wait)

    with patch.object(Scout, "hear", hear_and_strike):
        yield


def _alone(root: Path, *, exclude_symlinks: bool = False, stay_inside: bool = False) -> list[LocalItem]:
    return list(scan(root, exclude_symlinks=exclude_symlinks, stay_inside=stay_inside, ahead=None))


@needs_scout
@settings(max_examples=max(10, settings().max_examples // 4))
@given(TREES, st.booleans(), st.booleans(), st.sampled_from(EAGER), st.booleans())
@example({b"a": "folder", b"b": "folder", b"c": "link to a", b"d": "folder for nobody"}, False, False, EAGER[0], False)
@example({b"\xff": "file", b".b2pure-0123456789abcdef.tmp": "file", b"a": "pipe"}, False, False, EAGER[1], False)
@example({b".b2pure-0123456789abcdef.tmp": "file", b"a": "folder"}, False, False, EAGER[0], False)
def test_a_scan_finds_the_same_with_a_scout_as_without(
    tree: Mapping[bytes, str], exclude_symlinks: bool, stay_inside: bool, ahead: Ahead, somebody_looks: bool
) -> None:
    with made(tree, somebody_looks=somebody_looks, folders=("d-", "d", "e")) as root:
        alone = _alone(root, exclude_symlinks=exclude_symlinks, stay_inside=stay_inside)
        led = list(scan(root, exclude_symlinks=exclude_symlinks, stay_inside=stay_inside, ahead=ahead))
    assert led == alone


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")
@given(TREES)
def test_what_a_scout_tells_of_is_what_a_scan_finds(tree: Mapping[bytes, str]) -> None:
    with made(tree, folders=("x",)) as root:
        names, place = os.listdir(root / "x"), os.fsencode(root / "x")
        told, some = answered(place, None, 100), answered(place, "\0".join(sorted(names)[::2]), 100)
        alone = _alone(root / "x")
    assert told is not None
    answer = Answer(*told)
    assert sorted([*answer.names(), *answer.folders, *answer.rest]) == sorted(names)
    usual = {item.path: item for item in alone if isinstance(item, LocalPath)}
    assert [LocalPath(*fields) for fields in zip(answer.names(), *answer.numbers(), strict=True)] == [
        usual[name] for name in answer.names()
    ]
    assert answer.folders == sorted(name for name in answer.folders if "folder" in tree[name.encode()])
    if names and some is not None:
        half = Answer(*some)
        assert half.names() == [name for name in answer.names() if name in sorted(names)[::2]]


@needs_scout
@settings(max_examples=max(10, settings().max_examples // 2))
@given(NESTED, LIMITS, st.none() | st.integers(0, 6))
@example({"a": {"b": {}}, "b": {"a": None}, "c.d": {"ä": None}}, EAGER[0], 0)
@example({"a": None, "a-": None, "a0": None, "b": None}, EAGER[1], 1)
def test_a_scan_finds_the_same_whenever_the_scout_dies(tree: Tree, ahead: Ahead, dies_after: int | None) -> None:
    with TemporaryDirectory() as name:
        _make(Path(name), tree)
        with _struck_after(dies_after if dies_after is not None else sys.maxsize):
            led = list(scan(name, ahead=ahead))
        assert led == _alone(Path(name))


@needs_scout
@settings(max_examples=max(10, settings().max_examples // 4))
@given(NESTED, LIMITS, st.integers(0, 6))
@example({"a": {"b": {}}, "b": {"a": None}, "c.d": {"ä": None}}, EAGER[0], 0)
@example({"a": None, "a-": None, "a0": None, "b": None}, EAGER[1], 1)
def test_a_scan_finds_the_same_whenever_the_scout_stops(tree: Tree, ahead: Ahead, stops_after: int) -> None:
    """As it would when it hangs on a disk: nothing is lost, nothing comes twice, and the scan comes to its end."""
    with TemporaryDirectory() as name:
        _make(Path(name), tree)
        with _struck_after(stops_after, signal.SIGSTOP):
            led = list(scan(name, ahead=evolve(ahead, patience=0.02)))
        assert led == _alone(Path(name))


@needs_scout
@settings(max_examples=max(10, settings().max_examples // 4))
@given(NESTED, LIMITS)
def test_a_scan_finds_the_same_with_whatever_patience(tree: Tree, ahead: Ahead) -> None:
    """Also with none at all, for a scout that is only slow."""
    with TemporaryDirectory() as name:
        _make(Path(name), tree)
        impatient = evolve(ahead, patience=1e-6)
        assert list(scan(name, ahead=impatient)) == _alone(Path(name))


@needs_scout
def test_a_scout_does_part_of_the_work(tmp_path: Path) -> None:
    _make(tmp_path, {f"{number:02}": {f"{name}": None for name in "abcdef"} for number in range(40)})
    started: list[Scout[object]] = []
    answered = 0

    class Watched(Scout[object]):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

        def hear(self, *, wait: float = 0.0) -> list[tuple[object, Answer | None]]:
            nonlocal answered
            answers = super().hear(wait=wait)
            answered += sum(1 for _, answer in answers if answer is not None)
            return answers

    with patch.object(scan_ahead, "Scout", Watched):
        assert len(list(scan(tmp_path, ahead=EAGER[0]))) == 240
        assert [scout.alive for scout in started] == [False]
        assert answered >= 1
        wide = answered
        _make(tmp_path, {f"{number:03}x": None for number in range(600)})
        assert len(list(scan(tmp_path, ahead=Ahead(worth=0, sample=0, many=2, piece=1)))) == 840
        assert answered > wide


class Slow:
    """A scout that tells something after so many waits, again and again, and then nothing any more. It keeps the time,
    which passes only while somebody waits for it.
    """

    def __init__(self, pauses: list[int]) -> None:
        self._pauses, self.alive, self.heard, self.now, self.silent = list(pauses), True, 0, 0.0, 0
        self._keys: list[object] = []

    @property
    def asked(self) -> int:
        return len(self._keys)

    def ask(self, key: object, *_: object) -> None:
        self._keys.append(key)

    def say(self) -> None:
        pass

    def hear(self, *, wait: float = 0.0) -> list[tuple[object, Answer | None]]:
        if not self.alive:
            return []
        self.now += wait
        self.silent += wait > 0
        if not self._pauses or self.silent < self._pauses[0]:
            return []
        self._pauses.pop(0)
        self.silent, self.heard = 0, self.heard + 1
        return [(self._keys.pop(0), None)] if self._keys else []

    def close(self) -> None:
        self.alive = False


@needs_scout
@settings(max_examples=max(10, settings().max_examples // 2))
@given(NESTED, st.sampled_from(EAGER), st.lists(st.integers(1, 7)))
@example({"a": {"a": None, "b": None, "c.d": None}, "b": {"a": None, "b": None, "c.d": None}}, EAGER[1], [7])
def test_a_wait_for_a_scout_earns_it_no_patience(tree: Tree, ahead: Ahead, pauses: list[int]) -> None:
    """Looking here takes no time at all, so a silence of the usual patience, which is eight waits, is enough."""
    scout = Slow(pauses)
    with TemporaryDirectory() as name, patch.object(scan_ahead, "Scout", lambda: scout):
        _make(Path(name), tree)
        led = list(scan(name, ahead=ahead, clock=lambda: scout.now))
        assert led == _alone(Path(name))
    assert scout.silent <= 8


# --- what is decided

_COUNTS: Final = st.integers(0, 10**6)
_SEEN: Final = st.builds(Seen, _COUNTS, st.integers(0, 10**4))


@given(LIMITS | st.just(USUAL), _SEEN, _COUNTS, _COUNTS, _COUNTS)
def test_a_scout_is_asked_for_no_more_than_waits_and_may_be_held(
    ahead: Ahead, seen: Seen, waiting: int, asked: int, held: int
) -> None:
    more = folders_to_ask(ahead, seen, waiting, asked, held)
    assert 0 <= more <= waiting
    assert more == 0 or (held < ahead.held and asked + more <= max(2, ahead.folders))
    assert not reads_on(ahead, 0, held)
    assert reads_on(ahead, waiting, held) == (waiting > 0 and held < ahead.held)


@given(LIMITS | st.just(USUAL), st.integers(1, 10**6))
def test_of_the_pieces_of_a_folder_some_are_left_to_who_asks(ahead: Ahead, names: int) -> None:
    pieces = -(-names // ahead.piece)
    asked = pieces_to_ask(ahead, names, 0)
    assert 1 <= asked <= pieces
    assert asked < pieces or pieces <= 2
    assert pieces_to_ask(ahead, names, 4) == pieces_to_ask(ahead, 0, 0) == 0


@given(LIMITS | st.just(USUAL), _SEEN, _COUNTS, _COUNTS)
def test_more_that_is_left_is_no_reason_to_start_no_scout(ahead: Ahead, seen: Seen, waiting: int, names: int) -> None:
    assert not starts(ahead, seen, 0, 0)
    if starts(ahead, seen, waiting, names):
        assert starts(ahead, seen, waiting + 1, names)
        assert starts(ahead, seen, waiting, names + 1)


@given(LIMITS | st.just(USUAL), _SEEN, _COUNTS, _COUNTS)
def test_no_scout_for_a_tree_of_which_little_was_seen(ahead: Ahead, seen: Seen, waiting: int, names: int) -> None:
    """What is small is read before a scout is there."""
    if starts(ahead, seen, waiting, names):
        assert seen.names + names >= ahead.sample


@given(LIMITS | st.just(USUAL), _COUNTS, st.booleans())
def test_a_scout_is_seen_to_before_as_much_was_done_as_it_has(ahead: Ahead, names: int, told: bool) -> None:
    assert feeds(ahead, effort(ahead.busy, told=told))
    assert feeds(ahead, names) <= feeds(ahead, names + 1)
    assert effort(names, told=True) < effort(names, told=False) < effort(names + 1, told=False)
    assert not feeds(USUAL, effort(0, told=True))


_SECONDS: Final = st.floats(0, 10**7)


@given(st.lists(st.tuples(_SECONDS, st.booleans())), _SECONDS)
def test_only_what_came_after_a_scout_last_told_something_counts(
    waits: list[tuple[float, bool]], slowest: float
) -> None:
    silent = since = 0.0
    for waited, told in waits:
        silent = silence(USUAL, silent, waited, told=told)
        since = 0.0 if told else since + min(waited, wait_seconds(USUAL))
        assert gives_up(USUAL, silent, slowest) == gives_up(USUAL, since, slowest)
        assert not (told and gives_up(USUAL, silent, slowest))


@given(_SECONDS, st.floats(-100, 10**7))
def test_a_process_that_was_stopped_itself_is_not_angry_with_its_scout(silent: float, waited: float) -> None:
    """However long a wait took by the clock, it counts for what it should have taken at most, and never backwards."""
    after = silence(USUAL, silent, waited, told=False)
    assert silent <= after <= silent + wait_seconds(USUAL)
    assert not gives_up(USUAL, silence(USUAL, 0.0, waited, told=False), 0.0)


@given(_SECONDS, _SECONDS)
def test_a_slow_disk_explains_a_silence_but_not_for_ever(silent: float, slowest: float) -> None:
    given_up = gives_up(USUAL, silent, slowest)
    assert not (given_up and silent < USUAL.patience)
    assert not (given_up and silent <= slowest <= 10 * USUAL.patience and silent > 0)
    assert given_up or silent < 60
    assert not given_up or gives_up(USUAL, silent + 1, slowest)


@given(_SECONDS)
def test_a_scout_that_is_mute_is_given_up_after_so_many_waits(slowest: float) -> None:
    silent, waits = 0.0, 0
    while not gives_up(USUAL, silent, slowest):
        silent, waits = silence(USUAL, silent, wait_seconds(USUAL), told=False), waits + 1
    assert waits <= 100
