"""The simulated B2's answers to calls about the account and its application keys.

Rules. As in `file_calls`. A key cannot give what it does not have itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from b2pure.effects.simulator.credentials import Key
from b2pure.effects.simulator.rules import bad_request, unauthorized
from b2pure.effects.simulator.world import Handler, World
from b2pure.effects.wire import KeyPair
from b2pure.model.account import ALL_CAPABILITIES, BUCKET_CAPABILITIES
from b2pure.model.calls import Call, CreateKey, DeleteKey, ListKeys
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.limits import MAX_LIST_COUNT
from b2pure.model.replies import (
    AllowedBucket,
    AllowedReply,
    ApiInfo,
    AuthorizationReply,
    CreatedKeyReply,
    KeyPage,
    KeyReply,
    StorageApi,
)

__all__ = ["ACCOUNT_HANDLERS", "authorize", "check_account"]

_KEY_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,100}\Z")
_MAX_DURATION_SECONDS: Final = 86_400_000
_DEFAULT_COUNT: Final = 100


def check_account(world: World, account_id: AccountId) -> None:
    """Refuse a call about another account."""
    if account_id != world.account_id:
        raise bad_request("Invalid accountId")


def authorize(world: World, pair: KeyPair) -> AuthorizationReply:
    """A new account token."""
    key, token = world.credentials.login(pair.key_id, pair.key)
    return AuthorizationReply(
        account_id=world.account_id,
        authorization_token=token,
        api_info=ApiInfo(
            StorageApi(
                absolute_minimum_part_size=world.config.absolute_minimum_part_size,
                recommended_part_size=world.config.recommended_part_size,
                api_url=world.base_url,
                download_url=world.base_url,
                s3_api_url=world.base_url,
                allowed=AllowedReply(
                    capabilities=tuple(sorted(key.capabilities)),
                    buckets=_allowed_buckets(world, key),
                    name_prefix=key.name_prefix,
                ),
            )
        ),
        application_key_expiration_timestamp=key.expires_at,
    )


def _allowed_buckets(world: World, key: Key) -> tuple[AllowedBucket, ...] | None:
    if key.bucket_ids is None:
        return None
    return tuple(AllowedBucket(i, _name_of_bucket(world, i)) for i in sorted(key.bucket_ids))


def _name_of_bucket(world: World, bucket_id: BucketId) -> str | None:
    bucket = world.buckets.get(bucket_id)
    return None if bucket is None else bucket.reply.bucket_name


# -- application keys


def _create_key(world: World, key: Key, call: CreateKey) -> CreatedKeyReply:
    check_account(world, call.account_id)
    if not _KEY_NAME.match(call.key_name):
        raise bad_request("keyName is 1 to 100 of A-Z a-z 0-9 -")
    _check_capabilities(key, call)
    lifetime = call.valid_duration_in_seconds
    if lifetime is not None and not 1 <= lifetime < _MAX_DURATION_SECONDS:
        raise bad_request(f"validDurationInSeconds is 1 to {_MAX_DURATION_SECONDS - 1}")
    if call.bucket_ids is not None:
        _check_buckets(world, call.bucket_ids)
    _check_reach(key, call)
    made = world.credentials.add_key(
        call.capabilities,
        name=call.key_name,
        bucket_ids=call.bucket_ids,
        name_prefix=call.name_prefix or None,
        expires_at=None if lifetime is None else world.now() + lifetime * 1000,
    )
    told = _told(world, made)
    return CreatedKeyReply(
        **{name: getattr(told, name) for name in told.__struct_fields__}, application_key=made.secret
    )


def _check_capabilities(key: Key, call: CreateKey) -> None:
    if not call.capabilities:
        raise bad_request("a key needs a capability")
    unknown = sorted(set(call.capabilities).difference(ALL_CAPABILITIES))
    if unknown:
        raise bad_request(f"unknown capability {unknown[0]}")
    if call.bucket_ids is not None:
        wide = sorted(set(call.capabilities).difference(BUCKET_CAPABILITIES))
        if wide:
            raise bad_request(f"a key that is restricted to buckets cannot have {wide[0]}")
    lacking = sorted(set(call.capabilities) - key.capabilities)
    if lacking:
        raise unauthorized(f"the key cannot give {lacking[0]}, which it lacks")


def _check_buckets(world: World, bucket_ids: tuple[BucketId, ...]) -> None:
    if not bucket_ids:
        raise bad_request("bucketIds is empty; leave it out for a key without restriction")
    missing = next((bucket_id for bucket_id in bucket_ids if bucket_id not in world.buckets), None)
    if missing is not None:
        raise bad_request(f"Bucket {missing} does not exist", "bad_bucket_id")


def _check_reach(key: Key, call: CreateKey) -> None:
    """A restricted key gives only keys that are at least as restricted."""
    if key.bucket_ids is not None and not (call.bucket_ids and key.bucket_ids.issuperset(call.bucket_ids)):
        raise unauthorized("the key is restricted to other buckets")
    if key.name_prefix is not None and not (call.name_prefix or "").startswith(key.name_prefix):
        raise unauthorized("the key is restricted to names with its prefix")


def _told(world: World, key: Key) -> KeyReply:
    return KeyReply(
        world.account_id,
        key.key_id,
        key.name,
        tuple(sorted(key.capabilities)),
        None if key.bucket_ids is None else tuple(sorted(key.bucket_ids)),
        key.name_prefix,
        key.expires_at,
        ("s3",),
    )


def _delete_key(world: World, key: Key, call: DeleteKey) -> KeyReply:
    found = world.credentials.keys.get(call.application_key_id)
    if found is None or found is world.credentials.master:
        raise bad_request("there is no such application key")
    world.credentials.drop_key(found)
    return _told(world, found)


def _list_keys(world: World, key: Key, call: ListKeys) -> KeyPage:
    check_account(world, call.account_id)
    count = world.page_size(call.max_key_count, default=_DEFAULT_COUNT, maximum=MAX_LIST_COUNT)
    start = call.start_application_key_id or ""
    found = sorted(
        key_id
        for key_id, kept in world.credentials.keys.items()
        if kept is not world.credentials.master and key_id >= start
    )
    page = tuple(_told(world, world.credentials.keys[key_id]) for key_id in found[:count])
    return KeyPage(page, found[count] if len(found) > count else None)


ACCOUNT_HANDLERS: Final[Mapping[type[Call[Any]], Handler]] = {
    CreateKey: _create_key,
    DeleteKey: _delete_key,
    ListKeys: _list_keys,
}
