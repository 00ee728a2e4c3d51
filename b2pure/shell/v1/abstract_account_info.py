"""What an account info is: the interface, and all that one holds as a value.

Rules. Every account info is safe for many threads. An upload URL that is taken belongs to the one who took it until
it is put back. `minimum_part_size` is, as in b2sdk.v1, the size that B2 recommends for parts; the smallest one that B2
takes is `absolute_minimum_part_size`. Keys, tokens and upload URLs are in no repr.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Protocol

from attrs import field, frozen

from b2pure.model.account import ALL_CAPABILITIES as KNOWN_CAPABILITIES
from b2pure.model.limits import ABSOLUTE_MINIMUM_PART_SIZE
from b2pure.shell.v1.exceptions import MissingAccountData

__all__ = ["ALL_CAPABILITIES", "AbstractAccountInfo", "Allowed", "AuthData", "NamedBucket"]

ALL_CAPABILITIES: Final = list(KNOWN_CAPABILITIES)
"""The names of all capabilities that a key can have."""

Allowed = dict[str, Any]
"""`capabilities`, `bucketId`, `bucketName` and `namePrefix`; for keys of several buckets also `buckets`."""


class NamedBucket(Protocol):
    """What is remembered of a bucket."""

    @property
    def id_(self) -> str: ...
    @property
    def name(self) -> str | None: ...


@frozen
class AuthData:
    """Everything about one authorization. Sizes are bytes."""

    account_id: str
    auth_token: str = field(repr=False)
    api_url: str
    download_url: str
    minimum_part_size: int
    absolute_minimum_part_size: int
    application_key: str = field(repr=False)
    realm: str
    allowed: Allowed
    application_key_id: str

    def as_arguments(self) -> tuple[str, str, str, str, int, str, str, Allowed, str]:
        """What `set_auth_data` takes, in its order."""
        return (
            self.account_id,
            self.auth_token,
            self.api_url,
            self.download_url,
            self.minimum_part_size,
            self.application_key,
            self.realm,
            self.allowed,
            self.application_key_id,
        )

    def of_same_key(self, other: AuthData) -> bool:
        """Whether both are authorizations of one key."""
        return (self.application_key_id, self.realm) == (other.application_key_id, other.realm)


class AbstractAccountInfo(ABC):
    """Abstract class for a holder for all account-related information that needs to be kept between API calls and
    between invocations of the program: account ID, application key ID, application key, auth tokens, API URL, download
    URL, and uploads URLs.

    This class must be THREAD SAFE because it may be used by multiple threads running in the same Python process. It
    also needs to be safe against multiple processes running at the same time.
    """

    REALM_URLS: ClassVar[Mapping[str, str]] = {
        "dev": "http://api.backblazeb2.xyz:8180",
        "production": "https://api.backblazeb2.com",
        "staging": "https://api.backblaze.net",
    }
    """A realm that is not among them is a URL itself."""

    DEFAULT_ALLOWED: ClassVar[Mapping[str, Any]] = {
        "bucketId": None,
        "bucketName": None,
        "capabilities": [
            "listKeys", "writeKeys", "deleteKeys", "listBuckets", "writeBuckets", "deleteBuckets",
            "listFiles", "readFiles", "shareFiles", "writeFiles", "deleteFiles",
        ],
        "namePrefix": None,
    }  # fmt: skip
    """What is allowed where nobody wrote it down: what every key could do before keys could be restricted."""

    @classmethod
    def all_capabilities(cls) -> list[str]:
        """Return a list of all possible capabilities."""
        return list(ALL_CAPABILITIES)

    @abstractmethod
    def clear(self) -> None:
        """Remove all stored information."""

    # -- names and ids of buckets

    @abstractmethod
    def refresh_entire_bucket_name_cache(self, name_id_iterable: Iterable[tuple[str, str]]) -> None:
        """Remove all previous name-to-id mappings and stores new ones: tuples of the form (name, id)."""

    @abstractmethod
    def remove_bucket_name(self, bucket_name: str) -> None:
        """Remove one entry from the bucket name cache."""

    @abstractmethod
    def save_bucket(self, bucket: NamedBucket) -> None:
        """Remember the ID for the given bucket name."""

    @abstractmethod
    def get_bucket_id_or_none_from_bucket_name(self, bucket_name: str) -> str | None:
        """Look up the bucket ID for the given bucket name, in whatever case."""

    # -- what b2_authorize_account said

    @abstractmethod
    def get_account_id(self) -> str:
        """Return account ID or raises MissingAccountData exception."""

    @abstractmethod
    def get_application_key_id(self) -> str:
        """Return the application key ID used to authenticate."""

    @abstractmethod
    def get_account_auth_token(self) -> str:
        """Return account_auth_token or raises MissingAccountData exception."""

    @abstractmethod
    def get_api_url(self) -> str:
        """Return api_url or raises MissingAccountData exception."""

    @abstractmethod
    def get_application_key(self) -> str:
        """Return application_key or raises MissingAccountData exception."""

    @abstractmethod
    def get_download_url(self) -> str:
        """Return download_url or raises MissingAccountData exception."""

    @abstractmethod
    def get_realm(self) -> str:
        """Return realm or raises MissingAccountData exception."""

    @abstractmethod
    def get_minimum_part_size(self) -> int:
        """Return the minimum number of bytes in a part of a large file: the number that B2 recommends."""

    def get_recommended_part_size(self) -> int:
        """The same by its right name."""
        return self.get_minimum_part_size()

    def get_absolute_minimum_part_size(self) -> int:
        """Bytes of the smallest part that B2 takes."""
        return min(ABSOLUTE_MINIMUM_PART_SIZE, self.get_minimum_part_size())

    @abstractmethod
    def get_allowed(self) -> Allowed:
        """An 'allowed' dict, as returned by b2_authorize_account. Never None; for account info that was saved before
        'allowed' existed, returns `DEFAULT_ALLOWED`.
        """

    def get_auth_data(self) -> AuthData:
        """All of it at once, so that it belongs together. Raises MissingAccountData."""
        return AuthData(
            account_id=self.get_account_id(),
            auth_token=self.get_account_auth_token(),
            api_url=self.get_api_url(),
            download_url=self.get_download_url(),
            minimum_part_size=self.get_minimum_part_size(),
            absolute_minimum_part_size=self.get_absolute_minimum_part_size(),
            application_key=self.get_application_key(),
            realm=self.get_realm(),
            allowed=self.get_allowed(),
            application_key_id=self.get_application_key_id(),
        )

    def set_auth_data(
        self,
        account_id: str,
        auth_token: str,
        api_url: str,
        download_url: str,
        minimum_part_size: int,
        application_key: str,
        realm: str,
        allowed: Mapping[str, Any] | None = None,
        application_key_id: str | None = None,
        *,
        absolute_minimum_part_size: int | None = None,
    ) -> None:
        """Check permission correctness and stores the results of b2_authorize_account.

        The allowed structure is the one returned by b2_authorize_account with an addition of a bucketName field. For
        keys with bucket restrictions, the name of the bucket is stored as well. `application_key_id` None: that of the
        master key, which is the account id.
        """
        self.store_auth_data(
            AuthData(
                account_id,
                auth_token,
                api_url,
                download_url,
                minimum_part_size,
                absolute_minimum_part_size or min(ABSOLUTE_MINIMUM_PART_SIZE, minimum_part_size),
                application_key,
                realm,
                dict(self.DEFAULT_ALLOWED if allowed is None else allowed),
                account_id if application_key_id is None else application_key_id,
            )
        )

    def renew_auth_data(self, data: AuthData) -> bool:
        """Store a new token of the key that is stored. False, and nothing is stored, if there is another one by now,
        or none.
        """
        try:
            if not self.get_auth_data().of_same_key(data):
                return False
        except MissingAccountData:
            return False
        self.store_auth_data(data)
        return True

    def store_auth_data(self, data: AuthData) -> None:
        """`set_auth_data` with a value."""
        self._check(data)
        self._keep(data)

    def _check(self, data: AuthData) -> None:
        if not self.allowed_is_valid(data.allowed):
            raise ValueError("allowed lacks a field, or has a bucketName without a bucketId")

    def _keep(self, data: AuthData) -> None:
        self._set_auth_data(*data.as_arguments())

    @classmethod
    def allowed_is_valid(cls, allowed: Mapping[str, Any]) -> bool:
        """Make sure that all of the required fields are present, and that bucketId is set if bucketName is.

        If the bucketId is for a bucket that no longer exists, or the capabilities do not allow for listBuckets, then
        we will not have a bucketName.
        """
        if not {"bucketId", "bucketName", "capabilities", "namePrefix"} <= set(allowed):
            return False
        return allowed["bucketId"] is not None or allowed["bucketName"] is None

    @abstractmethod
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
        """Actually store the auth data. Can assume that 'allowed' is present and valid.

        All of the information returned by `b2_authorize_account` is saved, because all of it is needed at some point.
        """

    # -- upload URLs

    @abstractmethod
    def take_bucket_upload_url(self, bucket_id: str) -> tuple[str, str] | tuple[None, None]:
        """Return a pair (upload_url, upload_auth_token) that has been removed from the pool for this bucket, or (None,
        None) if there are no more left.
        """

    @abstractmethod
    def put_bucket_upload_url(self, bucket_id: str, upload_url: str, upload_auth_token: str) -> None:
        """Add an (upload_url, upload_auth_token) pair to the pool available for the bucket."""

    @abstractmethod
    def clear_bucket_upload_data(self, bucket_id: str) -> None:
        """Remove all upload URLs for the given bucket."""

    @abstractmethod
    def put_large_file_upload_url(self, file_id: str, upload_url: str, upload_auth_token: str) -> None:
        """Put a large file upload URL into a pool."""

    @abstractmethod
    def take_large_file_upload_url(self, file_id: str) -> tuple[str, str] | tuple[None, None]:
        """Take the chosen large file upload URL from the pool."""

    @abstractmethod
    def clear_large_file_upload_urls(self, file_id: str) -> None:
        """Clear the pool of URLs for a given file ID."""
