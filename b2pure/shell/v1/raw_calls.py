"""Every method of a raw api out of one: send a call.

Rules. A method makes its call; `_ask` sends it, and gives the reply as the dictionary of API version 2, or raises.
The stream of an upload is read once and never longer than it was said to be; the digest at its end, if one was
promised, must be that of what came before.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar, cast

from returns.io import IO
from returns.result import Result
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies
from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Reader
from b2pure.effects.program import ok
from b2pure.model import calls
from b2pure.model.account import UploadUrl
from b2pure.model.buckets import CorsRule, LifecycleRule
from b2pure.model.calls import Call
from b2pure.model.errors import B2Error
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.names import b2_name_problem
from b2pure.model.replies import AuthorizationReply
from b2pure.shell.v1.enums import MetadataDirectiveMode
from b2pure.shell.v1.error_table import Context, exception_of
from b2pure.shell.v1.exceptions import UnusableFileName
from b2pure.shell.v1.own_methods import ApiOfMethods, Originals
from b2pure.shell.v1.raw_api import RAW_METHODS, AbstractRawApi, Info, Json, Range, ReadableStream
from b2pure.shell.v1.raw_arguments import (
    account_credential,
    check_directive,
    http_range,
    rules_of_json,
    unprintable_to_hex,
)
from b2pure.shell.v1.raw_bodies import OneStream
from b2pure.shell.v1.raw_replies import as_json

__all__ = ["RawCalls"]

R = TypeVar("R")


class RawCalls(AbstractRawApi):
    """The methods; where calls are sent to is said by `_send` and, for a key, `_direct`."""

    _originals: ClassVar[Originals]
    """The methods of the nearest class that is one of ours."""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if cls.__module__.startswith(f"{__package__}."):
            cls._originals = Originals(cls, RAW_METHODS)

    def handler(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        """What the programs of the core run over, with this key. Where somebody put a method of their own in the place
        of one of these, that is called.
        """
        ours = self._direct(realm_url, application_key_id, application_key)
        theirs = super().handler(realm_url, application_key_id, application_key)
        return ApiOfMethods(self, self._originals, ours, theirs)

    def _is_theirs(self, name: str) -> bool:
        """Whether the method of this name is somebody else's."""
        return self._originals.replaced(self, name)

    @abstractmethod
    def _direct(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        """An api that needs no methods."""

    @abstractmethod
    def _send(self, call: Call[R], credential: Credential, reader: Reader) -> Result[R, B2Error]:
        """One call with an account token or an upload URL."""

    def _ask(self, api_url: str, account_auth_token: str, call: Call[Any]) -> Json:
        return self._answer(call, account_credential(api_url, account_auth_token), Bodies())

    def _answer(self, call: Call[R], credential: Credential, reader: Reader) -> Json:
        return _told(self._send(call, credential, reader), call)

    def authorize_account(self, realm_url: str, application_key_id: str, application_key: str) -> Json:
        call = calls.AuthorizeAccount()
        api = self._direct(realm_url, application_key_id, application_key)
        answer = api.send(call, None, Bodies())
        return _told(unsafe_perform_io(cast(IO[Result[AuthorizationReply, B2Error]], answer)), call)

    # -- keys

    def create_key(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        capabilities: Sequence[str],
        key_name: str,
        valid_duration_seconds: int | None,
        bucket_id: str | None,
        name_prefix: str | None,
    ) -> Json:
        ids = None if bucket_id is None else (BucketId(bucket_id),)
        call = calls.CreateKey(
            AccountId(account_id), tuple(capabilities), key_name, valid_duration_seconds, ids, name_prefix
        )
        return self._ask(api_url, account_auth_token, call)

    def delete_key(self, api_url: str, account_auth_token: str, application_key_id: str) -> Json:
        return self._ask(api_url, account_auth_token, calls.DeleteKey(application_key_id))

    def list_keys(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        max_key_count: int | None = None,
        start_application_key_id: str | None = None,
    ) -> Json:
        call = calls.ListKeys(AccountId(account_id), max_key_count, start_application_key_id)
        return self._ask(api_url, account_auth_token, call)

    # -- buckets

    def create_bucket(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        bucket_name: str,
        bucket_type: str,
        bucket_info: Info | None = None,
        cors_rules: Sequence[Json] | None = None,
        lifecycle_rules: Sequence[Json] | None = None,
    ) -> Json:
        call = calls.CreateBucket(
            AccountId(account_id),
            bucket_name,
            bucket_type,
            bucket_info,
            rules_of_json(cors_rules, CorsRule, "cors_rules"),
            rules_of_json(lifecycle_rules, LifecycleRule, "lifecycle_rules"),
        )
        return self._ask(api_url, account_auth_token, call)

    def delete_bucket(self, api_url: str, account_auth_token: str, account_id: str, bucket_id: str) -> Json:
        call = calls.DeleteBucket(AccountId(account_id), BucketId(bucket_id))
        return self._ask(api_url, account_auth_token, call)

    def list_buckets(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        bucket_id: str | None = None,
        bucket_name: str | None = None,
    ) -> Json:
        wanted = None if bucket_id is None else BucketId(bucket_id)
        call = calls.ListBuckets(AccountId(account_id), wanted, bucket_name, ("all",))
        return self._ask(api_url, account_auth_token, call)

    def update_bucket(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        bucket_id: str,
        bucket_type: str | None = None,
        bucket_info: Info | None = None,
        cors_rules: Sequence[Json] | None = None,
        lifecycle_rules: Sequence[Json] | None = None,
        if_revision_is: int | None = None,
    ) -> Json:
        call = calls.UpdateBucket(
            AccountId(account_id),
            BucketId(bucket_id),
            bucket_type,
            bucket_info,
            rules_of_json(cors_rules, CorsRule, "cors_rules"),
            rules_of_json(lifecycle_rules, LifecycleRule, "lifecycle_rules"),
            if_revision_is=if_revision_is,
        )
        return self._ask(api_url, account_auth_token, call)

    def get_download_authorization(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        file_name_prefix: str,
        valid_duration_in_seconds: int,
    ) -> Json:
        call = calls.GetDownloadAuthorization(BucketId(bucket_id), file_name_prefix, valid_duration_in_seconds)
        return self._ask(api_url, account_auth_token, call)

    # -- files

    def list_file_names(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        call = calls.ListFileNames(BucketId(bucket_id), start_file_name, max_file_count, prefix)
        return self._ask(api_url, account_auth_token, call)

    def list_file_versions(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        start = None if start_file_id is None else FileId(start_file_id)
        call = calls.ListFileVersions(BucketId(bucket_id), start_file_name, start, max_file_count, prefix)
        return self._ask(api_url, account_auth_token, call)

    def get_file_info(self, api_url: str, account_auth_token: str, file_id: str) -> Json:
        return self._ask(api_url, account_auth_token, calls.GetFileInfo(FileId(file_id)))

    def hide_file(self, api_url: str, account_auth_token: str, bucket_id: str, file_name: str) -> Json:
        call = calls.HideFile(BucketId(bucket_id), file_name)
        return self._ask(api_url, account_auth_token, call)

    def delete_file_version(self, api_url: str, account_auth_token: str, file_id: str, file_name: str) -> Json:
        call = calls.DeleteFileVersion(file_name, FileId(file_id))
        return self._ask(api_url, account_auth_token, call)

    def copy_file(
        self,
        api_url: str,
        account_auth_token: str,
        source_file_id: str,
        new_file_name: str,
        bytes_range: Range | None = None,
        metadata_directive: MetadataDirectiveMode | None = None,
        content_type: str | None = None,
        file_info: Info | None = None,
        destination_bucket_id: str | None = None,
    ) -> Json:
        check_directive(metadata_directive, content_type, file_info)
        call = calls.CopyFile(
            FileId(source_file_id),
            new_file_name,
            None if destination_bucket_id is None else BucketId(destination_bucket_id),
            http_range(bytes_range),
            "REPLACE" if metadata_directive is MetadataDirectiveMode.REPLACE else "COPY",
            content_type,
            file_info,
        )
        return self._ask(api_url, account_auth_token, call)

    # -- uploads

    def get_upload_url(self, api_url: str, account_auth_token: str, bucket_id: str) -> Json:
        return self._ask(api_url, account_auth_token, calls.GetUploadUrl(BucketId(bucket_id)))

    def get_upload_part_url(self, api_url: str, account_auth_token: str, file_id: str) -> Json:
        return self._ask(api_url, account_auth_token, calls.GetUploadPartUrl(FileId(file_id)))

    def upload_file(
        self,
        upload_url: str,
        upload_auth_token: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_infos: Info,
        data_stream: ReadableStream,
    ) -> Json:
        """Upload one, small file to b2: `content_length` bytes of `data_stream`, which with the digest
        "hex_digits_at_end" are followed by nothing, but include it.
        """
        self.check_b2_filename(file_name)
        stream = OneStream(data_stream, content_length, content_sha1)
        call = calls.UploadFile(file_name, content_type, content_sha1, file_infos, stream.body)
        return self._answer(call, UploadUrl(upload_url, upload_auth_token), stream)

    def upload_part(
        self,
        upload_url: str,
        upload_auth_token: str,
        part_number: int,
        content_length: int,
        sha1_sum: str,
        input_stream: ReadableStream,
    ) -> Json:
        stream = OneStream(input_stream, content_length, sha1_sum)
        call = calls.UploadPart(part_number, sha1_sum, stream.body)
        return self._answer(call, UploadUrl(upload_url, upload_auth_token), stream)

    def start_large_file(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        file_name: str,
        content_type: str,
        file_info: Info,
    ) -> Json:
        call = calls.StartLargeFile(BucketId(bucket_id), file_name, content_type, file_info)
        return self._ask(api_url, account_auth_token, call)

    def copy_part(
        self,
        api_url: str,
        account_auth_token: str,
        source_file_id: str,
        large_file_id: str,
        part_number: int,
        bytes_range: Range | None = None,
    ) -> Json:
        call = calls.CopyPart(FileId(source_file_id), FileId(large_file_id), part_number, http_range(bytes_range))
        return self._ask(api_url, account_auth_token, call)

    def list_parts(
        self,
        api_url: str,
        account_auth_token: str,
        file_id: str,
        start_part_number: int | None,
        max_part_count: int | None,
    ) -> Json:
        call = calls.ListParts(FileId(file_id), start_part_number, max_part_count)
        return self._ask(api_url, account_auth_token, call)

    def list_unfinished_large_files(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        start = None if start_file_id is None else FileId(start_file_id)
        call = calls.ListUnfinishedLargeFiles(BucketId(bucket_id), prefix, start, max_file_count)
        return self._ask(api_url, account_auth_token, call)

    def finish_large_file(
        self, api_url: str, account_auth_token: str, file_id: str, part_sha1_array: Sequence[str]
    ) -> Json:
        call = calls.FinishLargeFile(FileId(file_id), tuple(part_sha1_array))
        return self._ask(api_url, account_auth_token, call)

    def cancel_large_file(self, api_url: str, account_auth_token: str, file_id: str) -> Json:
        return self._ask(api_url, account_auth_token, calls.CancelLargeFile(FileId(file_id)))

    # -- names

    def unprintable_to_hex(self, string: str) -> str:
        """Replace unprintable chars in string with a hex representation (e.g., `\\x07`)."""
        return unprintable_to_hex(string)

    def check_b2_filename(self, filename: str) -> None:
        """Raise an appropriate exception with details if the filename is unusable."""
        problem = b2_name_problem(filename)
        if problem is not None:
            raise UnusableFileName(f'{problem}: "{unprintable_to_hex(filename[:1024])}"')


def _told(answer: Result[R, B2Error], call: Call[R]) -> Json:
    if not ok(answer):
        raise exception_of(answer.failure(), Context.of(call))
    return as_json(answer.unwrap())
