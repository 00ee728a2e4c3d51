"""The methods of a session that somebody replaced, as a raw api that programs run over.

Rules. A session's method is the raw api's without address and token, which it finds itself. An upload finds its upload
URL itself, too: programs get one that says only whose it would be, and no pool ever sees that one. Whether they do is
decided when a job begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from returns.io import IOResult

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Reader
from b2pure.model.account import UploadUrl
from b2pure.model.calls import Call
from b2pure.model.errors import B2Error
from b2pure.plan.urls import Close, Nothing, PoolDecision, PoolEvent, Take, Use
from b2pure.shell.v1.machines import AccountInfoMachines, is_large_file
from b2pure.shell.v1.own_methods import ApiOfMethods, Originals
from b2pure.shell.v1.raw_api import RAW_METHODS, AbstractRawApi, Range
from b2pure.shell.v1.raw_handler import RawHandler

__all__ = ["SESSION_METHODS", "ApiOfSession", "UploadsOfSession", "api_of_methods"]

R = TypeVar("R")

SESSION_METHODS: Final = RAW_METHODS - {"authorize_account"}
"""What programs would ask a session for. Whoever authorizes calls a session himself."""

_WHOSE: Final = "session:"
"""What stands before the bucket id or large file id in the URL of an upload that finds its own."""


class _Methods:
    """A raw api whose methods are those of `session`."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._session, name)
        return lambda _url, _token, *arguments, **named: method(*arguments, **named)

    def upload_file(self, url: str, _token: str, *arguments: Any) -> Any:
        """To the bucket whose id is in the URL."""
        return self._session.upload_file(url.removeprefix(_WHOSE), *arguments)

    def upload_part(self, url: str, _token: str, *arguments: Any) -> Any:
        """To the large file whose id is in the URL."""
        return self._session.upload_part(url.removeprefix(_WHOSE), *arguments)

    def download_file_from_url(self, _token: str | None, url: str, range_: Range | None = None) -> Any:
        """The session shows its own token."""
        return self._session.download_file_from_url(url, range_=range_)

    def get_download_url_by_id(self, _download_url: str, file_id: str) -> Any:
        """Where the content of a version is."""
        return self._session.get_download_url_by_id(file_id)

    def get_download_url_by_name(self, _download_url: str, bucket_name: str, file_name: str) -> Any:
        """Where the content of the newest version is."""
        return self._session.get_download_url_by_name(bucket_name, file_name)


def api_of_methods(session: object) -> Api:
    """An api that calls the methods of a session."""
    return RawHandler(cast(AbstractRawApi, _Methods(session)), "", "", "")


class ApiOfSession(ApiOfMethods):
    """An api that calls the methods of a session where somebody replaced them, and is `ours` elsewhere."""

    def __init__(self, session: object, originals: Originals, ours: Api) -> None:
        super().__init__(session, originals, ours, api_of_methods(session))

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        """An upload goes by its URL."""
        if isinstance(credential, UploadUrl):
            return (self._theirs if credential.url.startswith(_WHOSE) else self._ours).send(call, credential, reader)
        return super().send(call, credential, reader)


class UploadsOfSession(AccountInfoMachines):
    """Machines whose uploads find their URLs themselves: those of whole files, of parts, or both."""

    whole = parts = False

    def step_pool(self, key: str, event: PoolEvent) -> PoolDecision:
        if isinstance(event, Close) or not (self.parts if is_large_file(key) else self.whole):
            return super().step_pool(key, event)
        return Use(UploadUrl(_WHOSE + key, "")) if isinstance(event, Take) else Nothing()
