"""The tutorial of the documentation of b2sdk 1.1.4, as written, on `b2pure.v1`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from v1_console import Console
from v1_world import World, served

from b2pure.v1 import exception


@pytest.fixture
def world() -> Iterator[World]:
    with served() as world:
        yield world


@pytest.fixture
def console(world: World) -> Console:
    """A prompt at which the keys and the realm of the documentation are those of the simulated B2."""
    return Console(
        replaced={
            "4a5b6c7d8e9f": world.simulator.master_key_id,
            "001b8e23c26ff6efb941e237deb182b9599a84bef7": world.simulator.master_key,
            '"production"': f'"{world.url}"',
        }
    )


def test_the_tutorial(console: Console, world: World) -> None:
    """Account info, authorization, an existing bucket, a new bucket."""
    console.check("""
>>> from b2sdk.v1 import InMemoryAccountInfo
>>> info = InMemoryAccountInfo() # store credentials, tokens and cache in memory
>>> from b2sdk.v1 import B2Api
>>> b2_api = B2Api(info)
>>> application_key_id = '4a5b6c7d8e9f'
>>> application_key = '001b8e23c26ff6efb941e237deb182b9599a84bef7'
>>> b2_api.authorize_account("production", application_key_id, application_key)
>>> bucket_name = 'example-mybucket-b2-1'
>>> bucket_type = 'allPublic' # or 'allPrivate'

>>> b2_api.create_bucket(bucket_name, bucket_type)
Bucket<346501784642eb3e60980d10,example-mybucket-b2-1,allPublic>
>>> b2_api.get_bucket_by_name("example-mybucket-b2-1")
Bucket<346501784642eb3e60980d10,example-mybucket-b2-1,allPublic>
""")


def test_a_bucket_can_be_stored_with_info_cors_rules_and_lifecycle_rules(world: World) -> None:
    """ "You can optionally store bucket info, CORS rules and lifecycle rules with the bucket." """
    cors = {
        "corsRuleName": "downloads",
        "allowedOrigins": ["https"],
        "allowedOperations": ["b2_download_file_by_id"],
        "maxAgeSeconds": 3600,
    }
    rule = {"fileNamePrefix": "logs/", "daysFromHidingToDeleting": 1}
    world.api.create_bucket("full-of-rules", "allPrivate", {"team": "red"}, [cors], [rule])
    found = world.api.get_bucket_by_name("full-of-rules")
    assert found.bucket_info == {"team": "red"}
    assert (found.cors_rules, found.lifecycle_rules) == ([cors], [{**rule, "daysFromUploadingToHiding": None}])


def test_a_name_that_somebody_has_already_is_told(world: World) -> None:
    """ "Your application should be able to cope with a bucket name collision with another B2 user." """
    world.bucket("taken-by-somebody")
    with pytest.raises(exception.DuplicateBucketName, match="Bucket name is already in use: taken-by-somebody"):
        world.bucket("taken-by-somebody")


def test_every_operation_of_the_tables_is_there(world: World) -> None:
    """ "Typical B2Api operations", "Typical Bucket operations"."""
    api = (
        "authorize_account create_bucket delete_bucket list_buckets get_bucket_by_name create_key list_keys delete_key "
        "download_file_by_id list_parts cancel_large_file"
    )
    bucket = (
        "download_file_by_name upload_local_file upload_bytes ls hide_file delete_file_version "
        "get_download_authorization get_download_url update set_type set_info"
    )
    made = world.bucket()
    assert all(callable(getattr(world.api, name)) for name in api.split())
    assert all(callable(getattr(made, name)) for name in bucket.split())
