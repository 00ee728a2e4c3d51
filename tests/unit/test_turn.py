"""The turn for short steps on a disk: one thread at a time while the disk is quick, all of them where it is slow."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from b2pure.shell.turn import DiskTurn

QUICK, SLOW = 100_000, 50_000_000
ENOUGH = 64
"""Steps after which the disk has been judged."""


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def steps(turn: DiskTurn, watch: Watch, count: int, took: int) -> list[bool]:
    """So many steps, one after the other; which of them had the turn."""
    had = []
    for _ in range(count):
        with turn.step() as mine:
            watch.ns += took
        had.append(mine)
    return had


@given(st.integers(1, 300), st.integers(0, QUICK))
def test_on_a_quick_disk_every_step_has_the_turn(count: int, took: int) -> None:
    watch = Watch()
    assert all(steps(DiskTurn(watch), watch, count, took))


def test_on_a_slow_disk_nobody_has_it_for_a_while_and_then_it_is_tried_again() -> None:
    watch = Watch()
    turn = DiskTurn(watch)
    had = steps(turn, watch, ENOUGH, SLOW)
    assert had[0]
    assert not had[-1]
    had = steps(turn, watch, 10_000, QUICK)
    assert not had[0]
    assert had[-1]


def test_who_has_it_keeps_others_out_but_not_for_long() -> None:
    turn = DiskTurn()
    had: list[bool] = []

    def step() -> None:
        with turn.step() as mine:
            had.append(mine)

    with turn.step() as mine:
        other = threading.Thread(target=step)
        other.start()
        other.join(10)  # it goes on without, or this would never end
        assert mine
        assert had == [False]
    step()
    assert had == [False, True]


def test_a_step_that_fails_gives_the_turn_back() -> None:
    watch = Watch()
    turn = DiskTurn(watch)
    for _ in range(3):
        try:
            with turn.step() as mine:
                assert mine
                raise OSError
        except OSError:
            pass
    assert steps(turn, watch, 1, QUICK) == [True]
