"""Finding buckets by their names: in any case, as B2 does; and with keys that are restricted to one or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from v1_world import World, content, served

from b2pure.v1 import (
    AbstractAccountInfo,
    AbstractCache,
    AuthInfoCache,
    B2Api,
    DummyCache,
    InMemoryAccountInfo,
    InMemoryCache,
    SqliteAccountInfo,
)
from b2pure.v1.exception import NonExistentBucket, RestrictedBucket, Unauthorized

CACHES: dict[str, Callable[[AbstractAccountInfo], AbstractCache]] = {
    "none": lambda _: DummyCache(),
    "memory": lambda _: InMemoryCache(),
    "account info": AuthInfoCache,
}
WORK = ("readFiles", "writeFiles", "listFiles")


@pytest.fixture
def world() -> Iterator[World]:
    with served() as made:
        for name in ("My-Photos", "the-other", "a-third"):
            made.api.create_bucket(name, "allPrivate")
        yield made


def _api(
    world: World,
    capabilities: Iterable[str],
    *names: str,
    info: AbstractAccountInfo | None = None,
    cache: str = "none",
) -> B2Api:
    """An account whose key is restricted to the buckets of these names."""
    with world.server.locked() as simulator:
        ids = [simulator.bucket_id(name) for name in names]
        key = simulator.add_key(capabilities, bucket_ids=[each for each in ids if each] or None)
    info = info or InMemoryAccountInfo()
    api = B2Api(info, CACHES[cache](info))
    api.authorize_account(world.url, key.key_id, key.key)
    return api


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("asked", ["My-Photos", "my-photos", "MY-PHOTOS"])
@pytest.mark.parametrize(
    ("restricted", "lists"),
    [
        ((), True),
        (("My-Photos",), True),
        (("My-Photos",), False),
        (("My-Photos", "the-other"), True),
        (("My-Photos", "the-other"), False),
    ],
)
def test_a_bucket_is_found_in_any_case(
    world: World, cache: str, asked: str, restricted: tuple[str, ...], lists: bool
) -> None:
    """Twice: when nobody knows it, and when the cache does."""
    api = _api(world, (*WORK, "listBuckets") if lists else WORK, *restricted, cache=cache)
    bucket_id = world.api.get_bucket_by_name("My-Photos").id_
    first = api.get_bucket_by_name(asked)
    assert (first.id_, first.name) == (bucket_id, "My-Photos")
    first.upload_bytes(b"hello", "one")
    again = api.get_bucket_by_name(asked.swapcase())
    assert again.id_ == bucket_id
    assert content(again, "one") == b"hello"
    if lists:
        assert [each.name for each in api.list_buckets(bucket_name=asked)] == ["My-Photos"]


def test_a_cached_name_costs_no_call(world: World) -> None:
    api = _api(world, ("listBuckets",), cache="memory")
    api.get_bucket_by_name("my-photos")
    before = world.calls("b2_list_buckets")
    api.get_bucket_by_name("MY-PHOTOS")
    assert world.calls("b2_list_buckets") == before


def test_a_bucket_that_is_not_there(world: World) -> None:
    with pytest.raises(NonExistentBucket):
        world.api.get_bucket_by_name("My-Photo")


@pytest.mark.parametrize("stored", [False, True])
def test_a_key_of_several_buckets(world: World, tmp_path: Path, stored: bool) -> None:
    info = SqliteAccountInfo(str(tmp_path / "info")) if stored else InMemoryAccountInfo()
    api = _api(world, (*WORK, "listBuckets"), "My-Photos", "the-other", info=info)
    for name in ("My-Photos", "the-other"):
        assert api.get_bucket_by_name(name).name == name
        assert [each.name for each in api.list_buckets(bucket_name=name)] == [name]
        api.get_bucket_by_name(name).upload_bytes(b"hello", "one")
        assert content(api.get_bucket_by_name(name), "one") == b"hello"
        assert f"/file/{name}/one" in api.get_download_url_for_file_name(name, "one")
    both = "restricted to bucket: (My-Photos, the-other|the-other, My-Photos)"
    for refused in (
        lambda: api.get_bucket_by_name("a-third"),
        lambda: api.list_buckets(bucket_name="a-third"),
        lambda: api.list_buckets(),
        lambda: api.get_download_url_for_file_name("a-third", "one"),
    ):
        with pytest.raises(RestrictedBucket, match=both):
            refused()
    with pytest.raises(Unauthorized, match=r"restricted to bucket '.+', '.+'"):
        api.get_bucket_by_id(world.api.get_bucket_by_name("a-third").id_).upload_bytes(b"", "one")
    if stored:
        assert B2Api(SqliteAccountInfo(str(tmp_path / "info"))).get_bucket_by_name("THE-OTHER").name == "the-other"


def test_a_key_of_a_bucket_that_was_deleted(world: World) -> None:
    """B2 does not say any more what it was called, so that no name is refused before B2 does."""
    gone = world.api.get_bucket_by_name("a-third")
    api = _api(world, (*WORK, "listBuckets"), "My-Photos", "a-third")
    world.api.delete_bucket(gone)
    api.authorize_account(api.account_info.get_realm(), *_key(api))
    assert api.get_bucket_by_name("My-Photos").name == "My-Photos"
    with pytest.raises(NonExistentBucket):
        api.get_bucket_by_name("a-third")
    with pytest.raises(Unauthorized):
        api.get_bucket_by_name("the-other")
    with pytest.raises(RestrictedBucket, match="My-Photos"):
        api.list_buckets()


def _key(api: B2Api) -> tuple[str, str]:
    return api.account_info.get_application_key_id(), api.account_info.get_application_key()
