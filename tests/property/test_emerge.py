"""Objects from overlapping ranges, planned at once: laws L22, L23 and L24, and that there is no better plan."""

from __future__ import annotations

from emerge_oracle import COPY_PRICE, DOWN_PRICE, MEASURES, Made, Object, best, best_checks
from emerge_support import FAMILIES, contents, intents_of, measured, rebuilt, tiny
from hypothesis import given
from hypothesis import strategies as st

from b2pure.model.intents import OverlapRule
from b2pure.plan.cost import PriceTable
from b2pure.plan.emerge.check import check_sources
from b2pure.plan.emerge.parts import CopiedPart
from b2pure.plan.emerge.plan import EmergeLimits, EmergePlan, Prioritize
from b2pure.plan.emerge.planner import emerge

PRICES = PriceTable("test", per_call={"C": COPY_PRICE}, per_byte_down=DOWN_PRICE)
MEASURED: tuple[Prioritize, ...] = (
    "remote", "min_traffic", "local", "min_upload", "min_download", "min_dollars", "min_requests", "verify",
)  # fmt: skip
ALL: tuple[Prioritize, ...] = (*MEASURED, "local_verification")
_seeds = st.integers(0, 2**40)
_families = st.integers(0, len(FAMILIES) - 1)


def limits_of(made: Object, max_parts: int = 10_000) -> EmergeLimits:
    """Limits under which the longest part that is sent is the oracle's."""
    recommended = max(1, made.max_sent - made.minimum + 1)
    return EmergeLimits(made.minimum, recommended, made.max_sent, made.max_copy, max_parts)


def planned(made: Object, prioritize: Prioritize, max_parts: int = 10_000) -> tuple[EmergePlan, dict[str, bytes]]:
    whole, files = contents(made)
    intents = intents_of(made, files)
    plan = emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits_of(made, max_parts), PRICES).unwrap()
    assert rebuilt(plan.parts, files) == whole
    assert check_sources(plan, intents) is None
    return plan, files


def check_best(made: Object, prioritize: Prioritize) -> None:
    plan, _ = planned(made, prioritize)
    found = measured(plan.parts, made)
    assert MEASURES[prioritize](found) == best(made, MEASURES[prioritize])


@given(_seeds, _families, st.sampled_from(MEASURED))
def test_there_is_no_better_plan(seed: int, family: int, prioritize: Prioritize) -> None:
    """Against every way to cut a tiny object. L22 on the way."""
    check_best(tiny(seed, family), prioritize)


@given(_seeds, _families, st.sampled_from(MEASURED))
def test_there_is_no_better_plan_with_small_largest_parts(seed: int, family: int, prioritize: Prioritize) -> None:
    """Against every way to cut a tiny object whose parts have a largest size."""
    check_best(tiny(seed, family, capped=True), prioritize)


def check_verification(made: Object) -> None:
    plan, _ = planned(made, "local_verification")
    found = measured(plan.parts, made)
    assert found.sent + found.down == best(made, lambda each: (each.sent + each.down,))[0]  # type: ignore[index]
    here = made.local_bytes()
    for start, stop in _copied_runs(plan):
        parts = [part for part in plan.parts if start <= part.range.start < stop]
        got = sum((measured([part], made) for part in parts), Made())
        assert (got.unverified, got.parts) == best_checks(
            start, stop, stop == made.length, here, made.minimum, made.max_copy
        )


def _copied_runs(plan: EmergePlan) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    last = None
    for part in plan.parts:
        if isinstance(part, CopiedPart):
            key = (part.source.file_id, part.source.range.start - part.range.start)
            if last == key:
                runs[-1] = (runs[-1][0], part.range.stop)
            else:
                runs.append((part.range.start, part.range.stop))
            last = key
        else:
            last = None
    return runs


@given(_seeds, _families)
def test_local_verification_moves_no_more_and_compares_what_can_be(seed: int, family: int) -> None:
    """The default: as little traffic as there can be, and copies cut to be compared as far as they can be."""
    check_verification(tiny(seed, family))
