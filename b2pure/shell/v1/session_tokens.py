"""A session that lends its tokens to methods of raw apis.

Rules. What a token that expired spoiled is done once more with a new one; no other error is tried again, because raw
apis have a patience of their own. An upload URL goes back to the pool only after a success. A refusal tells what the
key is restricted to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from b2pure.effects.requests import use_token
from b2pure.model.errors import Unauthorized as Refusal
from b2pure.plan.retry import Reauthorize, RetryState, step_retry
from b2pure.plan.session import Need, Rejected401, UseToken
from b2pure.shell.v1.carried import value_of
from b2pure.shell.v1.exceptions import InvalidAuthToken, Unauthorized
from b2pure.shell.v1.raw_api import Json, ReadableStream
from b2pure.shell.v1.session import Session

__all__ = ["TokenSession", "UploadUrls"]

T = TypeVar("T")
Pair = tuple[str, str]
"""An upload URL and its token."""


@frozen
class UploadUrls:
    """The upload URLs of one bucket or large file: those that lie idle are taken and put back, others are asked for."""

    take: Callable[[], Pair | tuple[None, None]]
    ask: Callable[[], Json]
    put: Callable[[str, str], None]

    def idle(self) -> Pair | None:
        """One from the pool."""
        url, token = self.take()
        return None if url is None or token is None else (url, token)

    def fresh(self) -> Pair:
        """One of B2's."""
        asked = self.ask()
        return asked["uploadUrl"], asked["authorizationToken"]


class TokenSession(Session):
    """What `B2Session` calls methods with."""

    def _call(self, method: Callable[..., Json], *arguments: Any, **named: Any) -> Json:
        return self._with_token(lambda url, token: method(url, token, *arguments, **named))

    def _with_token(self, method: Callable[[str, str], T]) -> T:
        """What the method answers to the API's address and the account token."""
        event: Need | Rejected401 = Need()
        state = RetryState()
        while True:
            used = self._use(event)
            try:
                return method(used.authorization.api_url, used.authorization.token)
            except InvalidAuthToken as error:
                state, decision = step_retry(self.retry, state, value_of(error), "other", 0.0)
                if not isinstance(decision, Reauthorize):
                    raise
                event = Rejected401(used.generation)
            except Unauthorized as error:
                raise self._explained(error) from None

    def _use(self, event: Need | Rejected401) -> UseToken:
        return self.run(use_token(event, self.retry))

    def _uploaded(self, method: Callable[[str, str], Json], stream: ReadableStream, urls: UploadUrls) -> Json:
        """What the method answers to an upload URL and its token; where that one has expired, to a fresh one."""
        rewind = _way_back(stream)
        try:
            return self._sent(method, urls.idle() or urls.fresh(), urls)
        except InvalidAuthToken:
            if rewind is None:
                raise
        rewind()
        return self._sent(method, urls.fresh(), urls)

    def _sent(self, method: Callable[[str, str], Json], pair: Pair, urls: UploadUrls) -> Json:
        try:
            reply = method(*pair)
        except Unauthorized as error:
            raise self._explained(error) from None
        urls.put(*pair)
        return reply

    def _explained(self, error: Unauthorized) -> Exception:
        """The refusal with the restrictions of the key; subclasses say already what is wrong."""
        return error if type(error) is not Unauthorized else self.exception(Refusal(error.code, error.message))


def _way_back(stream: ReadableStream) -> Callable[[], object] | None:
    """What brings the stream back to where it stands, if it can come back."""
    seek: Callable[..., int] | None = getattr(stream, "seek", None)
    if seek is None:
        return None
    try:
        return partial(seek, seek(0, os.SEEK_CUR))
    except (OSError, ValueError):
        return None
