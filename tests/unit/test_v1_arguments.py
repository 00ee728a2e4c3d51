"""Wrong arguments of the numbered interface: each is named with what it has to be, before anything is sent."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, cast

import pytest

from b2pure.v1 import (
    AbstractUploadSource,
    B2Api,
    B2Folder,
    B2Http,
    B2RawApi,
    Bucket,
    CompareVersionMode,
    CopySource,
    DoNothingProgressListener,
    DownloadDestBytes,
    DownloadDestLocalFile,
    DownloadDestProgressWrapper,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    LocalFolder,
    MetadataDirectiveMode,
    NewerFileSyncMode,
    PreSeekedDownloadDest,
    RawSimulator,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
    UploadSourceBytes,
    UploadSourceLocalFile,
    UploadSourceLocalFileRange,
    UploadSourceStream,
    UploadSourceStreamRange,
    WriteIntent,
    exception,
    parse_sync_folder,
)

Call = Callable[..., Any]

UNKNOWN = B2Api(InMemoryAccountInfo(), raw_api=RawSimulator())
"""An account that was never authorized: whoever asks B2 before it looks at its arguments raises MissingAccountData."""
BUCKET = Bucket(UNKNOWN, "id", "holiday")
DEST = DownloadDestBytes()
INTENTS = [WriteIntent(UploadSourceBytes(b"x"))]
LOCAL = LocalFolder(str(Path(__file__).parent))
SYNC = Synchronizer(1)
FOLDERS: Final = {"source_folder": LOCAL, "dest_folder": LOCAL, "now_millis": 1}

METHODS: Final[tuple[tuple[Call, Mapping[str, Any]], ...]] = (
    (B2Api, {}),
    (UNKNOWN.authorize_account, {"realm": "r", "application_key_id": "k", "application_key": "s"}),
    (UNKNOWN.create_bucket, {"name": "n", "bucket_type": "allPrivate"}),
    (UNKNOWN.get_bucket_by_id, {}),
    (UNKNOWN.get_bucket_by_name, {}),
    (UNKNOWN.delete_bucket, {}),
    (UNKNOWN.list_buckets, {}),
    (UNKNOWN.download_file_by_id, {"file_id": "f", "download_dest": DEST}),
    (UNKNOWN.get_file_info, {}),
    (UNKNOWN.delete_file_version, {"file_id": "f", "file_name": "n"}),
    (UNKNOWN.list_parts, {"file_id": "f"}),
    (UNKNOWN.cancel_large_file, {}),
    (UNKNOWN.get_download_url_for_fileid, {}),
    (UNKNOWN.get_download_url_for_file_name, {"bucket_name": "b", "file_name": "n"}),
    (UNKNOWN.create_key, {"capabilities": ["listFiles"], "key_name": "k"}),
    (UNKNOWN.delete_key, {}),
    (UNKNOWN.list_keys, {}),
    (BUCKET.set_info, {"new_bucket_info": {}}),
    (BUCKET.set_type, {}),
    (BUCKET.update, {}),
    (BUCKET.ls, {}),
    (BUCKET.list_file_versions, {"file_name": "n"}),
    (BUCKET.list_unfinished_large_files, {}),
    (BUCKET.list_parts, {"file_id": "f"}),
    (BUCKET.download_file_by_id, {"file_id": "f", "download_dest": DEST}),
    (BUCKET.download_file_by_name, {"file_name": "n", "download_dest": DEST}),
    (BUCKET.get_download_authorization, {"file_name_prefix": "", "valid_duration_in_seconds": 1}),
    (BUCKET.get_download_url, {}),
    (BUCKET.hide_file, {}),
    (BUCKET.delete_file_version, {"file_id": "f", "file_name": "n"}),
    (BUCKET.start_large_file, {"file_name": "n"}),
    (BUCKET.cancel_large_file, {}),
    (BUCKET.upload_bytes, {"data_bytes": b"", "file_name": "n"}),
    (BUCKET.upload_local_file, {"local_file": __file__, "file_name": "n"}),
    (BUCKET.upload, {"upload_source": UploadSourceBytes(b""), "file_name": "n"}),
    (BUCKET.create_file, {"write_intents": INTENTS, "file_name": "n"}),
    (BUCKET.create_file_stream, {"write_intents_iterator": INTENTS, "file_name": "n"}),
    (BUCKET.concatenate, {"outbound_sources": [UploadSourceBytes(b"")], "file_name": "n"}),
    (BUCKET.concatenate_stream, {"outbound_sources_iterator": [UploadSourceBytes(b"")], "file_name": "n"}),
    (BUCKET.copy, {"file_id": "f", "new_file_name": "n"}),
    (BUCKET.copy_file, {"file_id": "f", "new_file_name": "n"}),
    (UploadSourceBytes, {"data_bytes": b""}),
    (UploadSourceLocalFile, {"local_path": __file__}),
    (UploadSourceLocalFileRange, {"local_path": __file__}),
    (UploadSourceStream, {"stream_opener": io.BytesIO}),
    (UploadSourceStreamRange, {"stream_opener": io.BytesIO, "offset": 0}),
    (CopySource, {"file_id": "f"}),
    (WriteIntent, {"outbound_source": UploadSourceBytes(b"")}),
    (DownloadDestLocalFile, {}),
    (PreSeekedDownloadDest, {"local_file_path": "p", "seek_target": 0}),
    (DownloadDestProgressWrapper, {"download_dest": DEST, "progress_listener": DoNothingProgressListener()}),
    (B2Folder, {"bucket_name": "b", "folder_name": "", "api": UNKNOWN}),
    (parse_sync_folder, {"folder_name": "b2://b", "api": UNKNOWN}),
    (ScanPoliciesManager, {}),
    (SyncReport, {"stdout": io.StringIO(), "no_progress": True}),
    (Synchronizer, {"max_workers": 1}),
    (SYNC.sync_folders, {**FOLDERS, "reporter": None}),
    (SYNC.make_folder_sync_actions, {**FOLDERS, "reporter": None}),
    (
        SYNC.make_file_sync_actions,
        {"sync_type": "local-to-b2", "source_file": None, "dest_file": None, **FOLDERS},
    ),
)
FLAGS: Final = frozenset(
    {"allow_empty_source", "dry_run", "exclude_all_symlinks", "no_progress", "recursive", "show_versions"}
)
"""Whatever is true or false will do."""
BY_OTHERS: Final = frozenset(
    {
        "b2_folder_class", "cors_rules", "data", "data_bytes", "keep_days", "lifecycle_rules", "local_folder_class",
        "prioritize", "upload_source",
    }
)  # fmt: skip
"""Looked at where they are used, and tested there."""


def _name(call: Call) -> str:
    return call.__qualname__


def _arguments() -> Iterator[tuple[str, Call, Mapping[str, Any], str]]:
    for call, given in METHODS:
        for name, parameter in inspect.signature(call).parameters.items():
            if name not in FLAGS | BY_OTHERS and parameter.kind is not parameter.VAR_KEYWORD:
                yield f"{_name(call)}-{name}", call, given, name


ARGUMENTS: Final = list(_arguments())


@pytest.mark.parametrize(
    ("call", "given", "name"), [each[1:] for each in ARGUMENTS], ids=[each[0] for each in ARGUMENTS]
)
def test_every_argument_is_looked_at_before_anything_is_sent(call: Call, given: Mapping[str, Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError, exception.InvalidArgument)) as raised:
        call(**{**given, name: object()})
    assert name in str(raised.value)


NEEDED: Final = [
    (identity, call, given, name)
    for identity, call, given, name in ARGUMENTS
    if inspect.signature(call).parameters[name].default is inspect.Parameter.empty
    and name not in ("reporter", "source_file", "dest_file")
]


@pytest.mark.parametrize(("call", "given", "name"), [each[1:] for each in NEEDED], ids=[each[0] for each in NEEDED])
def test_none_is_for_those_that_may_be_left_out(call: Call, given: Mapping[str, Any], name: str) -> None:
    with pytest.raises((TypeError, ValueError, exception.InvalidArgument)):
        call(**{**given, name: None})


def _authorized() -> B2Api:
    raw = RawSimulator()
    api = B2Api(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return api


BUCKET_METHODS: Final = [
    (call, given) for call, given in METHODS if isinstance(getattr(call, "__self__", None), Bucket | B2Api)
]


@pytest.mark.parametrize(("call", "given"), BUCKET_METHODS, ids=[f"{_name(call)}" for call, _ in BUCKET_METHODS])
def test_what_is_no_argument_is_told_with_the_public_method(call: Call, given: Mapping[str, Any]) -> None:
    owner = type(call.__self__).__name__  # type: ignore[attr-defined]
    label = rf"^{owner}\.{call.__name__}\(\)"
    with pytest.raises(TypeError, match=label + " got an unexpected keyword argument 'xyzzy'$"):
        call(**given, xyzzy=1)
    with pytest.raises(TypeError, match=label + ": too many positional arguments"):
        call(*range(30))
    if any(
        each.default is each.empty
        for each in inspect.signature(call).parameters.values()
        if each.kind is not each.VAR_KEYWORD
    ):
        with pytest.raises(TypeError, match=label + ": missing a required argument"):
            call()


def test_a_slip_of_the_pen_is_seen() -> None:
    with pytest.raises(TypeError, match=r"Bucket\.upload_bytes\(\) got .* 'file_info'; did you mean 'file_infos'\?"):
        BUCKET.upload_bytes(b"", "n", file_info={})  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="did you mean 'max_workers'"):
        Synchronizer(1, max_worker=2)  # type: ignore[call-arg]


def test_a_subclass_is_called_by_its_own_name() -> None:
    class Mine(Bucket):
        pass

    with pytest.raises(TypeError, match=r"^Mine\.ls\(\): folder_to_list must be text"):
        Mine(UNKNOWN, "id").ls(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"a": 1}, {1: "a"}, {"a": None}, [("a", "b")], "a"])
def test_infos_are_text_to_text(wrong: Any) -> None:
    for call in (
        lambda: BUCKET.upload_bytes(b"", "n", file_infos=wrong),
        lambda: BUCKET.copy("f", "n", "text/plain", file_info=wrong),
        lambda: BUCKET.start_large_file("n", file_info=wrong),
        lambda: BUCKET.update(bucket_info=wrong),
        lambda: BUCKET.set_info(wrong),
        lambda: UNKNOWN.create_bucket("n", "allPrivate", bucket_info=wrong),
    ):
        with pytest.raises(TypeError, match=r"info.* must be a dictionary of text to text, not "):
            call()


@pytest.mark.parametrize("wrong", ["listFiles", b"listFiles", [1], {"listFiles": 1}])
def test_capabilities_are_several(wrong: Any) -> None:
    with pytest.raises(TypeError, match="capabilities must be names of capabilities, in a list"):
        UNKNOWN.create_key(wrong, "k")


@pytest.mark.parametrize("wrong", [5, "ab", (1,), (1, 2, 3), ("a", "b"), (1.5, 2), (None, None)])
def test_a_range_is_two_whole_numbers(wrong: Any) -> None:
    for call in (
        lambda: BUCKET.download_file_by_name("n", DEST, range_=wrong),
        lambda: BUCKET.copy_file("f", "n", bytes_range=wrong),
    ):
        with pytest.raises(TypeError, match=r"range_? must be a pair of whole numbers"):
            call()
    with pytest.raises(exception.InvalidArgument, match="0 <= first <= last"):
        BUCKET.copy_file("f", "n", (3, 1))


@pytest.mark.parametrize("secret", ["K004verysecretapplicationkey", b"K004verysecretapplicationkey"])
def test_no_value_is_shown(secret: Any) -> None:
    for call in (
        lambda: UNKNOWN.authorize_account("production", "k", [secret]),  # type: ignore[arg-type]
        lambda: BUCKET.upload_bytes(b"", "n", file_infos={secret: 1}),  # type: ignore[dict-item]
        lambda: UNKNOWN.create_key(secret, "k"),
    ):
        with pytest.raises(TypeError) as raised:
            call()
        assert "verysecret" not in str(raised.value)
    with pytest.raises(exception.InvalidUploadSource, match=r"(str|bytes) is no upload source; Upload"):
        _authorized().create_bucket("holiday", "allPrivate").upload(secret, "n")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("newer_file_mode", NewerFileSyncMode),
        ("keep_days_or_delete", KeepOrDeleteMode),
        ("compare_version_mode", CompareVersionMode),
    ],
)
@pytest.mark.parametrize("wrong", [None, "x", 101, [1], MetadataDirectiveMode.COPY])
def test_a_mode_of_a_sync_is_one_of_its_kind(mode: str, kind: type[Any], wrong: Any) -> None:
    with pytest.raises(exception.InvalidArgument, match=f"{mode} must be one of {kind.__name__}"):
        Synchronizer(1, **{mode: wrong})


@pytest.mark.parametrize("wrong", ["x", [1], float("nan"), float("inf"), True, 0, -1])
def test_days_and_thresholds_are_numbers(wrong: Any) -> None:
    with pytest.raises(exception.InvalidArgument, match="keep_days"):
        Synchronizer(1, keep_days_or_delete=KeepOrDeleteMode.KEEP_BEFORE_DELETE, keep_days=wrong)
    if wrong != 0:
        with pytest.raises(exception.InvalidArgument, match="compare_threshold"):
            Synchronizer(1, compare_threshold=wrong)


@pytest.mark.parametrize("name", ["exclude_modified_before", "exclude_modified_after"])
@pytest.mark.parametrize("wrong", ["a", 1.5, True, [1]])
def test_times_of_a_scan_are_whole_numbers(name: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be milliseconds since 1970"):
        ScanPoliciesManager(**{name: wrong})


@pytest.mark.parametrize("wrong", [None, "x", ScanPoliciesManager])
def test_a_policies_manager_is_an_object(wrong: Any) -> None:
    with pytest.raises(TypeError, match="policies_manager must be a ScanPoliciesManager"):
        Synchronizer(1, policies_manager=wrong)
    with pytest.raises(TypeError, match="policies_manager must be a ScanPoliciesManager"):
        SYNC.make_folder_sync_actions(LOCAL, LOCAL, 1, None, wrong)


@pytest.mark.parametrize("wrong", [5, "x", [5], ["x"]])
def test_rules_are_dictionaries(wrong: Any) -> None:
    for name in ("cors_rules", "lifecycle_rules"):
        with pytest.raises(exception.InvalidArgument, match=f"{name} must be dictionaries, in a list"):
            _authorized().create_bucket("n", "allPrivate", **{name: wrong})


def test_numbers_below_zero_are_told() -> None:
    for call in (
        lambda: UploadSourceStream(io.BytesIO, -1),
        lambda: UploadSourceStreamRange(io.BytesIO, -1),
        lambda: PreSeekedDownloadDest("p", -1),
        lambda: CopySource("f", -1, 1),
    ):
        with pytest.raises(ValueError, match="below 0"):
            call()


def test_a_path_may_be_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"sand")
    path: Any = bytes(tmp_path / "file")
    assert UploadSourceLocalFile(path).get_content_length() == 4
    assert DownloadDestLocalFile(path).local_file_path == str(tmp_path / "file")


# --- what sources and destinations of somebody's own say


class Said(AbstractUploadSource):
    """A source that says anything."""

    def __init__(self, length: Any, sha1: Any = None) -> None:
        self.length, self.sha1 = length, sha1

    def get_content_length(self) -> int:
        return cast(int, self.length)

    def get_content_sha1(self) -> str | None:
        return cast(str | None, self.sha1)

    def is_sha1_known(self) -> bool:
        return self.sha1 is not None

    def open(self) -> IO[bytes]:
        return io.BytesIO(b"sand")


@pytest.mark.parametrize("length", ["4", 4.0, True, -1])
def test_a_length_is_a_whole_number(length: Any) -> None:
    bucket = _authorized().create_bucket("holiday", "allPrivate")
    with pytest.raises((TypeError, ValueError), match=r"Said\.get_content_length\(\) must give"):
        bucket.upload(Said(length), "n")
    with pytest.raises((TypeError, ValueError), match=r"Said\.get_content_length\(\) must give"):
        bucket.create_file([WriteIntent(Said(length))], "n")
    assert list(bucket.ls()) == []


def test_a_digest_is_text() -> None:
    with pytest.raises(TypeError, match=r"Said\.get_content_sha1\(\) must give 40 hex digits"):
        _authorized().create_bucket("holiday", "allPrivate").upload(Said(4, 5), "n")


@pytest.mark.parametrize("length", [4, None])
@pytest.mark.parametrize(("opens", "told"), [(io.StringIO, "one of str; files are .* 'rb'"), (print, "NoneType")])
def test_a_stream_is_binary(opens: Any, told: str, length: int | None) -> None:
    bucket = _authorized().create_bucket("holiday", "allPrivate")
    with pytest.raises(TypeError, match=rf"UploadSourceStream\.open\(\) must give a binary stream, not {told}"):
        bucket.upload(UploadSourceStream(opens, length), "n")
    assert list(bucket.ls()) == []


def test_a_destination_gives_a_context() -> None:
    class Nothing(DownloadDestBytes):
        def make_file_context(self, *args: Any, **kwargs: Any) -> Any:
            return None

    bucket = _authorized().create_bucket("holiday", "allPrivate")
    bucket.upload_bytes(b"sand", "beach")
    with pytest.raises(TypeError, match=r"Nothing\.make_file_context\(\) must give a context manager"):
        bucket.download_file_by_name("beach", Nothing())


def test_what_asks_b2_has_its_parts() -> None:
    with pytest.raises(TypeError, match=r"B2RawApi\(\): b2_http must be a B2Http\(\), not the class B2Http"):
        B2RawApi(B2Http)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"B2Http\.add_callback\(\): callback must be an HttpCallback"):
        B2Http().add_callback(print)  # type: ignore[arg-type]
