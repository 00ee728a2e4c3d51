"""The account of the numbered interface: buckets, keys, and files by their ids.

Rules. An account info keeps the key and the token, a cache the ids of buckets by their names, a raw api the
connections. A bucket that is deleted is forgotten by the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final
from urllib.parse import quote

from b2pure.model.calls import (
    CancelLargeFile,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    GetFileInfo,
    ListBuckets,
    ListKeys,
)
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.plan.concurrency import MAX_WORKERS
from b2pure.shell.listeners import AbstractProgressListener
from b2pure.shell.v1 import inbound, listings
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.b2_session import B2Session
from b2pure.shell.v1.bucket import Bucket
from b2pure.shell.v1.bucket_factory import BucketFactory
from b2pure.shell.v1.cache import AbstractCache
from b2pure.shell.v1.deprecation import deprecated
from b2pure.shell.v1.download_dest import AbstractDownloadDestination, Range
from b2pure.shell.v1.exceptions import InvalidArgument, NonExistentBucket, RestrictedBucket
from b2pure.shell.v1.file_version import FileIdAndName, FileVersionInfo, FileVersionInfoFactory, Part
from b2pure.shell.v1.own_session import asked, says_itself, worked_with
from b2pure.shell.v1.raw_api import ID_PATH, AbstractRawApi
from b2pure.shell.v1.raw_replies import reply_of
from b2pure.shell.v1.utils import b2_url_encode
from b2pure.shell.v1.values import Rules, bucket_dict, cors_of, file_dict, given, key_dict, rules_of

__all__ = ["B2Api"]

_KEYS_BATCH: Final = 1000


def _workers(name: str, wanted: int) -> int:
    """As many as are wanted, up to what there can be. Raises InvalidArgument."""
    if wanted < 1:
        raise InvalidArgument(name, "must be 1 or more")
    return min(wanted, MAX_WORKERS)


def _same(name: str | None, other: str | None) -> bool:
    """Whether two names are of one bucket: B2 does not tell upper case from lower."""
    return name is not None and other is not None and name.lower() == other.lower()


class B2Api:
    """Provide file-level access to B2 services: it re-acquires authorization tokens when they expire, tries uploads
    again when an upload URL is busy, breaks large files into parts, and emulates a directory structure.

    Safe for many threads. A program needs one of them.
    """

    BUCKET_FACTORY_CLASS: ClassVar[type[BucketFactory]] = BucketFactory
    BUCKET_CLASS: ClassVar[type[Bucket]] = Bucket

    @checked()
    def __init__(
        self,
        account_info: AbstractAccountInfo | None = None,
        cache: AbstractCache | None = None,
        raw_api: AbstractRawApi | None = None,
        max_upload_workers: int = 10,
        max_copy_workers: int = 10,
    ) -> None:
        """`account_info` keeps the key and the tokens (default: SqliteAccountInfo), `cache` the ids of buckets by their
        names (default: DummyCache, or AuthInfoCache where `account_info` is not given either). `raw_api` has the
        connections, their timeouts and their patience (default: `B2RawApi(B2Http())`); RawSimulator in tests.
        `max_upload_workers` and `max_copy_workers` parts of a file are on their way at once, 512 at most. Raises
        InvalidArgument for fewer than one worker, TypeError for what is no account info, cache or raw api.
        """
        self.max_upload_workers = _workers("max_upload_workers", max_upload_workers)
        self.max_copy_workers = _workers("max_copy_workers", max_copy_workers)
        self.session = B2Session(account_info, cache, raw_api)

    @property
    def account_info(self) -> AbstractAccountInfo:
        """What keeps the key and the tokens."""
        return self.session.account_info

    @property
    def cache(self) -> AbstractCache:
        """What keeps the ids of buckets."""
        return self.session.cache

    @property
    @deprecated("B2Api.raw_api", since="0.1", use="B2Api.session, which has its methods without addresses and tokens")
    def raw_api(self) -> AbstractRawApi:
        """What has the connections."""
        return self.session.raw_api

    # -- the account

    def authorize_automatically(self) -> bool:
        """Perform automatic account authorization, retrieving all account data from account info object passed during
        initialization; whether there was any.
        """
        return self.session.authorize_automatically()

    @checked()
    def authorize_account(self, realm: str, application_key_id: str, application_key: str) -> None:
        """Perform account authorization. `realm` is usually just "production", or the URL of another server. Raises
        InvalidArgument for a realm that leads to no B2, and Unauthorized for a key that is not (or no longer) valid.
        """
        self.session.authorize_account(realm, application_key_id, application_key)

    def get_account_id(self) -> str:
        """Return the account ID."""
        return self.account_info.get_account_id()

    # -- buckets

    @checked()
    def create_bucket(
        self,
        name: str,
        bucket_type: str,
        bucket_info: dict[str, str] | None = None,
        cors_rules: Rules = None,
        lifecycle_rules: Rules = None,
    ) -> Bucket:
        """Create a bucket of type "allPublic" or "allPrivate". Raises DuplicateBucketName for a name that somebody has,
        BadRequest for one that no bucket may have.
        """
        call = CreateBucket(
            AccountId(self.get_account_id()),
            name,
            bucket_type,
            bucket_info,
            cors_of(cors_rules),
            rules_of(lifecycle_rules),
        )
        if says_itself(self.session, "create_bucket"):
            said = self.session.create_bucket(
                self.get_account_id(),
                name,
                bucket_type,
                bucket_info=bucket_info,
                cors_rules=given(cors_rules),
                lifecycle_rules=given(lifecycle_rules),
            )
            reply = reply_of(call, said)
        else:
            reply = asked(self.session).ask(call)
        made = self.BUCKET_FACTORY_CLASS.from_api_bucket_dict(self, bucket_dict(reply))
        self.cache.save_bucket(made)
        return made

    @checked()
    def get_bucket_by_id(self, bucket_id: str) -> Bucket:
        """Return a bucket object with a given ID. Unlike `get_bucket_by_name`, this method does not need to make any
        API calls.
        """
        return self.BUCKET_CLASS(self, bucket_id)

    @checked()
    def get_bucket_by_name(self, bucket_name: str) -> Bucket:
        """Return the Bucket matching the given `bucket_name`, in whatever case. Raises NonExistentBucket."""
        self.check_bucket_restrictions(bucket_name)
        known = self.cache.get_bucket_id_or_none_from_bucket_name(bucket_name)
        if known is not None:
            return self.BUCKET_CLASS(self, known, name=bucket_name)
        for each in self._restricted_to():
            if _same(each["name"], bucket_name) and not self._may_list_buckets():
                return self.BUCKET_CLASS(self, each["id"], name=each["name"])
        for bucket in self.list_buckets(bucket_name=bucket_name):
            assert bucket.name is not None, "B2 lists buckets with their names"
            if _same(bucket.name, bucket_name):
                return bucket
        raise NonExistentBucket(bucket_name)

    def _restricted_to(self) -> list[dict[str, Any]]:
        """`id` and `name` of the buckets that the key is restricted to; the name may be None. Empty: no restriction."""
        allowed = self.account_info.get_allowed()
        if allowed.get("buckets"):
            return list(allowed["buckets"])
        return [] if allowed["bucketId"] is None else [{"id": allowed["bucketId"], "name": allowed["bucketName"]}]

    def _may_list_buckets(self) -> bool:
        return "listBuckets" in self.account_info.get_allowed()["capabilities"]

    def name_of_bucket(self, bucket_id: str) -> str:
        """The name of a bucket by its id. Raises NonExistentBucket."""
        for each in self._restricted_to():
            if each["id"] == bucket_id and each["name"] is not None:
                return str(each["name"])
        call = ListBuckets(AccountId(self.get_account_id()), BucketId(bucket_id))
        for bucket in asked(self.session).ask(call).buckets:
            return bucket.bucket_name
        raise NonExistentBucket(bucket_id)

    @checked()
    def delete_bucket(self, bucket: Bucket) -> None:
        """Delete a chosen bucket, which must be empty. Its name is forgotten."""
        if says_itself(self.session, "delete_bucket"):
            self.session.delete_bucket(self.get_account_id(), bucket.id_)
        else:
            asked(self.session).ask(DeleteBucket(AccountId(self.get_account_id()), BucketId(bucket.id_)))
        self.cache.clear()

    @checked()
    def list_buckets(self, bucket_name: str | None = None) -> list[Bucket]:
        """Call b2_list_buckets and return a list of buckets: all of the account, or just that of the name. With a key
        that is restricted to one bucket the name must be given.
        """
        self.check_bucket_restrictions(bucket_name)
        call = ListBuckets(AccountId(self.get_account_id()), bucket_name=bucket_name, bucket_types=("all",))
        listed = [bucket_dict(reply) for reply in asked(self.session).ask(call).buckets]
        buckets = self.BUCKET_FACTORY_CLASS.from_api_response(self, {"buckets": listed})
        if bucket_name is None:
            self.cache.set_bucket_name_cache(buckets)
        else:
            for bucket in buckets:
                self.cache.save_bucket(bucket)
        return buckets

    def check_bucket_restrictions(self, bucket_name: str | None) -> None:
        """Check to see if the allowed field from authorize-account has a bucket restriction. If it does, and it is not
        `bucket_name` that the key is restricted to, raises RestrictedBucket. Where B2 did not say what a bucket of the
        key is called, any name may be its name.
        """
        names = [each["name"] for each in self._restricted_to()]
        known = [name for name in names if name is not None]
        if not names or any(_same(name, bucket_name) for name in known):
            return
        if bucket_name is None or len(known) == len(names):
            raise RestrictedBucket(", ".join(each["name"] or f"id {each['id']}" for each in self._restricted_to()))

    # -- files

    @checked()
    def download_file_by_id(
        self,
        file_id: str,
        download_dest: AbstractDownloadDestination,
        progress_listener: AbstractProgressListener | None = None,
        range_: Range | None = None,
    ) -> dict[str, Any]:
        """Download a file with the given ID. `range_` has the first and the last byte, both inclusive. Raises what
        `Bucket.download_file_by_name` raises.
        """
        return inbound.download(worked_with(self.session), FileId(file_id), download_dest, progress_listener, range_)

    @checked()
    def get_file_info(self, file_id: str) -> dict[str, Any]:
        """Legacy interface which just returns whatever remote API returns."""
        if says_itself(self.session, "get_file_info"):
            return self.session.get_file_info(file_id)
        return file_dict(asked(self.session).ask(GetFileInfo(FileId(file_id))))

    @checked()
    def delete_file_version(self, file_id: str, file_name: str) -> FileIdAndName:
        """Permanently and irrevocably delete one version of a file. Raises FileNotPresent."""
        reply = asked(self.session).ask(DeleteFileVersion(file_name, FileId(file_id)))
        return FileIdAndName(reply.file_id, reply.file_name)

    @checked()
    def list_parts(
        self, file_id: str, start_part_number: int | None = None, batch_size: int | None = None
    ) -> Iterator[Part]:
        """Generator that yields a Part for each of the parts that have been uploaded."""
        return listings.list_parts(asked(self.session), file_id, start_part_number, batch_size)

    @checked()
    def cancel_large_file(self, file_id: str) -> FileVersionInfo:
        """Cancel a large file upload."""
        reply = asked(self.session).ask(CancelLargeFile(FileId(file_id)))
        return FileVersionInfoFactory.from_cancel_large_file_response(
            {"fileId": reply.file_id, "fileName": reply.file_name}
        )

    @checked()
    def get_download_url_for_fileid(self, file_id: str) -> str:
        """Return a URL to download the given file by ID."""
        base = self.account_info.get_download_url()
        return f"{base}{ID_PATH}{quote(file_id, safe='')}"

    @checked()
    def get_download_url_for_file_name(self, bucket_name: str, file_name: str) -> str:
        """Return a URL to download the given file by name."""
        self.check_bucket_restrictions(bucket_name)
        base = self.account_info.get_download_url()
        return f"{base}/file/{b2_url_encode(bucket_name)}/{b2_url_encode(file_name)}"

    # -- keys

    @checked(bucket_id="one_bucket")
    def create_key(
        self,
        capabilities: Iterable[str],
        key_name: str,
        valid_duration_seconds: int | None = None,
        bucket_id: str | None = None,
        name_prefix: str | None = None,
    ) -> dict[str, Any]:
        """Create a new application key, which ends after `valid_duration_seconds`, and is restricted to a bucket and to
        files whose names start with `name_prefix`, where these are given. A key of several buckets is made with
        `CreateKey(bucket_ids=...)` of the functional face.
        """
        if says_itself(self.session, "create_key"):
            return self.session.create_key(
                self.get_account_id(),
                capabilities=list(capabilities),
                key_name=key_name,
                valid_duration_seconds=valid_duration_seconds,
                bucket_id=bucket_id,
                name_prefix=name_prefix,
            )
        call = CreateKey(
            AccountId(self.get_account_id()),
            tuple(capabilities),
            key_name,
            valid_duration_seconds,
            None if bucket_id is None else (BucketId(bucket_id),),
            name_prefix,
        )
        return key_dict(asked(self.session).ask(call))

    @checked()
    def delete_key(self, application_key_id: str) -> dict[str, Any]:
        """Delete application key."""
        if says_itself(self.session, "delete_key"):
            return self.session.delete_key(application_key_id=application_key_id)
        return key_dict(asked(self.session).ask(DeleteKey(application_key_id)))

    @checked()
    def list_keys(self, start_application_key_id: str | None = None) -> dict[str, Any]:
        """List application keys, up to 1000 from the given one on; `nextApplicationKeyId` says where to go on."""
        if says_itself(self.session, "list_keys"):
            return self.session.list_keys(
                self.get_account_id(), max_key_count=_KEYS_BATCH, start_application_key_id=start_application_key_id
            )
        page = asked(self.session).ask(
            ListKeys(AccountId(self.get_account_id()), _KEYS_BATCH, start_application_key_id)
        )
        return {"keys": [key_dict(key) for key in page.keys], "nextApplicationKeyId": page.next_application_key_id}
