"""The identity of a plan, by which an unfinished large file is known to be of the same plan.

It is made of what the parts are, without a look at the data: a file id never changes what it stands for, and a local
slice is pinned to the size and modification time of its file.
"""

from __future__ import annotations

import json
from hashlib import sha1
from typing import assert_never

from b2pure.model.intents import CopySource
from b2pure.model.sources import Blob, Body, Chained, LocalSlice, StreamPiece
from b2pure.plan.emerge.parts import CopiedPart, EmergePart
from b2pure.plan.emerge.plan import EmergePlan

__all__ = ["plan_id"]


def plan_id(plan: EmergePlan) -> str:
    """40 hex digits. Two plans have the same id when they make the same parts of the same sources."""
    told = [plan.length, [_part(part) for part in plan.parts]]
    return sha1(json.dumps(told, separators=(",", ":")).encode(), usedforsecurity=False).hexdigest()


def _part(part: EmergePart) -> list[object]:
    if isinstance(part, CopiedPart):
        return ["copy", part.length, _source(part.source)]
    return ["send", part.length, [_source(p) if isinstance(p, CopySource) else _body(p) for p in part.pieces]]


def _source(source: CopySource) -> list[object]:
    return ["b2", source.file_id, source.range.start, source.range.stop, source.key_md5]


def _body(body: Body) -> list[object]:
    match body:
        case LocalSlice():
            fact = body.fact
            return ["local", body.path, body.range.start, body.range.stop, fact.size, fact.mod_time_millis]
        case Blob():
            return ["bytes", sha1(body.data, usedforsecurity=False).hexdigest()]
        case Chained():
            return ["chain", [_body(each) for each in body.bodies]]
        case StreamPiece():
            return ["stream", body.number, body.range.start, body.range.stop]
        case _:
            assert_never(body)
