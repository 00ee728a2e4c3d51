"""The raw api of the real B2, or of a server that behaves like it."""

from __future__ import annotations

from typing import Final, TypeVar, cast

from returns.io import IO
from returns.result import Result
from returns.unsafe import unsafe_perform_io

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Reader
from b2pure.effects.program import ok
from b2pure.model.account import UploadUrl
from b2pure.model.calls import Call
from b2pure.model.errors import B2Error
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.http import realm_url as url_of_realm
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.b2_http import B2Http, ResponseContextManager, persist
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.raw_api import Json, Range, ReadableStream
from b2pure.shell.v1.raw_arguments import http_range
from b2pure.shell.v1.raw_calls import RawCalls

__all__ = ["B2RawApi"]

R = TypeVar("R")
_TRIES: Final = 5
_LONGEST_TOLD: Final = 20
"""Characters of a realm that an error may show: what is longer could be a key in the wrong place."""


class B2RawApi(RawCalls):
    """Provide access to the B2 web APIs, exactly as they are provided by b2.

    Requires that you provide all necessary URLs and auth tokens for each call. Each API call decodes the returned JSON
    and returns a dict. What may help is tried again, except uploads: those need another URL.
    """

    @checked()
    def __init__(self, b2_http: B2Http) -> None:
        """`b2_http` has the connections, their timeouts and their patience."""
        self.b2_http = b2_http
        self._api = b2_http.api("", "", "")

    @property
    def retry(self) -> RetryPolicy:
        """The patience of the connections."""
        return self.b2_http.retry

    def _direct(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        return self.b2_http.api(_address(realm_url), application_key_id, application_key)

    def _send(self, call: Call[R], credential: Credential, reader: Reader) -> Result[R, B2Error]:
        def attempt() -> Result[R, B2Error]:
            answer = unsafe_perform_io(cast(IO[Result[R, B2Error]], self._api.send(call, credential, reader)))
            if ok(answer) or isinstance(credential, UploadUrl):
                return answer
            raise exception_of(answer.failure(), Context.of(call))

        return persist(attempt, _TRIES, self.retry)

    def upload_part(
        self,
        upload_url: str,
        upload_auth_token: str,
        part_number: int,
        content_length: int,
        content_sha1: str,
        data_stream: ReadableStream,
    ) -> Json:
        """Upload one part of a large file: `content_length` bytes, with their SHA-1 in hex, as part `part_number` (from
        1 on).
        """
        return super().upload_part(
            upload_url, upload_auth_token, part_number, content_length, content_sha1, data_stream
        )

    def download_file_from_url(
        self, account_auth_token_or_none: str | None, url: str, range_: Range | None = None
    ) -> ResponseContextManager:
        """Issue a streaming request for download of a file, potentially authorized. `range_` is (first, last) in bytes,
        both inclusive.
        """
        headers = {} if account_auth_token_or_none is None else {"Authorization": account_auth_token_or_none}
        wanted = http_range(range_)
        if wanted is not None:
            headers["Range"] = wanted
        return self.b2_http.get_content(url, headers)


def _address(realm: str) -> str:
    """The address of a realm that is none of the known ones, and so a URL. Raises InvalidArgument."""
    found = url_of_realm(realm)
    if ok(found):
        return found.unwrap()
    told = f"{realm!r} is unknown: it" if len(realm) <= _LONGEST_TOLD else "is unknown: it"
    names = ", ".join(map(repr, sorted(AbstractAccountInfo.REALM_URLS)))
    raise InvalidArgument("realm", f"{told} must be {names}, or the http or https URL of a server")
