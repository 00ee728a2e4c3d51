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
from b2pure.effects.wire import header_encoded
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.v1.enums import MetadataDirectiveMode

__all__ = ["ID_PATH", "PATIENCE", "RAW_METHODS", "AbstractRawApi", "Json", "ReadableStream"]

Json = dict[str, Any]
Info = Mapping[str, str]
Range = tuple[int, int]
"""First and last byte, both inclusive."""

PATIENCE: Final = RetryPolicy(max_unanswered=5)
"""That of this interface: what a busy server refuses is tried as often as everywhere, but who asks a server that is not
there is told as soon as b2sdk tells it.
"""

ID_PATH: Final = "/b2api/v2/b2_download_file_by_id?fileId="
"""In the URLs that a program is told, and may have written down: those of b2sdk 1, which every B2 answers."""


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
    def authorize_account(self, realm_url: str, application_key_id: str, application_key: str) -> Json:
        """The account's id, addresses and token, and what the key may do (`allowed`). Raises InvalidArgument for a
        realm that leads to no B2, Unauthorized for a key that is not valid.
        """

    @abstractmethod
    def cancel_large_file(self, api_url: str, account_auth_token: str, file_id: str) -> Json:
        """Cancel a large file that is not finished; its parts go."""

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
    ) -> Json:
        """Copy a file, or the bytes of it from the first to the last of `bytes_range`, on the server; at most 5 GB.
        `content_type` and `file_info` come with MetadataDirectiveMode.REPLACE only.
        """

    @abstractmethod
    def copy_part(
        self,
        api_url: str,
        account_auth_token: str,
        source_file_id: str,
        large_file_id: str,
        part_number: int,
        bytes_range: Range | None = None,
    ) -> Json:
        """Copy a file, or the bytes of it from the first to the last of `bytes_range`, as part `part_number`, which is
        1 or more.
        """

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
    ) -> Json:
        """Create a bucket of type "allPublic" or "allPrivate". Raises DuplicateBucketName."""

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
    ) -> Json:
        """Create an application key, which ends after `valid_duration_seconds`, and is restricted to a bucket and to
        files whose names start with `name_prefix`, where these are not None. Only this answer has the key itself.
        """

    @abstractmethod
    def download_file_from_url(
        self, account_auth_token_or_none: str | None, url: str, range_: Range | None = None
    ) -> Any:
        """A context manager of the response. `range_` has the first and the last byte, both inclusive."""

    @abstractmethod
    def delete_key(self, api_url: str, account_auth_token: str, application_key_id: str) -> Json:
        """Delete an application key."""

    @abstractmethod
    def delete_bucket(self, api_url: str, account_auth_token: str, account_id: str, bucket_id: str) -> Json:
        """Delete a bucket, which must be empty."""

    @abstractmethod
    def delete_file_version(self, api_url: str, account_auth_token: str, file_id: str, file_name: str) -> Json:
        """Delete one version of a file for good. Raises FileNotPresent."""

    @abstractmethod
    def finish_large_file(
        self, api_url: str, account_auth_token: str, file_id: str, part_sha1_array: Sequence[str]
    ) -> Json:
        """Make a file of the parts that were sent; `part_sha1_array` has their SHA-1 in hex, in order."""

    @abstractmethod
    def get_download_authorization(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        file_name_prefix: str,
        valid_duration_in_seconds: int,
    ) -> Json:
        """A token for downloads of files whose names start with `file_name_prefix`, good for 1 to 604800 seconds."""

    @abstractmethod
    def get_file_info(self, api_url: str, account_auth_token: str, file_id: str) -> Json:
        """What B2 knows of one version of a file. Raises FileNotPresent."""

    @abstractmethod
    def get_upload_url(self, api_url: str, account_auth_token: str, bucket_id: str) -> Json:
        """An upload URL of the bucket, and its token, for one upload at a time."""

    @abstractmethod
    def get_upload_part_url(self, api_url: str, account_auth_token: str, file_id: str) -> Json:
        """An upload URL of the large file, and its token, for one part at a time."""

    @abstractmethod
    def hide_file(self, api_url: str, account_auth_token: str, bucket_id: str, file_name: str) -> Json:
        """Hide a file: its older versions stay. Raises FileAlreadyHidden, FileNotPresent."""

    @abstractmethod
    def list_buckets(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        bucket_id: str | None = None,
        bucket_name: str | None = None,
    ) -> Json:
        """All buckets of the account, or the one of this id or name."""

    @abstractmethod
    def list_file_names(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        """The newest versions from `start_file_name` on, up to `max_file_count` (B2 gives 100 unless told, 10000 at
        most); `nextFileName` says where to go on.
        """

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
    ) -> Json:
        """All versions from the given one on, up to `max_file_count` (B2 gives 100 unless told, 10000 at most);
        `nextFileName` and `nextFileId` say where to go on.
        """

    @abstractmethod
    def list_keys(
        self,
        api_url: str,
        account_auth_token: str,
        account_id: str,
        max_key_count: int | None = None,
        start_application_key_id: str | None = None,
    ) -> Json:
        """Application keys from the given one on, up to `max_key_count` (B2 gives 100 unless told, 10000 at most);
        `nextApplicationKeyId` says where to go on.
        """

    @abstractmethod
    def list_parts(
        self,
        api_url: str,
        account_auth_token: str,
        file_id: str,
        start_part_number: int | None,
        max_part_count: int | None,
    ) -> Json:
        """Parts that were sent, from `start_part_number` on; `nextPartNumber` says where to go on."""

    @abstractmethod
    def list_unfinished_large_files(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Json:
        """Large files that are not finished, up to `max_file_count` (100 at most); `nextFileId` says where to go on."""

    @abstractmethod
    def start_large_file(
        self,
        api_url: str,
        account_auth_token: str,
        bucket_id: str,
        file_name: str,
        content_type: str,
        file_info: Info,
    ) -> Json:
        """Begin a large file; its parts are sent to `get_upload_part_url`'s."""

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
    ) -> Json:
        """Change what is not None; rules and info are replaced as a whole. Raises Conflict where `if_revision_is` is
        not the bucket's revision.
        """

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
    ) -> Json:
        """Upload one small file: `content_length` bytes of `data_stream`, with their SHA-1 in hex, or
        "hex_digits_at_end". Raises InvalidAuthToken for an upload URL that is used up; then another one is needed.
        """

    @abstractmethod
    def upload_part(
        self,
        upload_url: str,
        upload_auth_token: str,
        part_number: int,
        content_length: int,
        sha1_sum: str,
        input_stream: ReadableStream,
    ) -> Json:
        """Upload one part of a large file: `content_length` bytes, with their SHA-1 in hex, as part `part_number`, 1
        or more.
        """

    def get_download_url_by_id(self, download_url: str, file_id: str) -> str:
        """Where the content of a version is."""
        return f"{download_url}{ID_PATH}{quote(file_id, safe='')}"

    def get_download_url_by_name(self, download_url: str, bucket_name: str, file_name: str) -> str:
        """Where the content of the newest version is."""
        return f"{download_url}/file/{quote(bucket_name, safe='')}/{header_encoded(file_name)}"


RAW_METHODS: Final = frozenset(
    {*AbstractRawApi.__abstractmethods__, "get_download_url_by_id", "get_download_url_by_name"}
)
"""What a raw api is asked by."""
