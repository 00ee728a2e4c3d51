"""Data classes, enumerations and small functions of the numbered interface."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2pure.shell.v1 import utils
from b2pure.shell.v1.enums import CompareVersionMode, KeepOrDeleteMode, MetadataDirectiveMode, NewerFileSyncMode
from b2pure.shell.v1.exceptions import InvalidArgument
from b2pure.shell.v1.file_version import (
    FileIdAndName,
    FileVersionInfo,
    FileVersionInfoFactory,
    Part,
    PartFactory,
    UnfinishedLargeFile,
)

TOLD: Final[dict[str, Any]] = {
    "fileId": "i",
    "fileName": "n",
    "size": 3,
    "contentType": "c",
    "contentSha1": "none",
    "fileInfo": {"a": "b"},
    "uploadTimestamp": 1,
    "action": "upload",
}
make = FileVersionInfoFactory.from_api_response


def test_a_version_says_what_b2_told() -> None:
    found = make(TOLD)
    assert found.as_dict() == TOLD
    assert (found.id_, found.file_name, found.size, found.action) == ("i", "n", 3, "upload")
    assert "contentMd5" not in found
    assert make({**TOLD, "contentMd5": "m"})["contentMd5"] == "m"


def test_a_version_can_be_read_as_a_dictionary() -> None:
    found = make(TOLD)
    assert found["fileName"] == "n"
    assert found.get("nothing") is None
    assert dict(found) == TOLD
    assert found == TOLD
    assert found == make(TOLD)
    assert found != make({**TOLD, "size": 4})
    assert len({found, make(TOLD)}) == 1
    with pytest.raises(KeyError):
        found["nothing"]


def test_the_size_has_two_names_and_is_needed() -> None:
    other = {name: value for name, value in TOLD.items() if name != "size"}
    assert make({**other, "contentLength": 7}).size == 7
    with pytest.raises(ValueError, match="no size"):
        make(other)


def test_an_action_is_told_once() -> None:
    silent = {name: value for name, value in TOLD.items() if name != "action"}
    assert make(silent, force_action="hide").action == "hide"
    with pytest.raises(InvalidArgument):
        make(TOLD, force_action="hide")


def test_what_is_not_known_is_left_out() -> None:
    found = FileVersionInfo("i", "n", None, None, None, {}, None, "hide")
    assert found.as_dict() == {"fileId": "i", "fileName": "n", "fileInfo": {}, "action": "hide"}


def test_lines_of_ls() -> None:
    line = FileVersionInfo("id", "n/a.txt", 5, "t", "s", {}, 1500000000123, "upload").format_ls_entry()
    assert line == f"{'id':>83}  upload  2017-07-14  02:40:00          5  n/a.txt"
    assert FileVersionInfo.format_folder_ls_entry("foo/") == f"{'-':>83}       -           -         -          0  foo/"
    assert FileVersionInfo("id", "n", None, None, None, {}, None, "hide").format_ls_entry().split() == [
        "id", "hide", "-", "-", "0", "n",
    ]  # fmt: skip


def test_a_cancelled_file() -> None:
    found = FileVersionInfoFactory.from_cancel_large_file_response({"fileId": "i", "fileName": "n"})
    assert (found.id_, found.action, found.size) == ("i", "cancel", 0)


def test_what_delete_gives_prints_as_the_guide_shows() -> None:
    found = FileIdAndName("4_z", "dummy_new.pdf")
    assert str(found) == "{'file_id': '4_z', 'file_name': 'dummy_new.pdf'}"
    assert found.as_dict() == {"action": "delete", "fileId": "4_z", "fileName": "dummy_new.pdf"}
    assert found == FileIdAndName("4_z", "dummy_new.pdf")
    assert found != FileIdAndName("4_z", "x")


def test_parts_and_unfinished_files() -> None:
    part = PartFactory.from_list_parts_dict({"fileId": "f", "partNumber": 1, "contentLength": 10, "contentSha1": "s"})
    assert part == Part("f", 1, 10, "s")
    assert repr(part) == "<Part f 1 10 s>"
    told = {
        "fileId": "f",
        "fileName": "n",
        "accountId": "a",
        "bucketId": "b",
        "contentType": "t",
        "fileInfo": {"a": "b"},
    }
    large = UnfinishedLargeFile(told)
    assert repr(large) == "<UnfinishedLargeFile b n>"
    assert large == UnfinishedLargeFile(told)
    assert large["fileInfo"] == {"a": "b"}


def test_numbers_of_the_enumerations() -> None:
    assert (MetadataDirectiveMode.COPY.value, MetadataDirectiveMode.REPLACE.value) == (401, 402)
    assert [mode.value for mode in NewerFileSyncMode] == [101, 102, 103]
    assert [mode.value for mode in CompareVersionMode] == [201, 202, 203]
    assert [mode.value for mode in KeepOrDeleteMode] == [301, 302, 303]
    assert KeepOrDeleteMode["DO_NOTHING"] is KeepOrDeleteMode.NO_DELETE


# --- functions


@given(st.integers(0, 10**19), st.integers(0, 10**19), st.sampled_from(("B", "b")))
def test_a_peer_formats_numbers_alike(x: int, y: int, unit: str) -> None:
    peer = _peer()
    if max(x, y) < 10**18:
        assert utils.format_and_scale_number(x, unit) == peer.format_and_scale_number(x, unit)
        small, large = sorted((x, y))
        assert utils.format_and_scale_fraction(small, large, unit) == peer.format_and_scale_fraction(small, large, unit)


@given(st.text(st.characters(codec="utf-8")))
def test_a_peer_encodes_names_alike(text: str) -> None:
    peer = _peer()
    assert utils.b2_url_encode(text) == peer.b2_url_encode(text)
    assert utils.b2_url_decode(utils.b2_url_encode(text)) == text
    assert utils.b2_url_decode(text) == peer.b2_url_decode(text)


@given(st.integers(1, 1000), st.integers(2, 30), st.integers(0, 999))
def test_part_ranges_tile_the_file(minimum: int, count: int, rest: int) -> None:
    length = minimum * count + rest % minimum
    ranges = utils.choose_part_ranges(length, minimum)
    assert len(ranges) == count
    assert [offset for offset, _ in ranges] == [sum(size for _, size in ranges[:n]) for n in range(count)]
    assert sum(size for _, size in ranges) == length
    sizes = {size for _, size in ranges}
    assert min(sizes) >= minimum
    assert max(sizes) - min(sizes) <= 1


def test_part_ranges_of_the_peer() -> None:
    for length, minimum in ((10, 5), (12, 5), (14, 5), (100, 30), (101, 10)):
        assert utils.choose_part_ranges(length, minimum) == _peer().choose_part_ranges(length, minimum)
    with pytest.raises(ValueError, match="not two parts"):
        utils.choose_part_ranges(9, 5)


def test_digests() -> None:
    digest = hashlib.sha1(b"abc").hexdigest()
    assert utils.hex_sha1_of_bytes(b"abc") == digest
    assert utils.hex_sha1_of_stream(io.BytesIO(b"abcdef"), 3) == digest
    with pytest.raises(ValueError, match="more than the size"):
        utils.hex_sha1_of_stream(io.BytesIO(b"abc"), 4)


def test_a_temporary_folder_is_gone_afterwards() -> None:
    with utils.TempDir() as path:
        assert os.path.isdir(path)
    assert not os.path.exists(path)


def test_paths_are_only_prefixed_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert utils.fix_windows_path_limit("/a") == "/a"
    monkeypatch.setattr(utils, "_WINDOWS", True)
    assert utils.fix_windows_path_limit("\\\\server\\share") == "\\\\?\\UNC\\server\\share"
    assert utils.fix_windows_path_limit("\\\\?\\C:\\x") == "\\\\?\\C:\\x"
    assert utils.fix_windows_path_limit("/a") == "\\\\?\\/a"


def _peer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v1 as peer
    return peer
