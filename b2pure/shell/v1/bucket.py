"""A bucket of the numbered interface: thin methods over the programs of the core.

Rules. Every method asks, raises what went wrong, and gives back what version 1 of the interface gives. Where the guides
and the reference spell an argument differently, both work (`file_info` in third place, `large_file_id`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from b2pure.effects.downloads import NamedFile
from b2pure.model.calls import (
    GetDownloadAuthorization,
    HideFile,
    StartLargeFile,
    UpdateBucket,
)
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.new_file import AUTO_CONTENT_TYPE
from b2pure.shell.listeners import AbstractProgressListener
from b2pure.shell.v1 import inbound, listings
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.bucket_new_files import NewFiles
from b2pure.shell.v1.download_dest import AbstractDownloadDestination, Range
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.file_version import FileIdAndName, FileVersionInfo, Part, UnfinishedLargeFile
from b2pure.shell.v1.new_object import StartedLargeFile
from b2pure.shell.v1.own_session import asked, says_itself, worked_with
from b2pure.shell.v1.utils import b2_url_encode
from b2pure.shell.v1.values import Rules, bucket_dict, cors_of, file_dict, file_version, given, rules_of

if TYPE_CHECKING:
    from b2pure.shell.v1.api import B2Api

__all__ = ["Bucket"]

Info = Mapping[str, str]


class Bucket(NewFiles):
    """Provide access to a bucket in B2: listing files, uploading and downloading."""

    DEFAULT_CONTENT_TYPE = AUTO_CONTENT_TYPE

    def __init__(
        self,
        api: B2Api,
        id_: str,
        name: str | None = None,
        type_: str | None = None,
        bucket_info: dict[str, str] | None = None,
        cors_rules: list[dict[str, Any]] | None = None,
        lifecycle_rules: list[dict[str, Any]] | None = None,
        revision: int | None = None,
        bucket_dict: dict[str, Any] | None = None,
        options_set: Iterable[str] | None = None,
    ) -> None:
        """Whoever has an account gets one of `B2Api.get_bucket_by_name` or `create_bucket`. `id_` is enough for one
        that works; what else is given is what the object says of itself, and is not looked up.
        """
        self.api, self.id_, self.name, self.type_ = api, id_, name, type_
        self.bucket_info = bucket_info or {}
        self.cors_rules, self.lifecycle_rules = cors_rules or [], lifecycle_rules or []
        self.revision = revision
        self.bucket_dict = bucket_dict or {}
        self.options_set = set(options_set or ())

    def __repr__(self) -> str:
        return f"Bucket<{self.id_},{self.name},{self.type_}>"

    def get_id(self) -> str:
        """Return bucket ID."""
        return self.id_

    def as_dict(self) -> dict[str, Any]:
        """Return bucket representation as a dictionary."""
        named = {"bucketName": self.name, "bucketType": self.type_}
        return {
            "accountId": self.api.account_info.get_account_id(),
            "bucketId": self.id_,
            **{key: value for key, value in named.items() if value is not None},
            "bucketInfo": self.bucket_info,
            "corsRules": self.cors_rules,
            "lifecycleRules": self.lifecycle_rules,
            "revision": self.revision,
            "options": self.options_set,
        }

    # -- settings

    @checked()
    def set_info(self, new_bucket_info: Info, if_revision_is: int | None = None) -> dict[str, Any]:
        """Update bucket info, only if the revision is `if_revision_is`, where that is given."""
        return self.update(bucket_info=new_bucket_info, if_revision_is=if_revision_is)

    @checked()
    def set_type(self, bucket_type: str) -> dict[str, Any]:
        """Update bucket type ("allPublic" or "allPrivate")."""
        return self.update(bucket_type=bucket_type)

    @checked()
    def update(
        self,
        bucket_type: str | None = None,
        bucket_info: Info | None = None,
        cors_rules: Rules = None,
        lifecycle_rules: Rules = None,
        if_revision_is: int | None = None,
    ) -> dict[str, Any]:
        """Update various bucket parameters; what is None stays. Raises Conflict if the bucket has another revision than
        `if_revision_is`.
        """
        if all(each is None for each in (bucket_type, bucket_info, cors_rules, lifecycle_rules)):
            raise InvalidArgument("update", "needs a setting: what is None stays as it is")
        account_id = self.api.account_info.get_account_id()
        if says_itself(self.api.session, "update_bucket"):
            return self.api.session.update_bucket(
                account_id,
                self.id_,
                bucket_type=bucket_type,
                bucket_info=bucket_info,
                cors_rules=given(cors_rules),
                lifecycle_rules=given(lifecycle_rules),
                if_revision_is=if_revision_is,
            )
        call = UpdateBucket(
            AccountId(account_id),
            BucketId(self.id_),
            bucket_type,
            None if bucket_info is None else dict(bucket_info),
            cors_of(cors_rules),
            rules_of(lifecycle_rules),
            if_revision_is=if_revision_is,
        )
        return bucket_dict(asked(self.api.session).ask(call))

    # -- listings

    @checked()
    def ls(
        self,
        folder_to_list: str = "",
        show_versions: bool = False,
        recursive: bool = False,
        fetch_count: int | None = None,
    ) -> Iterator[tuple[FileVersionInfo, str | None]]:
        """Pretend that folders exist and yields the information about the files in a folder: (file version, folder
        name) tuples.

        `folder_to_list` must not start with "/"; an empty string means the top-level folder. With `show_versions` all
        versions are told, else the most recent ones. With `recursive` all files below are told, and the folder name
        beside the first file of each folder only; without, one file of each folder. A `fetch_count` that is not 1 to
        10000 is BadRequest, and a ValueError.
        """
        return listings.ls(
            asked(self.api.session),
            BucketId(self.id_),
            folder_to_list,
            versions=show_versions,
            recursive=recursive,
            fetch_count=fetch_count,
        )

    @checked()
    def list_file_versions(self, file_name: str, fetch_count: int | None = None) -> Iterator[FileVersionInfo]:
        """Lists all of the versions for a single file. `fetch_count`: how many to list per API call, 1 - 10000;
        any other number is BadRequest, and a ValueError.
        """
        return listings.versions_of_name(asked(self.api.session), BucketId(self.id_), file_name, fetch_count)

    @checked()
    def list_unfinished_large_files(
        self, start_file_id: str | None = None, batch_size: int | None = None, prefix: str | None = None
    ) -> Iterator[UnfinishedLargeFile]:
        """A generator that yields an UnfinishedLargeFile for each unfinished large file in the bucket, starting at the
        given file, filtering by prefix.
        """
        return listings.list_unfinished(asked(self.api.session), BucketId(self.id_), start_file_id, batch_size, prefix)

    @checked()
    def list_parts(
        self, file_id: str, start_part_number: int | None = None, batch_size: int | None = None
    ) -> Iterator[Part]:
        """Get a list of all parts that have been uploaded for a given file."""
        return self.api.list_parts(file_id, start_part_number, batch_size)

    # -- files that are there

    @checked()
    def download_file_by_id(
        self,
        file_id: str,
        download_dest: AbstractDownloadDestination,
        progress_listener: AbstractProgressListener | None = None,
        range_: Range | None = None,
    ) -> dict[str, Any]:
        """Download a file by ID. It actually belongs in B2Api; this is a convenient redirect."""
        return self.api.download_file_by_id(file_id, download_dest, progress_listener, range_)

    @checked()
    def download_file_by_name(
        self,
        file_name: str,
        download_dest: AbstractDownloadDestination,
        progress_listener: AbstractProgressListener | None = None,
        range_: Range | None = None,
    ) -> dict[str, Any]:
        """Download a file by name. `range_` has the first and the last byte, both inclusive. Raises FileNotPresent,
        InvalidRange for a range that is not all there, LocalFileError for a path that cannot be written, and
        ChecksumMismatch or TruncatedOutput where the content did not arrive whole; what was at the path stays then.
        """
        file = NamedFile(self._known_name(), file_name)
        return inbound.download(worked_with(self.api.session), file, download_dest, progress_listener, range_)

    @checked()
    def get_download_authorization(self, file_name_prefix: str, valid_duration_in_seconds: int) -> str:
        """Return an authorization token that is valid only for downloading files from the given bucket whose names
        start with the prefix.
        """
        session = self.api.session
        if says_itself(session, "get_download_authorization"):
            said = session.get_download_authorization(self.id_, file_name_prefix, valid_duration_in_seconds)
            token: str = said["authorizationToken"]
            return token
        call = GetDownloadAuthorization(BucketId(self.id_), file_name_prefix, valid_duration_in_seconds)
        return asked(self.api.session).ask(call).authorization_token

    @checked()
    def get_download_url(self, filename: str) -> str:
        """Get file download URL."""
        base = self.api.account_info.get_download_url()
        return f"{base}/file/{b2_url_encode(self._known_name())}/{b2_url_encode(filename)}"

    @checked()
    def hide_file(self, file_name: str) -> FileVersionInfo:
        """Hide a file: listings without versions do not have it any more. Raises FileAlreadyHidden, FileNotPresent."""
        return file_version(asked(self.api.session).ask(HideFile(BucketId(self.id_), file_name)))

    @checked()
    def delete_file_version(self, file_id: str, file_name: str) -> FileIdAndName:
        """Delete one version of a file for good. Raises FileNotPresent."""
        return self.api.delete_file_version(file_id, file_name)

    def _known_name(self) -> str:
        """The name, which a bucket that was made by its id has to ask for."""
        if self.name is None:
            self.name = self.api.name_of_bucket(self.id_)
        return self.name

    # -- large files by hand

    @checked(file_name="new_name")
    def start_large_file(
        self, file_name: str, content_type: str | None = None, file_info: Info | None = None
    ) -> UnfinishedLargeFile:
        """Start a large file transfer."""
        call = StartLargeFile(
            BucketId(self.id_), file_name, content_type or self.DEFAULT_CONTENT_TYPE, dict(file_info or {})
        )
        return StartedLargeFile(file_dict(asked(self.api.session).ask(call)))

    @checked()
    def cancel_large_file(self, file_id: str) -> FileVersionInfo:
        """Cancel a large file transfer."""
        return self.api.cancel_large_file(file_id)
