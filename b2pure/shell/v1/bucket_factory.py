"""Bucket objects out of what B2 answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from b2pure.shell.v1.bucket import Bucket
from b2pure.shell.v1.exceptions import UnrecognizedBucketType

if TYPE_CHECKING:
    from b2pure.shell.v1.api import B2Api

__all__ = ["BucketFactory"]


class BucketFactory:
    """This is a factory for creating bucket objects from different kind of objects."""

    BUCKET_CLASS: type[Bucket] = Bucket

    @classmethod
    def from_api_response(cls, api: B2Api, response: Mapping[str, Any]) -> list[Bucket]:
        """The buckets of an answer of b2_list_buckets."""
        return [cls.from_api_bucket_dict(api, bucket) for bucket in response["buckets"]]

    @classmethod
    def from_api_bucket_dict(cls, api: B2Api, bucket_dict: Mapping[str, Any]) -> Bucket:
        """One bucket. Raises UnrecognizedBucketType where its type is not told."""
        type_ = bucket_dict["bucketType"]
        if type_ is None:
            raise UnrecognizedBucketType(bucket_dict["bucketType"])
        told: Any = api.BUCKET_CLASS
        theirs = isinstance(told, type) or hasattr(type(api), "BUCKET_CLASS")  # a mock's is a mock
        kind: type[Bucket] = told if theirs else cls.BUCKET_CLASS
        return kind(
            api,
            bucket_dict["bucketId"],
            bucket_dict["bucketName"],
            type_,
            bucket_dict["bucketInfo"],
            bucket_dict["corsRules"],
            bucket_dict["lifecycleRules"],
            bucket_dict["revision"],
            dict(bucket_dict),
            bucket_dict.get("options", ()),
        )
