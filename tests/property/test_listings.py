"""A listing read for a sync says what the whole file objects say: the short decoding and the long one agree."""

from __future__ import annotations

from itertools import groupby, islice
from threading import enumerate as enumerate_threads

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.simulator import SimulatorConfig
from b2pure.effects.wire import HttpResponse, decode
from b2pure.model.calls import ListFileVersions, ListVersionsToCompare
from b2pure.model.files import B2Path
from b2pure.model.ids import BucketId
from b2pure.model.replies import FileReply
from b2pure.plan.listing import group_versions, paths_of, version_of
from b2pure.testing import simulated_b2

_SHA1 = st.text("0123456789abcdef", min_size=40, max_size=40)
_ODD_SHA1 = st.one_of(
    st.sampled_from(["none", "", "unverified:", "unverified:none", "A" * 40, "g" * 40, "a" * 41, "a" * 40 + "\n"]),
    _SHA1.map(lambda digest: f"unverified:{digest}"),
    _SHA1.map(lambda digest: f"{digest[:20]} {digest[21:]}"),
)
_MILLIS = st.one_of(
    st.integers(0, 10**16).map(str),
    st.integers(10**12, 10**13).map(lambda millis: f"{millis:+d}"),
    st.sampled_from(
        ["", "-5", "1_700_000_000_00", "17000000000.0", " 170000000000", "١٧٠٠٠٠٠٠٠٠٠٠٠", "²" * 13, "1700000000000\n"]
    ),
    st.just("1700000000000"),
)
_INFO: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "src_last_modified_millis": _MILLIS,
            "large_file_sha1": st.one_of(_SHA1, _ODD_SHA1),
            "else": st.text(max_size=3),
        },
    ),
)
_FILES = st.lists(
    st.fixed_dictionaries(
        {
            "accountId": st.just("a"),
            "action": st.sampled_from(["upload", "upload", "upload", "hide", "start", "folder", "copy", "new kind"]),
            "bucketId": st.just("b"),
            "contentLength": st.integers(0, 1 << 43),
            "contentSha1": st.one_of(st.none(), _SHA1, _ODD_SHA1),
            "contentType": st.one_of(st.none(), st.just("text/plain")),
            "fileId": st.one_of(st.none(), st.text(min_size=1, max_size=3)),
            "fileInfo": _INFO,
            "fileName": st.sampled_from(["p/a", "p/b", "p/c/d", "p/é"]),
            "uploadTimestamp": st.integers(0, 1 << 45),
        },
        optional={
            "contentMd5": st.none(),
            "legalHold": st.just({"isClientAuthorizedToRead": False, "value": None}),
            "unknown": st.integers(),
        },
    ),
    max_size=8,
)


def _by_the_long_way(files: tuple[FileReply, ...], prefix: str) -> list[B2Path]:
    """Neighbours of one name are one path, if any of them is a version."""
    paths = []
    for name, replies in groupby(files, key=lambda reply: reply.file_name):
        versions = tuple(version for reply in replies if (version := version_of(reply)) is not None)
        if versions:
            paths.append(B2Path(name.removeprefix(prefix), versions))
    return paths


@given(_FILES, st.sampled_from(["", "p/"]), st.integers(0, 8))
def test_what_is_read_to_compare_is_what_the_file_objects_say(
    listed: list[dict[str, object]], prefix: str, cut: int
) -> None:
    """Whatever B2 lists, the page that a sync reads gives the versions of `version_of`, wherever pages end."""
    body = msgspec.json.encode({"files": listed, "nextFileName": "n", "nextFileId": None})
    response = HttpResponse(200, {}, body)
    whole = decode(ListFileVersions(BucketId("b")), response).unwrap()
    brief = decode(ListVersionsToCompare(BucketId("b")), response).unwrap()
    assert (brief.next_file_name, brief.next_file_id) == (whole.next_file_name, whole.next_file_id)
    expected = _by_the_long_way(whole.files, prefix)
    assert list(paths_of((brief.files[:cut], brief.files[cut:]), prefix)) == expected
    assert list(group_versions(whole.files, prefix)) == expected


@given(
    st.lists(st.sampled_from(["a", "b/1", "b/2", "b/c/3", "d"]), max_size=9),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 1000),
)
def test_a_listing_in_pages_is_the_listing(names: list[str], limit: int, versions: bool, seed: int) -> None:
    """However short the pages are that B2 gives. Who stops reading leaves nothing behind that runs."""
    world = simulated_b2("bucket", seed=seed, config=SimulatorConfig(page_limit=limit))
    for name in names:
        world.client.upload(name.encode(), f"b2://bucket/{name}").unwrap()
    listed = [file.file_name for file in world.client.ls("b2://bucket", recursive=True, versions=versions)]
    assert listed == sorted(names if versions else set(names))
    top = [file.file_name for file in world.client.ls("b2://bucket", versions=versions)]
    assert list(dict.fromkeys(top)) == sorted({name.partition("/")[0] + "/" * ("/" in name) for name in names})
    begun = world.client.ls("b2://bucket", recursive=True, versions=versions)
    assert [file.file_name for file in islice(begun, 1)] == listed[:1]
    del begun
    assert not [thread for thread in enumerate_threads() if thread.name.startswith("b2pure-list")]
