"""The base of every value that is written down.

Rule: what crosses a wire or is kept in a plan file is a `Record`, and so are ranges and sources, of which a plan of
many parts has as many; what is only computed with (options of a driver, states of a machine, outcomes) is
`attrs.frozen`. Both are immutable, compare by value and hash.

Why two: a `Record` is a `msgspec.Struct`, which is frozen in C, is built several times faster than an `attrs.frozen`
(`python -m benchmarks.records` prints both) and is its own JSON schema, so that neither the wire nor the plan file
needs a hand-written codec.
"""

from __future__ import annotations

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """An immutable value with a JSON form. Fields hold only immutable values, so it never joins a cycle."""
