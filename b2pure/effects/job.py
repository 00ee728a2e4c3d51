"""What all programs of one sync have in common."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from b2pure.model.ids import BucketId
from b2pure.model.new_file import PLAIN, NewFile
from b2pure.model.protection import SseC
from b2pure.plan.actions import SyncAction
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.rules import Rules

__all__ = ["B2Side", "Job", "Mode"]

Mode = Literal["apply", "sync"]
"""`apply`: a path that is not as the plan saw it is reported and left alone. `sync`: it is planned again."""


@frozen
class B2Side:
    """A side of the sync that lies in a bucket: names there are `prefix + path`."""

    bucket_id: BucketId
    prefix: str


@frozen
class Job:
    """The two sides (None: the local folder), the rules to plan a path again by, how patient to be, how many
    pieces of a long download are on their way at once, what new files are made with, and the SSE-C key of the source's
    files, if they have one. Actions whose class is in `handed_over` are done by whoever runs the job. Without
    `whole_sha1` large files tell no digest of the whole. A destination that is `told` is what somebody says that it is,
    and not what B2 lists: it is not looked at again. With `source_told` so is a local source, before something is
    removed that it has not.
    """

    source: B2Side | None
    dest: B2Side | None
    rules: Rules
    mode: Mode
    retry: RetryPolicy = field(factory=RetryPolicy)
    download_streams: int = 4
    """So many pieces of one long file are on their way at once: with more, threads get into each other's way."""
    new: NewFile = PLAIN
    source_key: SseC | None = None
    handed_over: frozenset[type[SyncAction]] = frozenset()
    whole_sha1: bool = True
    told: bool = False
    source_told: bool = False
