"""Objects from overlapping ranges, planned at once: laws L22, L23 and L24, and that there is no better plan."""

from __future__ import annotations

from itertools import accumulate, pairwise
from random import Random

from attrs import evolve
from emerge_oracle import COPY_PRICE, DOWN_PRICE, MEASURES, Made, Object, best, best_checks
from emerge_support import FAMILIES, chained, contents, differing, intents_of, measured, rebuilt, tiny, with_holes
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from returns.result import Failure, Success

from b2pure.model.intents import CopySource, OverlapRule, WriteIntent
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Chained
from b2pure.plan.cost import PriceTable
from b2pure.plan.emerge.assemble import Assembler
from b2pure.plan.emerge.check import check_part, check_plan, check_sources
from b2pure.plan.emerge.choose import Chooser, choose
from b2pure.plan.emerge.codec import emerge_lines, read_emerge_lines
from b2pure.plan.emerge.coverage import Coverage
from b2pure.plan.emerge.exact import choose_by_cuts
from b2pure.plan.emerge.exits import Exits
from b2pure.plan.emerge.identity import plan_id
from b2pure.plan.emerge.overlaps import CopyRow, Layout, lay_out
from b2pure.plan.emerge.parts import CopiedPart, EmergePart, SentPart
from b2pure.plan.emerge.plan import EmergeLimits, EmergePlan, Prioritize, Spans
from b2pure.plan.emerge.planner import copyable, emerge
from b2pure.plan.emerge.prices import weights_of
from b2pure.plan.emerge.ways import Entry, Interval, proper
from b2pure.plan.failures import BadPlanLine, Hole, TooManyParts, Truncated

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


@given(_seeds, _families, st.sampled_from(MEASURED), st.integers(1, 6))
def test_with_a_part_limit_there_is_a_plan_when_there_can_be_one(
    seed: int, family: int, prioritize: Prioritize, max_parts: int
) -> None:
    """Never more parts than allowed; no plan only where every plan has more, and then it says how many it takes."""
    check_part_limit(tiny(seed, family), prioritize, max_parts)


def check_part_limit(made: Object, prioritize: Prioritize, max_parts: int) -> None:
    _, files = contents(made)
    limits = limits_of(made, max_parts)
    found = emerge(intents_of(made, files), prioritize, OverlapRule.ASSUME_EQUAL, limits, PRICES)
    # `local` and `verify` keep what they promise, so their fewest parts are those of plans that do.
    promised = {"local": _copies_local, "verify": _is_unverified}.get(prioritize)
    fewest = best(made, lambda each: (promised(each) if promised else 0, each.parts))
    assert fewest is not None
    match found:
        case Success(EmergePlan() as plan):
            least = best(made, MEASURES[prioritize], max_parts)
            assert least is not None
            assert len(plan.parts) <= max_parts
            assert MEASURES[prioritize](measured(plan.parts, made)) >= least
        case Failure(failure):
            assert failure == TooManyParts(fewest[1], max_parts)
            assert fewest[1] > max_parts
        case _:
            raise AssertionError


def _copies_local(made: Made) -> int:
    return made.copied_local


def _is_unverified(made: Made) -> int:
    return made.unverified


@given(_seeds, _families, st.sampled_from(ALL))
def test_the_last_intent_wins_where_they_differ(seed: int, family: int, prioritize: Prioritize) -> None:
    """L23, and no plan of what is left to see is better."""
    made, intents, files, whole, shown = differing(tiny(seed, family), Random(seed))
    plan = emerge(intents, prioritize, OverlapRule.LAST_WINS, limits_of(made), PRICES).unwrap()
    assert rebuilt(plan.parts, files) == whole
    assert check_sources(plan, intents) is None
    assert all(part.checks is None for part in plan.copies), "nothing lies under what wins"
    if prioritize != "local_verification":
        assert MEASURES[prioritize](measured(plan.parts, shown)) == best(shown, MEASURES[prioritize])


@given(_seeds, _families, st.sampled_from(OverlapRule))
def test_a_hole_is_named(seed: int, family: int, rule: OverlapRule) -> None:
    """L22 and L23: bytes that nobody writes are a failure that says which."""
    made = with_holes(seed, family)
    _, files = contents(made)
    found = emerge(intents_of(made, files), "remote", rule, limits_of(made))
    hole = made.hole()
    if hole is None:
        assert isinstance(found, Success)
    else:
        assert found == Failure(Hole(ByteRange(*hole)))


@given(_seeds, st.sampled_from(ALL))
def test_the_order_of_disjoint_intents_does_not_matter(seed: int, prioritize: Prioritize) -> None:
    """L24: the very same plan; and planning twice gives the same."""
    made = tiny(seed, 0)
    _, files = contents(made)
    intents = intents_of(made, files)
    limits = limits_of(made)
    plan = emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits, PRICES).unwrap()
    assert emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits, PRICES).unwrap() == plan
    Random(seed).shuffle(intents)
    assert emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits, PRICES).unwrap() == plan
    # Nothing overlaps, so the rule for overlaps changes nothing either.
    last = emerge(intents, prioritize, OverlapRule.LAST_WINS, limits, PRICES).unwrap()
    assert (last.parts, plan_id(last)) == (plan.parts, plan_id(plan))


@given(_seeds, _families, st.sampled_from(ALL))
def test_empty_intents_change_nothing(seed: int, family: int, prioritize: Prioritize) -> None:
    """What is empty writes nothing, wherever it stands."""
    made = tiny(seed, family)
    _, files = contents(made)
    intents = intents_of(made, files)
    limits, r = limits_of(made), Random(seed)
    plan = emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits, PRICES).unwrap()
    for _ in range(3):
        source = r.choice(intents).source
        nothing = replace(source, range=ByteRange(0, 0)) if isinstance(source, CopySource) else intents[0].source
        if isinstance(nothing, CopySource) and not nothing.length:
            intents.insert(r.randint(0, len(intents)), WriteIntent(nothing, r.randint(0, 2 * made.length)))
    assert emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits, PRICES).unwrap() == plan


@given(_seeds, _families)
def test_of_a_long_range_in_b2_only_the_ends_are_sent(seed: int, family: int) -> None:
    """L24 Economy: a neighbour that is too short for a part borrows less than the minimum from either end."""
    made = tiny(seed, family)
    plan, _ = planned(made, "remote")
    for start, stop in plan.remote:
        if stop - start >= 3 * made.minimum:
            sent = sum(
                max(0, min(stop, part.range.stop) - max(start, part.range.start))
                for part in plan.parts
                if isinstance(part, SentPart)
            )
            assert sent <= 2 * (made.minimum - 1)


@given(_seeds, _families, st.sampled_from(ALL), st.booleans())
def test_a_plan_comes_back_from_its_lines(seed: int, family: int, prioritize: Prioritize, blobs: bool) -> None:
    """decode(encode(plan)) == plan, and nothing else is taken for it."""
    made = tiny(seed, family)
    _, files = contents(made)
    plan = emerge(
        intents_of(made, files, blobs), prioritize, OverlapRule.ASSUME_EQUAL, limits_of(made), PRICES
    ).unwrap()
    lines = emerge_lines(plan).unwrap()
    loaded = read_emerge_lines(lines).unwrap()
    assert loaded == plan
    assert plan_id(loaded) == plan_id(plan)
    r = Random(seed)
    cut = r.randrange(len(lines))
    assert isinstance(read_emerge_lines(lines[:cut]).failure(), Truncated)
    line = bytearray(lines[cut])
    line[r.randrange(len(line) - 1)] ^= 1
    changed = (*lines[:cut], bytes(line), *lines[cut + 1 :])
    assert isinstance(read_emerge_lines(changed).failure(), BadPlanLine | Truncated)


@given(_seeds, _families, st.sampled_from(ALL))
def test_the_identity_is_that_of_the_parts(seed: int, family: int, prioritize: Prioritize) -> None:
    """Equal parts, equal id; any other source, range or key, another id."""
    made = tiny(seed, family)
    plan, _ = planned(made, prioritize)
    assert plan_id(evolve(plan, prioritize="remote", local=Spans([], []), remote=Spans([], []))) == plan_id(plan)
    for index, part in enumerate(plan.parts):
        other: EmergePart
        if isinstance(part, CopiedPart):
            other = replace(part, source=replace(part.source, key_md5="x"))
        else:
            other = replace(part, pieces=(*part.pieces, *part.pieces))
        parts = (*plan.parts[:index], other, *plan.parts[index + 1 :])
        assert plan_id(evolve(plan, parts=parts)) != plan_id(plan)


@given(_seeds, _families, st.sampled_from(ALL))
def test_the_cost_is_what_the_parts_move(seed: int, family: int, prioritize: Prioritize) -> None:
    """Bytes and calls of the plan, counted anew; and `remote` never moves more than the naive plan."""
    made = tiny(seed, family)
    plan, _ = planned(made, prioritize)
    counted, cost = measured(plan.parts, made), plan.cost
    assert (cost.bytes_up, cost.bytes_down, cost.class_c) == (counted.sent, counted.down, counted.copies)
    assert cost.bytes_up + cost.bytes_copied == made.length
    assert cost.class_a == counted.parts - counted.copies + (2 if counted.parts > 1 else 0)
    naive = plan.naive_cost
    assert (naive.bytes_up, naive.bytes_down) == (made.length, made.length - sum(made.local_bytes()))
    if prioritize in ("remote", "local_verification"):
        assert cost.bytes_up + cost.bytes_down <= naive.bytes_up + naive.bytes_down


def check_choice(seed: int, prioritize: Prioritize) -> None:
    made = tiny(seed, len(FAMILIES) - 1)
    layout = lay_out(intents_of(made, contents(made)[1]), OverlapRule.ASSUME_EQUAL)
    assert isinstance(layout, Layout)
    end, m, weights = made.length, made.minimum, weights_of(prioritize, PRICES)
    coverage = Coverage(layout.local_spans)
    intervals = proper(copyable(layout.diagonals, coverage, prioritize), m, end)
    all_cuts = choose_by_cuts(intervals, end, coverage, weights, m, made.max_sent, end)
    assert all_cuts is not None
    assert choose(intervals, end, coverage, weights, m, made.max_sent)[0] == all_cuts[0]


@given(_seeds)
def test_the_fast_choice_weighs_what_the_program_over_all_cuts_does(seed: int) -> None:
    """Two ways to the least weight, on objects whose local data begin and end around the cuts. Many objects each."""
    for step in range(20):
        check_choice(seed + step, ALL[(seed + step) % len(ALL)])


def to_choose(seed: int, prioritize: Prioritize) -> tuple[Object, Coverage, list[Interval]]:
    """An object, where it is local, and what can be copied."""
    made = chained(seed, seed % len(FAMILIES), seed % 9 + 1, False)
    layout = lay_out(intents_of(made, contents(made)[1]), OverlapRule.ASSUME_EQUAL)
    assert isinstance(layout, Layout)
    coverage = Coverage(layout.local_spans)
    return made, coverage, list(copyable(layout.diagonals, coverage, prioritize))


@given(_seeds, st.sampled_from(ALL))
def test_the_plain_choice_is_the_one_of_all_that_can_be(seed: int, prioritize: Prioritize) -> None:
    """Where the chooser sees at once what is the lightest, that is what it finds when it considers all ways; also where
    it forgets what is decided.
    """
    for step in range(10):
        made, coverage, intervals = to_choose(seed + step, prioritize)
        end, m, weights = made.length, made.minimum, weights_of(prioritize, PRICES)
        plain, forgetful, thorough = (Chooser(coverage, weights, m, made.max_sent, most_open=n) for n in (999, 0, 999))
        plain.add_all(intervals, end)
        forgetful.add_all(intervals, end)
        for start, stop, number in intervals:
            thorough.add(start, stop, number, last=stop == end)
        found = plain.finish(end)
        assert found[0] == thorough.finish(end)[0]
        assert found == forgetful.finish(end)


@given(_seeds, st.sampled_from(ALL), st.integers(0, 3))
def test_the_weight_of_a_choice_is_that_of_its_runs(seed: int, prioritize: Prioritize, most_open: int) -> None:
    """Counted byte by byte; and the runs are the object, none too short."""
    made, coverage, intervals = to_choose(seed, prioritize)
    end, m, weights = made.length, made.minimum, weights_of(prioritize, PRICES)
    chooser = Chooser(coverage, weights, m, made.max_sent, most_open=most_open)
    chooser.add_all(intervals, end)
    weight, runs = chooser.finish(end)
    here = made.local_bytes()
    total = at = 0
    for start, stop, number in runs:
        assert start == at
        assert stop - start >= m or stop == end
        at = stop
        if number < 0:
            total += weights.sent_part * -(-(stop - start) // made.max_sent)
            total += sum(weights.local_byte if here[each] else weights.remote_byte for each in range(start, stop))
        else:
            total += weights.copied_part
            assert any(low <= start and stop <= high for low, high, which in intervals if which == number)
    assert (at, total) == (end, weight)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=60), st.integers(1, 30), _seeds)
def test_the_best_exit_is_the_lightest_of_all(steps: list[tuple[int, int]], longest: int, seed: int) -> None:
    """However many have been left, and whenever somebody asks."""
    r, part = Random(seed), seed % 50
    coverage = Coverage([(10, 40), (100, 300)])
    price = coverage.prices(1, 3)
    exits, left, stop = Exits(0, price, 1, part, longest), [(0, 0)], 0
    for step, weight in steps:
        stop += step
        exits.leave(Entry(0, 0, weight + price(stop) // 2, 0, stop, 0, -1, 0))
        left.append((stop, weight + price(stop) // 2))
        if r.random() < 0.5:
            at = stop + r.randint(1, 50)
            least = min(each + price(at) - price(start) + part * -(-(at - start) // longest) for start, each in left)
            assert exits.floor + at <= least
            best = exits.best(at)
            assert best is not None
            assert best[0] == least
            start, entry = best[1:]
            known = 0 if entry is None else entry.weight
            assert known + price(at) - price(start) + part * -(-(at - start) // longest) == least
            assert exits.floor + at <= least


@given(
    st.lists(st.integers(1, 9), max_size=16).filter(lambda steps: len(steps) % 2 == 0),
    st.lists(st.tuples(st.integers(8, 120), st.integers(0, 12)), min_size=1),
    st.integers(1, 8),
    st.sampled_from(((1, 2), (2, 1), (1, 1), (3, 0))),
)
def test_prices_and_windows_are_those_of_the_bytes(
    steps: list[int], asked: list[tuple[int, int]], length: int, rates: tuple[int, int]
) -> None:
    """Wherever somebody asks, after whatever was asked before. A window gets cheaper only where it is told, evenly."""
    edges = list(accumulate(steps))
    coverage = Coverage(list(zip(edges[::2], edges[1::2], strict=True)))
    here, elsewhere = rates
    before = [0]
    for at in range(140):
        local = any(low <= at < high for low, high in zip(edges[::2], edges[1::2], strict=True))
        before.append(before[-1] + (here if local else elsewhere))
    price, window = coverage.prices(here, elsewhere), coverage.windows(here, elsewhere, length)
    costs = [before[at] - before[at - length] if at >= length else 0 for at in range(141)]
    for end, more in asked:
        cost, kinks = window(end, end + more)
        assert (price(end), cost) == (before[end], costs[end])
        if not kinks:
            assert min(costs[end : end + more + 1]) == cost
        else:
            assert kinks == sorted(kinks)
            assert kinks[-1] == end + more
            for low, high in pairwise((end, *kinks)):
                slopes = {costs[at + 1] - costs[at] for at in range(low, high)}
                assert len(slopes) <= 1


@given(_seeds, _families, st.booleans())
def test_a_layout_is_the_same_by_the_long_way(seed: int, family: int, blobs: bool) -> None:
    """In order and at once, or taken apart and sorted first: rows that begin together keep their order."""
    made = tiny(seed, family)
    intents = sorted(intents_of(made, contents(made)[1], blobs), key=lambda intent: intent.destination_offset)
    chains = [
        each if isinstance(each.source, CopySource) else replace(each, source=Chained((each.source,)))
        for each in intents
    ]
    layout = lay_out(intents, OverlapRule.ASSUME_EQUAL)
    assert isinstance(layout, Layout)
    assert lay_out(chains, OverlapRule.ASSUME_EQUAL) == layout


@given(_seeds, st.integers(2, 9), st.sampled_from(MEASURED))
def test_the_cuts_that_matter_are_enough(seed: int, scale: int, prioritize: Prioritize) -> None:
    """The program over all cuts, against the one over the cuts that matter, where a part has small largest sizes."""
    made = tiny(seed, seed % len(FAMILIES), capped=True)
    layout = lay_out(intents_of(made, contents(made)[1]), OverlapRule.ASSUME_EQUAL)
    assert isinstance(layout, Layout)
    weights = weights_of(prioritize, PRICES)
    spans = [(start * scale, stop * scale) for start, stop in layout.local_spans]
    coverage, end, m = Coverage(spans), made.length * scale, made.minimum * scale
    intervals = [
        (start * scale, stop * scale, number) for number, (start, stop, _) in enumerate(layout.diagonals.rows())
    ]
    kept = proper(intervals, m, end)
    sizes = (m, made.max_sent * scale, made.max_copy * scale)
    every = choose_by_cuts(kept, end, coverage, weights, *sizes)
    few = choose_by_cuts(kept, end, coverage, weights, *sizes, most=end)
    assert every is not None
    if few is not None:
        assert few[0] == every[0]


@given(_seeds, _families, st.sampled_from(ALL), st.booleans())
def test_all_parts_at_once_are_the_parts_one_by_one(
    seed: int, family: int, prioritize: Prioritize, blobs: bool
) -> None:
    """What is said for all runs in one loop is what is said for each by itself."""
    made = tiny(seed, family)
    intents = intents_of(made, contents(made)[1], blobs)
    plan = emerge(intents, prioritize, OverlapRule.ASSUME_EQUAL, limits_of(made), PRICES).unwrap()
    layout = lay_out(intents, OverlapRule.ASSUME_EQUAL)
    assert isinstance(layout, Layout)
    one_by_one = Assembler(layout.local, layout.diagonals)
    for part in plan.parts:
        run = (part.range.start, part.range.stop, 0)
        assert one_by_one.part(part.number, run, _diagonal(layout, part)) == replace(part, twice=())


def _diagonal(layout: Layout, part: EmergePart) -> CopyRow | None:
    if isinstance(part, SentPart):
        return None
    source, start, stop = part.source, part.range.start, part.range.stop
    for row in layout.diagonals.rows():
        same_file = (row[2].file_id, row[2].key_md5) == (source.file_id, source.key_md5)
        if (
            same_file
            and row[0] <= start
            and stop <= row[1]
            and row[2].range.start - row[0] == source.range.start - start
        ):
            return row
    raise AssertionError(f"{part} is a part of no diagonal")


@given(_seeds, _families, st.sampled_from(ALL), st.integers(0, 2**16), st.integers(-2, 2))
def test_a_plan_is_right_when_each_of_its_parts_is(
    seed: int, family: int, prioritize: Prioritize, place: int, by: int
) -> None:
    """The proof of a plan passes over what is plainly right: it finds what the proof of every part finds."""
    plan, _ = planned(tiny(seed, family), prioritize)
    parts = list(plan.parts)
    index = place % len(parts)
    parts[index] = _spoilt(parts[index], place, by)
    spoilt = evolve(plan, parts=tuple(parts))
    at, found = 0, None
    for number, part in enumerate(parts, 1):
        found = found or check_part(part, number, at, number == len(parts), plan.limits)
        at = part.range.stop
    if found is not None or at == plan.length:
        assert check_plan(spoilt) == found
    else:
        assert check_plan(spoilt) is not None
    if not by:
        assert found is None


def _spoilt(part: EmergePart, place: int, by: int) -> EmergePart:
    """The part with one of its lengths or its number changed."""
    span = part.range
    way = place % 4
    if way == 0:
        return replace(part, number=part.number + by)
    if way == 1:
        return replace(part, range=ByteRange(span.start, max(span.start, span.stop + by)))
    if way == 2:
        return replace(part, range=ByteRange(max(0, span.start + by), max(span.stop, span.start + by)))
    if isinstance(part, CopiedPart):
        return replace(part, source=_longer(part.source, by))
    pieces = [_longer(piece, by) if isinstance(piece, CopySource) else piece for piece in part.pieces]
    return replace(part, pieces=tuple(pieces[: len(pieces) + min(0, by)]))


def _longer(source: CopySource, by: int) -> CopySource:
    span = source.range
    return replace(source, range=ByteRange(span.start, max(span.start, span.stop + by)))
