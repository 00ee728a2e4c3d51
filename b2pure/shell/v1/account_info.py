"""The account info that keeps everything in memory, and what all account infos of this package have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import RLock
from typing import Any, ClassVar, Final

from b2pure.model.limits import ABSOLUTE_MINIMUM_PART_SIZE
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo, Allowed, AuthData, NamedBucket
from b2pure.shell.v1.exceptions import MissingAccountData
from b2pure.shell.v1.own_methods import Originals

__all__ = [
    "InMemoryAccountInfo",
    "StoredAccountInfo",
    "StubAccountInfo",
    "UploadUrlPool",
    "UrlPoolAccountInfo",
]


class UploadUrlPool:
    """For each key (either a bucket id or large file id), hold a pool of (url, auth_token) pairs. The one put last is
    taken first, because its pod is awake.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._pool: dict[str, list[tuple[str, str]]] = defaultdict(list)
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked: the upload URLs are its parent's."""
        self._lock = RLock()
        self._pool.clear()

    def put(self, key: str, url: str, auth_token: str) -> None:
        """Add the url and auth token to the pool for the given key."""
        with self._lock:
            self._pool[key].append((url, auth_token))

    def take(self, key: str) -> tuple[str, str] | tuple[None, None]:
        """Return a (url, auth_token) if one is available, or (None, None) if not."""
        with self._lock:
            idle = self._pool.get(key)
            if not idle:
                return None, None
            pair = idle.pop()
            if not idle:
                del self._pool[key]
            return pair

    def clear_for_key(self, key: str) -> None:
        """Remove an item from the pool by key."""
        with self._lock:
            self._pool.pop(key, None)


class UrlPoolAccountInfo(AbstractAccountInfo):
    """Implement part of AbstractAccountInfo for upload URL pool management with a simple, key-value storage, such as
    UploadUrlPool.
    """

    BUCKET_UPLOAD_POOL_CLASS: ClassVar[type[UploadUrlPool]] = UploadUrlPool
    """A url pool class to use for small files."""
    LARGE_FILE_UPLOAD_POOL_CLASS: ClassVar[type[UploadUrlPool]] = UploadUrlPool
    """A url pool class to use for large files."""

    def __init__(self) -> None:
        super().__init__()
        self._reset_upload_pools()

    @abstractmethod
    def clear(self) -> None:
        """Forget the upload URLs; whoever stores more removes that, too."""
        self._reset_upload_pools()

    def _reset_upload_pools(self) -> None:
        self._bucket_uploads = self.BUCKET_UPLOAD_POOL_CLASS()
        self._large_file_uploads = self.LARGE_FILE_UPLOAD_POOL_CLASS()

    def take_bucket_upload_url(self, bucket_id: str) -> tuple[str, str] | tuple[None, None]:
        return self._bucket_uploads.take(bucket_id)

    def put_bucket_upload_url(self, bucket_id: str, upload_url: str, upload_auth_token: str) -> None:
        self._bucket_uploads.put(bucket_id, upload_url, upload_auth_token)

    def clear_bucket_upload_data(self, bucket_id: str) -> None:
        self._bucket_uploads.clear_for_key(bucket_id)

    def put_large_file_upload_url(self, file_id: str, upload_url: str, upload_auth_token: str) -> None:
        self._large_file_uploads.put(file_id, upload_url, upload_auth_token)

    def take_large_file_upload_url(self, file_id: str) -> tuple[str, str] | tuple[None, None]:
        return self._large_file_uploads.take(file_id)

    def clear_large_file_upload_urls(self, file_id: str) -> None:
        self._large_file_uploads.clear_for_key(file_id)


class StoredAccountInfo(UrlPoolAccountInfo):
    """The getters, for whoever can give all at once."""

    @abstractmethod
    def get_auth_data(self) -> AuthData: ...

    @abstractmethod
    def _keep(self, data: AuthData) -> None: ...

    def store_auth_data(self, data: AuthData) -> None:
        """By `_set_auth_data` where that is somebody else's."""
        if _SETTER.replaced(self, "_set_auth_data"):
            self._check(data)
            AbstractAccountInfo._keep(self, data)
        else:
            super().store_auth_data(data)

    def _set_auth_data(
        self,
        account_id: str,
        auth_token: str,
        api_url: str,
        download_url: str,
        minimum_part_size: int,
        application_key: str,
        realm: str,
        allowed: Allowed,
        application_key_id: str,
    ) -> None:
        self._keep(
            AuthData(
                account_id,
                auth_token,
                api_url,
                download_url,
                minimum_part_size,
                min(ABSOLUTE_MINIMUM_PART_SIZE, minimum_part_size),
                application_key,
                realm,
                allowed,
                application_key_id,
            )
        )

    def _get(self, key: str) -> Any:
        try:
            return getattr(self.get_auth_data(), key)
        except MissingAccountData:
            raise MissingAccountData(key) from None

    def get_account_id(self) -> str:
        return str(self._get("account_id"))

    def get_application_key_id(self) -> str:
        return str(self._get("application_key_id"))

    def get_account_auth_token(self) -> str:
        return str(self._get("auth_token"))

    def get_api_url(self) -> str:
        return str(self._get("api_url"))

    def get_application_key(self) -> str:
        return str(self._get("application_key"))

    def get_download_url(self) -> str:
        return str(self._get("download_url"))

    def get_realm(self) -> str:
        return str(self._get("realm"))

    def get_minimum_part_size(self) -> int:
        return int(self._get("minimum_part_size"))

    def get_absolute_minimum_part_size(self) -> int:
        return int(self._get("absolute_minimum_part_size"))

    def get_allowed(self) -> Allowed:
        return dict(self._get("allowed"))


_SETTER: Final = Originals(StoredAccountInfo, ("_set_auth_data",))
_NOTHING: Final[Mapping[str, str]] = {}


class InMemoryAccountInfo(StoredAccountInfo):
    """AccountInfo which keeps all data in memory.

    Implements all methods of AccountInfo interface.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changing = RLock()
        renewed_after_fork(self)
        self._data: AuthData | None = None
        self._buckets: Mapping[str, str] = _NOTHING

    def _renew_in_child(self) -> None:
        """In a child that was forked, where nobody else changes anything."""
        self._changing = RLock()

    def clear(self) -> None:
        """Remove all stored information."""
        with self._changing:
            super().clear()
            self._data, self._buckets = None, _NOTHING

    def get_auth_data(self) -> AuthData:
        data = self._data
        if data is None:
            raise MissingAccountData("account_id")
        return data

    def _keep(self, data: AuthData) -> None:
        with self._changing:
            self._data = data

    def renew_auth_data(self, data: AuthData) -> bool:
        with self._changing:
            return super().renew_auth_data(data)

    def refresh_entire_bucket_name_cache(self, name_id_iterable: Iterable[tuple[str, str]]) -> None:
        fresh = {name.lower(): id_ for name, id_ in name_id_iterable}
        with self._changing:
            self._buckets = fresh

    def remove_bucket_name(self, bucket_name: str) -> None:
        with self._changing:
            self._buckets = {name: id_ for name, id_ in self._buckets.items() if name != bucket_name.lower()}

    def save_bucket(self, bucket: NamedBucket) -> None:
        if bucket.name is None:
            return
        with self._changing:
            others = {name: id_ for name, id_ in self._buckets.items() if id_ != bucket.id_}
            self._buckets = {**others, bucket.name.lower(): bucket.id_}

    def get_bucket_id_or_none_from_bucket_name(self, bucket_name: str) -> str | None:
        return self._buckets.get(bucket_name.lower())


class StubAccountInfo(InMemoryAccountInfo):
    """For tests of code that needs an account info and does not care which."""

    def get_bucket_upload_data(self, bucket_id: str) -> tuple[None, None]:
        """No upload URL is shown: as in b2sdk, whatever was put. `take_bucket_upload_url` gives one out."""
        return None, None
