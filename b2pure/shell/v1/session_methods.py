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


_PAGE_OF_NAMES: Final = ("start_file_name", "max_file_count", "prefix")
_PAGE_OF_VERSIONS: Final = ("start_file_name", "start_file_id", "max_file_count", "prefix")
_PAGE_OF_UNFINISHED: Final = ("start_file_id", "max_file_count", "prefix")
_OF_COPY: Final = (
    "bytes_range", "metadata_directive", "content_type", "file_info", "destination_bucket_id",
)  # fmt: skip


class _Methods:
    """A raw api whose methods are those of `session`, called as b2sdk 1.1.4 calls a session's."""

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

    def list_file_names(self, _url: str, _token: str, bucket_id: str, **page: Any) -> Any:
        """A page by position, as b2sdk asks a session."""
        return self._session.list_file_names(bucket_id, *map(page.get, _PAGE_OF_NAMES))

    def list_file_versions(self, _url: str, _token: str, bucket_id: str, **page: Any) -> Any:
        """The same of versions."""
        return self._session.list_file_versions(bucket_id, *map(page.get, _PAGE_OF_VERSIONS))

    def list_unfinished_large_files(self, _url: str, _token: str, bucket_id: str, **page: Any) -> Any:
        """The same of large files."""
        return self._session.list_unfinished_large_files(bucket_id, *map(page.get, _PAGE_OF_UNFINISHED))

    def list_buckets(self, _url: str, _token: str, account_id: str, **wanted: Any) -> Any:
        """By name, unless an id is asked for."""
        if wanted["bucket_id"] is None:
            del wanted["bucket_id"]
        return self._session.list_buckets(account_id, **wanted)

    def copy_file(self, _url: str, _token: str, source_file_id: str, new_file_name: str, **how: Any) -> Any:
        """All by position."""
        return self._session.copy_file(source_file_id, new_file_name, *map(how.get, _OF_COPY))

    def delete_key(self, _url: str, _token: str, application_key_id: str) -> Any:
        """By name."""
        return self._session.delete_key(application_key_id=application_key_id)

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
