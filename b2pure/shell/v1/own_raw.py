"""Raw apis that are no class of ours, as mocks are: programs run over their documented methods.

Rules. A mock says that it is of any class, and has every attribute: what it is, its real class says.
"""

from __future__ import annotations

from typing import Any

from b2pure.effects.handlers import Api
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.v1.own_methods import really_is
from b2pure.shell.v1.raw_api import PATIENCE, AbstractRawApi
from b2pure.shell.v1.raw_calls import RawCalls
from b2pure.shell.v1.raw_handler import RawHandler

__all__ = ["handler_of", "is_ours", "methods_are_theirs", "patience_of"]


def is_ours(raw: Any) -> bool:
    """Whether it is of a class of ours, which asks B2, or a simulator of it."""
    return really_is(raw, AbstractRawApi)


def patience_of(raw: Any) -> RetryPolicy:
    """How often, and for how long, what fails over this raw api is tried again."""
    found = raw.retry if is_ours(raw) else PATIENCE
    return found if isinstance(found, RetryPolicy) else PATIENCE


def methods_are_theirs(raw: Any, name: str) -> bool:
    """Whether the method of this name is somebody else's."""
    return not really_is(raw, RawCalls) or raw._is_theirs(name)


def handler_of(raw: Any, realm_url: str, application_key_id: str, application_key: str) -> Api:
    """What programs run over, with this key."""
    made: Api = (
        raw.handler(realm_url, application_key_id, application_key)
        if is_ours(raw)
        else RawHandler(raw, realm_url, application_key_id, application_key)
    )
    return made
