"""The calls of B2, one method each, as b2sdk's raw api has them.

Rules. Addresses and tokens are arguments of every call; what comes back is the dictionary of API version 2, whatever
version was spoken. `AbstractRawApi` is the interface, `handler` its seam to the programs: what they run over.
`RawCalls` makes every method out of one: send a call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

from b2pure.effects.handlers import Api
from b2pure.effects.wire import API_VERSION, header_encoded
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.v1.enums import MetadataDirectiveMode

__all__ = ["PATIENCE", "AbstractRawApi", "Json", "ReadableStream"]

Json = dict[str, Any]
Info = Mapping[str, str]
Range = tuple[int, int]
"""First and last byte, both inclusive."""

PATIENCE: Final = RetryPolicy(max_unanswered=5)
"""That of this interface: what a busy server refuses is tried as often as everywhere, but who asks a server that is not
there is told as soon as b2sdk tells it.
"""

_ID_PATH: Final = f"/b2api/v{API_VERSION}/b2_download_file_by_id?fileId="


class ReadableStream(Protocol):
    """A file-like object that is open for reading."""

    def read(self, size: int, /) -> bytes: ...


class AbstractRawApi(ABC):
    """Direct access to the B2 web apis."""

    @property
    def retry(self) -> RetryPolicy:
        """How often, and for how long, what fails over this raw api is tried again."""
        return PATIENCE

    def handler(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        """What the programs of the core run over, with this key: by default, the methods of this class."""
        from b2pure.shell.v1.raw_handler import RawHandler

        return RawHandler(self, realm_url, application_key_id, application_key)

    @abstractmethod
    def authorize_account(self, realm_url: str, application_key_id: str, application_key: str) -> Json: ...

    @abstractmethod
    def cancel_large_file(self, api_url: str, account_auth_token: str, file_id: str) -> Json: ...

    @abstractmethod
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
    ) -> Json: ...

    @abstractmethod
    def copy_part(
        self,
        api_url: str,
        account_auth_token: str,
        source_file_id: str,
        large_file_id: str,
        part_number: int,
        bytes_range: Range | None = None,
    ) -> Json: ...

    @abstractmethod
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
    ) -> Json: ...

    @abstractmethod
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
    ) -> Json: ...

    @abstractmethod
    def download_file_from_url(
        self, account_auth_token_or_none: str | None, url: str, range_: Range | None = None
    ) -> Any: ...

    @abstractmethod
    def delete_key(self, api_url: str, account_auth_token: str, application_key_id: str) -> Json: ...

    @abstractmethod
    def delete_bucket(self, api_url: str, account_auth_token: str, account_id: str, bucket_id: str) -> Json: ...

    @abstractmethod
    def delete_file_version(self, api_url: str, account_auth_token: str, file_id: str, file_name: str) -> Json: ...

    @abstractmethod
    def finish_large_file(
        self, api_url: str, account_auth_token: str, file_id: str, part_sha1_array: Sequence[str]
    ) -> Json: ...

    @abstractmethod
    def get_download_authorization(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        file_name_prefix: str,
        valid_duration_in_seconds: int,
    ) -> Json: ...

    @abstractmethod
    def get_file_info(self, api_url: str, account_auth_token: str, file_id: str) -> Json: ...

    @abstractmethod
    def get_upload_url(self, api_url: str, account_auth_token: str, bucket_id: str) -> Json: ...

    @abstractmethod
    def get_upload_part_url(self, api_url: str, account_auth_token: str, file_id: str) -> Json: ...

    @abstractmethod
    def hide_file(self, api_url: str, account_auth_token: str, bucket_id: str, file_name: str) -> Json: ...

    @abstractmethod
    def list_buckets(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        bucket_id: str | None = None,
        bucket_name: str | None = None,
    ) -> Json: ...

    @abstractmethod
    def list_file_names(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json: ...

    @abstractmethod
    def list_file_versions(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json: ...

    @abstractmethod
    def list_keys(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        max_key_count: int | None = None,
        start_application_key_id: str | None = None,
    ) -> Json: ...

    @abstractmethod
    def list_parts(
        self,
        api_url: str,
        account_auth_token: str,
        file_id: str,
        start_part_number: int | None,
        max_part_count: int | None,
    ) -> Json: ...

    @abstractmethod
    def list_unfinished_large_files(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json: ...

    @abstractmethod
    def start_large_file(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        file_name: str,
        content_type: str,
        file_info: Info,
    ) -> Json: ...

    @abstractmethod
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
    ) -> Json: ...

    @abstractmethod
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
    ) -> Json: ...

    @abstractmethod
    def upload_part(
        self,
        upload_url: str,
        upload_auth_token: str,
        part_number: int,
        content_length: int,
        sha1_sum: str,
        input_stream: ReadableStream,
    ) -> Json: ...

    def get_download_url_by_id(self, download_url: str, file_id: str) -> str:
        """Where the content of a version is."""
        return f"{download_url}{_ID_PATH}{quote(file_id, safe='')}"

    def get_download_url_by_name(self, download_url: str, bucket_name: str, file_name: str) -> str:
        """Where the content of the newest version is."""
        return f"{download_url}/file/{quote(bucket_name, safe='')}/{header_encoded(file_name)}"
