"""Which id a bucket name has: nothing, in memory, or what the account info keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from threading import Lock

from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo, NamedBucket
from b2pure.shell.v1.exceptions import MissingAccountData

__all__ = ["AbstractCache", "AuthInfoCache", "DummyCache", "InMemoryCache"]


class AbstractCache(ABC):
    """Remembers the ids of buckets by their names."""

    def clear(self) -> None:
        """Forget all of them."""
        self.set_bucket_name_cache([])

    @abstractmethod
    def get_bucket_id_or_none_from_bucket_name(self, name: str) -> str | None:
        """The id of a bucket, if it is remembered."""

    @abstractmethod
    def get_bucket_name_or_none_from_allowed(self) -> str | None:
        """The name of the one bucket that the key is restricted to, if it is known."""

    @abstractmethod
    def save_bucket(self, bucket: NamedBucket) -> None:
        """Remember a bucket."""

    @abstractmethod
    def set_bucket_name_cache(self, buckets: Iterable[NamedBucket]) -> None:
        """Remember these, and forget all others."""


class DummyCache(AbstractCache):
    """A cache that does nothing."""

    def get_bucket_id_or_none_from_bucket_name(self, name: str) -> str | None:
        return None

    def get_bucket_name_or_none_from_allowed(self) -> str | None:
        return None

    def save_bucket(self, bucket: NamedBucket) -> None:
        return None

    def set_bucket_name_cache(self, buckets: Iterable[NamedBucket]) -> None:
        return None


class InMemoryCache(AbstractCache):
    """A cache that stores the information in memory. Names are found in any case, as B2 finds them."""

    def __init__(self) -> None:
        self._changing = Lock()
        self._ids: Mapping[str, str] = {}
        renewed_after_fork(self)

    def _renew_in_child(self) -> None:
        """In a child that was forked, where nobody else changes anything."""
        self._changing = Lock()

    def get_bucket_id_or_none_from_bucket_name(self, name: str) -> str | None:
        return self._ids.get(name.lower())

    def get_bucket_name_or_none_from_allowed(self) -> str | None:
        return None

    def save_bucket(self, bucket: NamedBucket) -> None:
        if bucket.name is None:
            return
        with self._changing:
            others = {name: id_ for name, id_ in self._ids.items() if id_ != bucket.id_}
            self._ids = {**others, bucket.name.lower(): bucket.id_}

    def set_bucket_name_cache(self, buckets: Iterable[NamedBucket]) -> None:
        fresh = {name.lower(): id_ for name, id_ in _named(buckets)}
        with self._changing:
            self._ids = fresh


class AuthInfoCache(AbstractCache):
    """A cache that stores data persistently in StoredAccountInfo."""

    def __init__(self, info: AbstractAccountInfo) -> None:
        """`info` keeps the names, for as long as it keeps the account."""
        self.info = info

    def get_bucket_id_or_none_from_bucket_name(self, name: str) -> str | None:
        return self.info.get_bucket_id_or_none_from_bucket_name(name)

    def get_bucket_name_or_none_from_allowed(self) -> str | None:
        try:
            name = self.info.get_allowed()["bucketName"]
        except MissingAccountData:
            return None
        return None if name is None else str(name)

    def save_bucket(self, bucket: NamedBucket) -> None:
        self.info.save_bucket(bucket)

    def set_bucket_name_cache(self, buckets: Iterable[NamedBucket]) -> None:
        self.info.refresh_entire_bucket_name_cache(_named(buckets))


def _named(buckets: Iterable[NamedBucket]) -> list[tuple[str, str]]:
    """Names and ids of those buckets that have a name."""
    return [(bucket.name, bucket.id_) for bucket in buckets if bucket.name is not None]
