"""The raw api with the addresses and tokens filled in.

Rules. A method here is the raw api's method of the same name: `api_url` and the account token come from the session,
an upload URL from the account info's pool, or from B2 (`session_tokens`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from b2pure.effects.handlers import Api
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo
from b2pure.shell.v1.b2_http import B2Http
from b2pure.shell.v1.b2_raw_api import B2RawApi
from b2pure.shell.v1.cache import AbstractCache, AuthInfoCache, DummyCache
from b2pure.shell.v1.enums import MetadataDirectiveMode
from b2pure.shell.v1.exceptions import MissingAccountData
from b2pure.shell.v1.machines import AccountInfoMachines, StoredKey
from b2pure.shell.v1.own_methods import Originals
from b2pure.shell.v1.raw_api import AbstractRawApi, Info, Json, Range, ReadableStream
from b2pure.shell.v1.session import HasHandler
from b2pure.shell.v1.session_methods import SESSION_METHODS, ApiOfSession, UploadsOfSession
from b2pure.shell.v1.session_tokens import TokenSession, UploadUrls
from b2pure.shell.v1.sqlite_account_info import SqliteAccountInfo

__all__ = ["B2Session"]


class B2Session(TokenSession):
    """A facade that supplies the correct api_url and account_auth_token to methods of underlying raw_api and
    reauthorizes if necessary.
    """

    raw_api: AbstractRawApi

    def __init__(
        self,
        account_info: AbstractAccountInfo | None = None,
        cache: AbstractCache | None = None,
        raw_api: AbstractRawApi | None = None,
    ) -> None:
        """Initialize Session using given account info (default: SqliteAccountInfo), cache (default: DummyCache, or
        AuthInfoCache where `account_info` is not given either) and raw api (default: B2RawApi).
        """
        if account_info is None:
            account_info = SqliteAccountInfo()
            cache = AuthInfoCache(account_info) if cache is None else cache
        super().__init__(account_info, B2RawApi(B2Http()) if raw_api is None else raw_api)
        self.cache = DummyCache() if cache is None else cache

    # -- what programs run over

    def _machines(self, key: StoredKey) -> AccountInfoMachines:
        """They know which uploads find their URLs themselves."""
        whole, parts = _ORIGINALS.replaced(self, "upload_file"), _ORIGINALS.replaced(self, "upload_part")
        if not (whole or parts):
            return super()._machines(key)
        found = UploadsOfSession(self.account_info, key)
        found.whole, found.parts = whole, parts
        return found

    def _handler(self, raw: HasHandler, key: StoredKey) -> Api:
        return ApiOfSession(self, _ORIGINALS, super()._handler(raw, key))

    def _is_theirs(self, name: str) -> bool:
        """Whether the method of this name, here or of the raw api, is somebody else's."""
        return _ORIGINALS.replaced(self, name) or super()._is_theirs(name)

    # -- the account

    def authorize_automatically(self) -> bool:
        """Perform automatic account authorization with the key that is stored; whether there is one."""
        try:
            key = StoredKey.of(self.account_info)
        except MissingAccountData:
            return False
        self.authorize_account(key.realm, key.application_key_id, key.application_key)
        return True

    def authorize_account(self, realm: str, application_key_id: str, application_key: str) -> None:
        """Perform account authorization. `realm` is usually just "production", or the URL of another server. Raises
        InvalidArgument for a realm that leads to no B2, Unauthorized for a key that is not valid.
        """
        before = self._account()
        self.authorize(StoredKey(realm, application_key_id, application_key))
        if self._account() != before:
            self.cache.clear()

    def _account(self) -> tuple[str, str] | None:
        try:
            return self.account_info.get_account_id(), self.account_info.get_realm()
        except MissingAccountData:
            return None

    # -- keys

    def create_key(
        self,
        account_id: str,
        capabilities: Sequence[str],
        key_name: str,
        valid_duration_seconds: int | None,
        bucket_id: str | None,
        name_prefix: str | None,
    ) -> Json:
        """Create an application key, which ends after `valid_duration_seconds`, and is restricted to a bucket and to
        files whose names start with `name_prefix`, where these are not None. Only this answer has the key itself.
        """
        return self._call(
            self.raw_api.create_key,
            account_id,
            capabilities,
            key_name,
            valid_duration_seconds,
            bucket_id,
            name_prefix,
        )

    def delete_key(self, application_key_id: str) -> Json:
        """Delete an application key."""
        return self._call(self.raw_api.delete_key, application_key_id)

    def list_keys(
        self, account_id: str, max_key_count: int | None = None, start_application_key_id: str | None = None
    ) -> Json:
        """Application keys from the given one on, up to `max_key_count` (B2 gives 100 unless told, 10000 at most);
        `nextApplicationKeyId` says where to go on.
        """
        return self._call(
            self.raw_api.list_keys,
            account_id,
            max_key_count=max_key_count,
            start_application_key_id=start_application_key_id,
        )

    # -- buckets

    def create_bucket(
        self,
        account_id: str,
        bucket_name: str,
        bucket_type: str,
        bucket_info: Info | None = None,
        cors_rules: Sequence[Json] | None = None,
        lifecycle_rules: Sequence[Json] | None = None,
    ) -> Json:
        """Create a bucket of type "allPublic" or "allPrivate". Raises DuplicateBucketName."""
        return self._call(
            self.raw_api.create_bucket,
            account_id,
            bucket_name,
            bucket_type,
            bucket_info=bucket_info,
            cors_rules=cors_rules,
            lifecycle_rules=lifecycle_rules,
        )

    def delete_bucket(self, account_id: str, bucket_id: str) -> Json:
        """Delete a bucket, which must be empty."""
        return self._call(self.raw_api.delete_bucket, account_id, bucket_id)

    def list_buckets(self, account_id: str, bucket_id: str | None = None, bucket_name: str | None = None) -> Json:
        """All buckets of the account, or the one of this id or name."""
        return self._call(self.raw_api.list_buckets, account_id, bucket_id=bucket_id, bucket_name=bucket_name)

    def update_bucket(
        self,
        account_id: str,
        bucket_id: str,
        bucket_type: str | None = None,
        bucket_info: Info | None = None,
        cors_rules: Sequence[Json] | None = None,
        lifecycle_rules: Sequence[Json] | None = None,
        if_revision_is: int | None = None,
    ) -> Json:
        """Change what is not None; rules and info are replaced as a whole. Raises Conflict where `if_revision_is` is
        not the bucket's revision.
        """
        return self._call(
            self.raw_api.update_bucket,
            account_id,
            bucket_id,
            bucket_type=bucket_type,
            bucket_info=bucket_info,
            cors_rules=cors_rules,
            lifecycle_rules=lifecycle_rules,
            if_revision_is=if_revision_is,
        )

    # -- files

    def list_file_names(
        self,
        bucket_id: str,
        start_file_name: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        """The newest versions from `start_file_name` on, up to `max_file_count` (B2 gives 100 unless told, 10000 at
        most); `nextFileName` says where to go on.
        """
        return self._call(
            self.raw_api.list_file_names,
            bucket_id,
            start_file_name=start_file_name,
            max_file_count=max_file_count,
            prefix=prefix,
        )

    def list_file_versions(
        self,
        bucket_id: str,
        start_file_name: str | None = None,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        """All versions from the given one on, up to `max_file_count` (B2 gives 100 unless told, 10000 at most);
        `nextFileName` and `nextFileId` say where to go on.
        """
        return self._call(
            self.raw_api.list_file_versions,
            bucket_id,
            start_file_name=start_file_name,
            start_file_id=start_file_id,
            max_file_count=max_file_count,
            prefix=prefix,
        )

    def get_file_info(self, file_id: str) -> Json:
        """What B2 knows of one version of a file. Raises FileNotPresent."""
        return self._call(self.raw_api.get_file_info, file_id)

    def hide_file(self, bucket_id: str, file_name: str) -> Json:
        """Hide a file: its older versions stay. Raises FileAlreadyHidden, FileNotPresent."""
        return self._call(self.raw_api.hide_file, bucket_id, file_name)

    def delete_file_version(self, file_id: str, file_name: str) -> Json:
        """Delete one version of a file for good. Raises FileNotPresent."""
        return self._call(self.raw_api.delete_file_version, file_id, file_name)

    def copy_file(
        self,
        source_file_id: str,
        new_file_name: str,
        bytes_range: Range | None = None,
        metadata_directive: MetadataDirectiveMode | None = None,
        content_type: str | None = None,
        file_info: Info | None = None,
        destination_bucket_id: str | None = None,
    ) -> Json:
        """Copy a file, or the bytes of it from the first to the last of `bytes_range`, on the server; at most 5 GB.
        `content_type` and `file_info` come with MetadataDirectiveMode.REPLACE only.
        """
        return self._call(
            self.raw_api.copy_file,
            source_file_id,
            new_file_name,
            bytes_range=bytes_range,
            metadata_directive=metadata_directive,
            content_type=content_type,
            file_info=file_info,
            destination_bucket_id=destination_bucket_id,
        )

    # -- downloads

    def download_file_from_url(self, url: str, range_: Range | None = None) -> Any:
        """A context manager of the response. `range_` is (first, last) in bytes, both inclusive."""
        return self._with_token(lambda _, token: self.raw_api.download_file_from_url(token, url, range_=range_))

    def get_download_authorization(self, bucket_id: str, file_name_prefix: str, valid_duration_in_seconds: int) -> Json:
        """A token for downloads of files whose names start with `file_name_prefix`, good for 1 to 604800 seconds."""
        return self._call(
            self.raw_api.get_download_authorization, bucket_id, file_name_prefix, valid_duration_in_seconds
        )

    def get_download_url_by_id(self, file_id: str) -> str:
        """Where the content of a version is."""
        return self.raw_api.get_download_url_by_id(self.account_info.get_download_url(), file_id)

    def get_download_url_by_name(self, bucket_name: str, file_name: str) -> str:
        """Where the content of the newest version is."""
        return self.raw_api.get_download_url_by_name(self.account_info.get_download_url(), bucket_name, file_name)

    # -- uploads

    def get_upload_url(self, bucket_id: str) -> Json:
        """An upload URL of the bucket, and its token, for one upload at a time."""
        return self._call(self.raw_api.get_upload_url, bucket_id)

    def get_upload_part_url(self, file_id: str) -> Json:
        """An upload URL of the large file, and its token, for one part at a time."""
        return self._call(self.raw_api.get_upload_part_url, file_id)

    def upload_file(
        self,
        bucket_id: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_infos: Info,
        data_stream: ReadableStream,
    ) -> Json:
        """Upload one small file. `data_stream` is sent a second time only if it can `seek`."""
        return self._uploaded(
            lambda url, token: self.raw_api.upload_file(
                url, token, file_name, content_length, content_type, content_sha1, file_infos, data_stream
            ),
            data_stream,
            UploadUrls(
                lambda: self.account_info.take_bucket_upload_url(bucket_id),
                lambda: self.get_upload_url(bucket_id),
                lambda url, token: self.account_info.put_bucket_upload_url(bucket_id, url, token),
            ),
        )

    def upload_part(
        self, file_id: str, part_number: int, content_length: int, sha1_sum: str, input_stream: ReadableStream
    ) -> Json:
        """Upload one part of a large file. `input_stream` is sent a second time only if it can `seek`."""
        return self._uploaded(
            lambda url, token: self.raw_api.upload_part(
                url, token, part_number, content_length, sha1_sum, input_stream
            ),
            input_stream,
            UploadUrls(
                lambda: self.account_info.take_large_file_upload_url(file_id),
                lambda: self.get_upload_part_url(file_id),
                lambda url, token: self.account_info.put_large_file_upload_url(file_id, url, token),
            ),
        )

    # -- large files

    def start_large_file(self, bucket_id: str, file_name: str, content_type: str, file_info: Info) -> Json:
        """Begin a large file; its parts are sent to `get_upload_part_url`'s."""
        return self._call(self.raw_api.start_large_file, bucket_id, file_name, content_type, file_info)

    def copy_part(
        self, source_file_id: str, large_file_id: str, part_number: int, bytes_range: Range | None = None
    ) -> Json:
        """Copy a file, or the bytes of it from the first to the last of `bytes_range`, as part `part_number`, which is
        1 or more.
        """
        return self._call(self.raw_api.copy_part, source_file_id, large_file_id, part_number, bytes_range=bytes_range)

    def list_parts(self, file_id: str, start_part_number: int | None, max_part_count: int | None) -> Json:
        """Parts that were sent, from `start_part_number` on; `nextPartNumber` says where to go on."""
        return self._call(self.raw_api.list_parts, file_id, start_part_number, max_part_count)

    def list_unfinished_large_files(
        self,
        bucket_id: str,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        """Large files that are not finished, up to `max_file_count` (100 at most); `nextFileId` says where to go on."""
        return self._call(
            self.raw_api.list_unfinished_large_files,
            bucket_id,
            start_file_id=start_file_id,
            max_file_count=max_file_count,
            prefix=prefix,
        )

    def finish_large_file(self, file_id: str, part_sha1_array: Sequence[str]) -> Json:
        """The upload URLs of the large file are forgotten."""
        finished = self._call(self.raw_api.finish_large_file, file_id, part_sha1_array)
        self.account_info.clear_large_file_upload_urls(file_id)
        return finished

    def cancel_large_file(self, file_id: str) -> Json:
        """The upload URLs of the large file are forgotten."""
        cancelled = self._call(self.raw_api.cancel_large_file, file_id)
        self.account_info.clear_large_file_upload_urls(file_id)
        return cancelled


_ORIGINALS: Final = Originals(B2Session, SESSION_METHODS)
