"""Why no object can be made of what was given, as exceptions."""

from __future__ import annotations

from b2pure.model.errors import InvalidArgument as InvalidArgumentValue
from b2pure.model.limits import MAX_FILE_SIZE
from b2pure.plan.failures import (
    LAST_MAY_COUNT,
    Hole,
    IntentsOutOfOrder,
    NegativeOffset,
    PlanFailure,
    TooLarge,
    tell_failure,
)
from b2pure.shell.v1.exceptions import InvalidArgument, MaxFileSizeExceeded

__all__ = ["no_plan"]


def no_plan(failure: PlanFailure) -> Exception:
    """Why no object can be made of the intents."""
    match failure:
        case TooLarge(size):
            return MaxFileSizeExceeded(size, MAX_FILE_SIZE)
        case Hole() | NegativeOffset() | IntentsOutOfOrder():
            return ValueError(tell_failure(failure))
        case InvalidArgumentValue(name, message):
            return InvalidArgument(name, message)
        case _:
            # There is no overlap rule in version 1 that a caller could say.
            return InvalidArgument("write_intents", tell_failure(failure).replace(LAST_MAY_COUNT, ""))
