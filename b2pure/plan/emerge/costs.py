"""What the parts of an object cost, and what the obvious way to make it would."""

from __future__ import annotations

from collections.abc import Iterable

from b2pure.model import calls
from b2pure.model.limits import MAX_PARTS, PartSizes
from b2pure.plan.cost import Cost, call_cost
from b2pure.plan.emerge.parts import EmergePart, SentPart
from b2pure.plan.parts import large_file_parts

__all__ = ["cost_of_parts", "naive_cost"]


def cost_of_parts(parts: Iterable[EmergePart]) -> Cost:
    """Calls and bytes when nothing has to be repeated. Each piece that is downloaded is a call of its own."""
    sent = copied = downloads = up = down = moved = 0
    for part in parts:
        if isinstance(part, SentPart):
            sent += 1
            up += part.length
            fetched = part.downloads
            downloads += len(fetched)
            down += sum(piece.length for piece in fetched)
        else:
            copied += 1
            moved += part.length
    return _calls(sent, copied, downloads) + Cost(bytes_up=up, bytes_down=down, bytes_copied=moved)


def naive_cost(length: int, local: Iterable[tuple[int, int]], sizes: PartSizes) -> Cost:
    """Everything is sent, and what is not local is downloaded for it, each gap at once."""
    here = gaps = at = 0
    for start, stop in local:
        gaps += start > at
        here += stop - start
        at = stop
    gaps += at < length
    part = max(sizes.recommended, -(-length // MAX_PARTS))
    # As `part_ranges` cuts it, for any length: here nobody asks whether there can be such a file.
    sent = 1 if large_file_parts(length, sizes) is None else max(2, (length - sizes.minimum) // part + 1)
    return _calls(sent, 0, gaps) + Cost(bytes_up=length, bytes_down=length - here)


def _calls(sent: int, copied: int, downloads: int) -> Cost:
    fetched = call_cost(calls.DownloadFileById, downloads)
    if sent + copied == 1:
        return fetched + call_cost(calls.UploadFile if sent else calls.CopyFile)
    return (
        fetched
        + call_cost(calls.StartLargeFile)
        + call_cost(calls.UploadPart, sent)
        + call_cost(calls.CopyPart, copied)
        + call_cost(calls.FinishLargeFile)
    )
