"""Why each part is what it is, and the plan in two lines."""

from __future__ import annotations

from bisect import bisect_left

from b2pure.model.intents import CopySource
from b2pure.model.sources import Blob, Chained, LocalSlice, body_length
from b2pure.plan.cost import PRICES_2026, Cost, PriceTable, dollars, estimate
from b2pure.plan.emerge.parts import CopiedPart, Piece, SentPart
from b2pure.plan.emerge.plan import EmergePlan, Span
from b2pure.plan.summary import human_bytes

__all__ = ["explain", "show_part", "summary"]


def summary(plan: EmergePlan, prices: PriceTable = PRICES_2026) -> str:
    """What the plan costs, and what it would cost to send everything."""
    count = len(plan.parts)
    copied = len(plan.copies)
    shape = f"{human_bytes(plan.length)} in {count} part{'s' if count != 1 else ''} ({copied} copied)"
    return f"{shape}: {_cost(plan.cost, prices)}\ninstead of {_cost(plan.naive_cost, prices)}"


def _cost(cost: Cost, prices: PriceTable) -> str:
    moved = f"{human_bytes(cost.bytes_up)} up, {human_bytes(cost.bytes_down)} down"
    calls = f"{cost.class_a:,} A, {cost.class_b:,} B, {cost.class_c:,} C"
    return f"{moved} · calls: {calls} · {dollars(estimate(cost, prices))}"


def explain(plan: EmergePlan, number: int) -> str:
    """Lines for a person on part `number`. Raises IndexError where there is no such part."""
    if not 1 <= number <= len(plan.parts):
        raise IndexError(f"there is no part {number}: the plan has {len(plan.parts)}")
    part = plan.parts[number - 1]
    lines = [show_part(part)]
    if isinstance(part, CopiedPart):
        lines += [f"  {why}" for why in _why_copied(part)]
    else:
        at = part.range.start
        for piece in part.pieces:
            length = piece.length if isinstance(piece, CopySource) else body_length(piece)
            lines.append(f"  {_show(piece)}: {_why_sent(plan, piece, (at, at + length))}")
            at += length
    for one in part.twice:
        span = f"[{one.range.start}, {one.range.stop})"
        lines.append(f"  {span} is here twice, and {_show(one.taken)} is compared with {_show(one.other)}")
    return "\n".join(lines)


def show_part(part: CopiedPart | SentPart) -> str:
    """One line: what the part is."""
    where = f"part {part.number} [{part.range.start}, {part.range.stop}) {human_bytes(part.length)}"
    if isinstance(part, CopiedPart):
        return f"{where}: copied from {_show(part.source)}"
    down = sum(piece.length for piece in part.downloads)
    return f"{where}: sent" + (f", {human_bytes(down)} of it downloaded first" if down else "")


def _show(piece: Piece) -> str:
    match piece:
        case CopySource(file_id, span):
            return f"{file_id}[{span.start}, {span.stop})"
        case LocalSlice(path, span):
            return f"{path}[{span.start}, {span.stop})"
        case Blob():
            return f"{len(piece.data)} bytes at hand"
        case Chained():
            return " + ".join(_show(body) for body in piece.bodies)
        case _:
            return "a piece of a stream"


def _why_copied(part: CopiedPart) -> list[str]:
    why = ["B2 has it, so nothing travels"]
    if part.checks is not None:
        why.append(f"it is here as well, and its SHA-1 must be that of {_show(part.checks)}")
    return why


def _why_sent(plan: EmergePlan, piece: Piece, where: Span) -> str:
    longest = _longest(plan, where)
    minimum = plan.limits.minimum
    if isinstance(piece, CopySource):
        if longest < minimum:
            return f"not here, and B2 has only {longest} bytes there, fewer than a part: it is downloaded"
        return "not here, and fills a part that would be too short without it: it is downloaded"
    if not longest:
        return "only here"
    if plan.prioritize == "local":
        return "here, and what is here is sent"
    if longest < minimum:
        return f"here, and B2 has only {longest} bytes there, fewer than a part"
    if plan.prioritize == "verify":
        return "here, and no copy of it could be compared as a whole"
    return f"here and in B2, but no plan that copies it is better ({plan.prioritize})"


def _longest(plan: EmergePlan, where: Span) -> int:
    """Bytes of the longest range that B2 has and that touches this one."""
    start, stop = where
    upto = bisect_left(plan.remote, (stop, 0))
    # The ranges are in order of start, so any before may reach here; those far before are rare.
    return max((high - low for low, high in plan.remote[:upto] if high > start), default=0)
