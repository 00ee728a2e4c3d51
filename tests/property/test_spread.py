"""A listing that is asked for in several places at once is the listing, and costs little more."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from random import Random
from typing import Literal

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from b2pure.model.ids import FileId
from b2pure.model.names import b2_name_problem
from b2pure.plan.scale import scale_of
from b2pure.plan.spread import Ask, Cursor, Spread


@frozen
class _File:
    file_name: str
    file_id: FileId | None


@frozen
class _Bucket:
    """Files in order. A page may be shorter than asked for, if `short`; it is never empty then."""

    files: Sequence[_File]
    ids: bool = True
    short: Random | None = None

    def page(self, start: Cursor | None, count: int) -> tuple[Sequence[_File], Cursor | None]:
        at = 0 if start is None else bisect_left([file.file_name for file in self.files], start.name)
        if start is not None and start.file_id is not None:
            while self.files[at].file_id != start.file_id:
                assert self.files[at].file_name == start.name
                at += 1
        if self.short is not None:
            count = self.short.randint(0, count)
        found = self.files[at : at + count]
        if at + count >= len(self.files):
            return found, None
        following = self.files[at + count]
        return found, Cursor(following.file_name, following.file_id if self.ids else None)


class _Reader:
    """Reads a bucket through a `Spread`; a random number decides what happens next."""

    def __init__(self, bucket: _Bucket, ways: int, page: int, random: Random, prefix: str = "", *, fails: bool) -> None:
        self.bucket, self.ways, self.page, self.random, self.fails = bucket, ways, page, random, fails
        files, end = bucket.page(None, page)
        self.spread: Spread[_File] = Spread(prefix, files, end, ways, page)
        self.found: list[_File] = []
        self.returned = [len(files)]
        self.way: list[Ask] = []
        self.broken = False
        self.most = 0

    def read(self) -> None:
        while not self.spread.done:
            self.ask()
            files = self.spread.take() if self.random.random() < 0.7 else None
            if files is not None:
                self.found += files
            elif self.random.random() < 0.5 and self.way:
                self.answer()
            else:
                self.wait()

    def wait(self) -> None:
        files = self.spread.take()
        if files is not None:
            self.found += files
        elif not self.spread.done:
            self.spread.starved()
            self.ask()
            self.answer()

    def ask(self) -> None:
        self.way += self.spread.wanted()
        assert len(self.way) <= self.ways

    def answer(self) -> None:
        """One of the calls is answered, in any order. There is always one: else the reader would wait for ever."""
        ask = self.way.pop(self.random.randrange(len(self.way)))
        if self.fails and self.random.random() < 0.1 and not self.spread.failed(ask):
            return
        files, end = self.bucket.page(ask.start, ask.count)
        assert len(files) <= ask.count <= self.page
        self.returned.append(len(files))
        self.spread.came(ask, files, end)


_SEEDS = st.integers(0, 2**32)
_KINDS = st.sampled_from(("counted", "folders", "hex", "words", "lumps"))
Kind = Literal["counted", "folders", "hex", "words", "lumps"]


def _names(kind: str, count: int, random: Random) -> list[str]:
    match kind:
        case "counted":
            return [f"d/{number:06d}.dat" for number in range(count)]
        case "folders":
            return [f"d/f{number // 10:04d}/x{number % 10}" for number in range(count)]
        case "hex":
            return sorted("d/" + hashlib.sha1(b"%d" % number).hexdigest() for number in range(count))
        case "words":
            return sorted(
                {"d/" + "".join(random.choices("ab/é\U0001f600", k=random.randint(1, 9))) for _ in range(count)}
            )
        case _:
            lumps = [f"d/{random.randrange(10**6)}" for _ in range(5)]
            return sorted({f"{random.choice(lumps)}/{random.randrange(10**9)}" for _ in range(count)})


def _bucket(kind: str, count: int, random: Random, *, versions: int = 3, short: bool = False) -> _Bucket:
    files = [
        _File(name, FileId(f"{name}:{version}"))
        for name in _names(kind, count, random)
        for version in range(random.randint(1, versions))
    ]
    return _Bucket(files, random.random() < 0.8 or versions > 1, random if short else None)


@settings(max_examples=400, deadline=None)
@given(_KINDS, st.integers(0, 400), st.integers(1, 5), st.integers(1, 40), st.booleans(), st.booleans(), _SEEDS)
def test_the_files_are_those_of_the_pages_one_after_the_other(
    kind: Kind, count: int, ways: int, page: int, short: bool, fails: bool, seed: int
) -> None:
    """Whatever names, versions and page ends there are, in whatever order answers come, and whichever calls fail."""
    random = Random(seed)
    bucket = _bucket(kind, count, random, versions=random.choice((1, 3, 60)), short=short)
    reader = _Reader(bucket, ways, page, random, "d/", fails=fails)
    reader.read()
    assert reader.found == list(bucket.files)


@settings(max_examples=200, deadline=None)
@given(_KINDS, st.integers(0, 1500), st.integers(1, 5), st.integers(1, 4), _SEEDS)
def test_the_cost_is_bounded(kind: Kind, count: int, ways: int, tens: int, seed: int) -> None:
    """By an eighth of the listing, and two pages for each way. A call costs what it returns, in tenths of a page."""
    random = Random(seed)
    bucket = _bucket(kind, count, random)
    reader = _Reader(bucket, ways, 10 * tens, random, "d/", fails=False)
    reader.read()
    cost = sum(max(-(-files // tens), 1) for files in reader.returned)
    alone = -(-len(bucket.files) // tens) + 1
    assert cost <= alone * 9 / 8 + 20 * (ways + 1) + 20
    if ways == 1:
        assert cost <= alone


@settings(max_examples=100, deadline=None)
@given(_KINDS, st.integers(0, 1500), st.integers(1, 5), _SEEDS)
def test_few_pages_are_held(kind: Kind, count: int, ways: int, seed: int) -> None:
    """What is held and on its way is bounded by the ways, and is one page ahead for a reader who never waits."""
    random = Random(seed)
    bucket = _bucket(kind, count, random)
    reader = _Reader(bucket, ways, 20, random, "d/", fails=False)
    patient = _Reader(bucket, ways, 20, random, "d/", fails=False)
    while not reader.spread.done:
        reader.ask()
        assert reader.spread.held + len(reader.way) <= max(ways, 2) + 1
        if reader.way and random.random() < 0.6:
            reader.answer()
        else:
            reader.wait()
    while not patient.spread.done:
        patient.ask()
        assert patient.spread.held + len(patient.way) <= 2
        while patient.way:
            patient.answer()
        patient.found += patient.spread.take() or ()
    assert reader.found == patient.found == list(bucket.files)


@pytest.mark.parametrize("kind", ["counted", "folders", "hex"])
def test_names_that_are_counted_or_hashed_are_guessed(kind: Kind) -> None:
    """In as many rounds as a third of the pages, four at once are listed."""
    bucket = _bucket(kind, 6000, Random(1), versions=1)
    reader = _Reader(bucket, 4, 100, Random(1), "d/", fails=False)
    rounds = 0
    while not reader.spread.done:
        files = reader.spread.take()
        if files is None:
            reader.spread.starved()
            reader.ask()
            rounds += 1
            while reader.way:
                reader.answer()
        else:
            reader.found += files
    assert reader.found == list(bucket.files)
    assert rounds <= 25


@settings(max_examples=300)
@given(
    st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=50),
    st.sampled_from(("", "p/", "é")),
    st.text(max_size=8),
    st.integers(0, 10**9),
)
def test_a_guess_is_a_name_that_comes_later(names: list[str], prefix: str, name: str, places: int) -> None:
    """Every guess can be asked for, and a scale keeps the order of names."""
    given_names = sorted(prefix + each for each in names)
    scale = scale_of(given_names, prefix)
    if scale is None:
        return
    numbers = [number for each in given_names if (number := scale.number(each)) is not None]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(given_names)
    guess = scale.guess(prefix + name, places)
    if guess is not None:
        assert guess > prefix + name
        assert b2_name_problem(guess) is None
