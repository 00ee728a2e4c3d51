"""Programs extend b2sdk by overriding and by patching: what is there when a call is made is what is called."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any
from unittest import mock

import pytest

from b2pure.v1 import (
    AbstractProgressListener,
    B2Api,
    B2Folder,
    B2RawApi,
    B2Session,
    Bucket,
    DoNothingProgressListener,
    DownloadDestBytes,
    DownloadDestLocalFile,
    DownloadDestProgressWrapper,
    FileVersionInfo,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    LocalFolder,
    NewerFileSyncMode,
    PreSeekedDownloadDest,
    RawSimulator,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
    UploadSourceBytes,
    UploadSourceLocalFile,
    exception,
)
from b2pure.v1.exception import FileAlreadyHidden, IncompleteSync, ServiceError

NOW = 1_800_000_000_000


def _made(kind: type[Bucket] = Bucket, api_kind: type[B2Api] = B2Api) -> tuple[RawSimulator, B2Api, Bucket]:
    """An account whose buckets are of this class."""
    api_class = type("Api", (api_kind,), {"BUCKET_CLASS": kind}) if kind is not Bucket else api_kind
    raw = RawSimulator()
    api: B2Api = api_class(InMemoryAccountInfo(), raw_api=raw)
    api.authorize_account("production", *raw.create_account())
    return raw, api, api.create_bucket("holiday", "allPrivate")


def _content(bucket: Bucket, name: str) -> bytes:
    dest = DownloadDestBytes()
    Bucket.download_file_by_name(bucket, name, dest)
    return dest.get_bytes_written()


def _put(folder: Path, name: str, data: bytes, seconds: int = 1_000_000_000) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    os.utime(folder / name, (seconds, seconds))


def _sync(source: Any, dest: Any, workers: int = 1, **options: Any) -> list[str]:
    """The lines of the report, sorted, and its totals."""
    told = io.StringIO()
    options.setdefault("newer_file_mode", NewerFileSyncMode.REPLACE)
    with SyncReport(told, no_progress=True) as report:
        try:
            Synchronizer(workers, **options).sync_folders(source, dest, NOW, report)
        finally:
            done, planned = report.transfer_files, report.total_transfer_files
            moved = f"{done}/{planned} files, {report.transfer_bytes}/{report.total_transfer_bytes} bytes"
    return [*sorted(filter(None, told.getvalue().split("\n"))), moved]


def _versions(bucket: Bucket) -> list[tuple[str, str | None]]:
    return [(each.file_name, each.action) for each, _ in Bucket.ls(bucket, show_versions=True, recursive=True)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "here"
    place.mkdir()
    return place


# -- a sync calls the methods of a bucket


def _turned(data: bytes) -> bytes:
    """What no reader of the bucket can read."""
    return bytes(255 - each for each in data)


class _Encrypting(Bucket):
    """Nothing leaves this machine in the clear."""

    def upload(self, upload_source: Any, file_name: str, *args: Any, **kwargs: Any) -> FileVersionInfo:
        with upload_source.open() as stream:
            return super().upload(UploadSourceBytes(_turned(stream.read())), file_name, *args, **kwargs)

    def download_file_by_id(
        self,
        file_id: str,
        download_dest: Any,
        progress_listener: AbstractProgressListener | None = None,
        range_: tuple[int, int] | None = None,
    ) -> dict[str, Any]:
        there = DownloadDestBytes()
        told = super().download_file_by_id(file_id, there, progress_listener, range_)
        with download_dest.make_file_context(
            there.file_id, there.file_name, there.content_length, there.content_type, there.content_sha1,
            there.file_info, there.mod_time_millis,
        ) as file:  # fmt: skip
            file.write(_turned(there.get_bytes_written()))
        return told


def test_an_encrypting_bucket_s_backup_is_encrypted_and_comes_back_plain(folder: Path, tmp_path: Path) -> None:
    _, api, bucket = _made(_Encrypting)
    _put(folder, "a", b"secret")
    _put(folder, "sub/b", b"s" * 700)
    assert _sync(LocalFolder(str(folder)), B2Folder("holiday", "x", api)) == [
        "upload a", "upload sub/b", "2/2 files, 706/706 bytes",
    ]  # fmt: skip
    assert (_content(bucket, "x/a"), _content(bucket, "x/sub/b")) == (_turned(b"secret"), _turned(b"s" * 700))
    back = tmp_path / "back"
    back.mkdir()
    assert _sync(B2Folder("holiday", "x", api), LocalFolder(str(back))) == [
        "dnload a", "dnload sub/b", "2/2 files, 706/706 bytes",
    ]  # fmt: skip
    assert ((back / "a").read_bytes(), (back / "sub" / "b").read_bytes()) == (b"secret", b"s" * 700)
    assert (back / "a").stat().st_mtime == 1_000_000_000
    assert _sync(LocalFolder(str(folder)), B2Folder("holiday", "x", api)) == ["0/0 files, 0/0 bytes"]


Called = list[tuple[Any, ...]]


def _listening(base: type, names: tuple[str, ...], called: Called) -> type:
    """A subclass that writes down how these methods are called, and lets them do it."""

    def heard(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            called.append((name, *args, kwargs))
            return getattr(base, name)(self, *args, **kwargs)

        return method

    return type(f"Listening{base.__name__}", (base,), {name: heard(name) for name in names})


def test_they_are_called_as_b2sdk_calls_them(folder: Path) -> None:
    """What version 1.1.4 was seen to call, with these arguments, for the same four syncs."""
    called: Called = []
    names = ("ls", "upload", "create_file", "download_file_by_id", "hide_file")
    _, api, bucket = _made(
        _listening(Bucket, names, called), _listening(B2Api, ("delete_file_version", "download_file_by_id"), called)
    )
    here, there = LocalFolder(str(folder)), B2Folder("holiday", "x", api)
    listed = ("ls", "x", {"show_versions": True, "recursive": True, "fetch_count": 1000})
    _put(folder, "a", b"1")
    _sync(here, there)
    assert called[0] == listed
    _, source, name, named = called[1]
    assert (type(source), source.local_path, name) == (UploadSourceLocalFile, str(folder / "a"), "x/a")
    assert named.pop("progress_listener").__class__.__name__ == "SyncFileReporter"
    assert named == {"file_info": {"src_last_modified_millis": "1000000000000"}}
    assert [each[0] for each in called] == ["ls", "upload", "create_file"]
    called.clear()

    (folder / "a").unlink()
    _sync(there, here)
    assert [each[0] for each in called] == ["ls", "download_file_by_id", "download_file_by_id"]
    assert (type(called[1][2]), called[1][2].local_file_path) == (DownloadDestLocalFile, str(folder / "a"))
    called.clear()

    (folder / "a").unlink()
    keep: dict[str, Any] = {"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": 1}
    _sync(here, there, allow_empty_source=True, **keep)
    assert called == [listed, ("hide_file", "x/a", {})]
    called.clear()

    marker, old = (str(each.id_) for each, _ in Bucket.ls(bucket, "x", show_versions=True, recursive=True))
    _sync(here, there, allow_empty_source=True, keep_days_or_delete=KeepOrDeleteMode.DELETE)
    assert called[0] == listed
    assert sorted(called[1:], key=str) == [("delete_file_version", each, "x/a", {}) for each in sorted((marker, old))]


def _refuse(*_args: Any, **_named: Any) -> Any:
    raise ValueError("not by me")


@pytest.mark.parametrize("where", ["subclass", "class", "object"])
@pytest.mark.parametrize("owner", [Bucket, B2Api])
def test_a_deletion_that_is_refused_is_told_and_the_rest_is_done(folder: Path, where: str, owner: Any) -> None:
    """Whether the method is a subclass's, or was set on the class or on the object."""
    own = type("Own", (owner,), {"delete_file_version": _refuse}) if where == "subclass" else owner
    _, api, bucket = _made(*((own, B2Api) if owner is Bucket else (Bucket, own)))
    bucket.upload_bytes(b"there", "old")
    _put(folder, "a", b"a")
    dest = B2Folder("holiday", "", api)
    target = owner if where == "class" else dest.bucket if owner is Bucket else api
    patch = mock.patch.object(target, "delete_file_version", side_effect=_refuse)
    with nullcontext() if where == "subclass" else patch, pytest.raises(IncompleteSync):
        _sync(LocalFolder(str(folder)), dest, keep_days_or_delete=KeepOrDeleteMode.DELETE)
    assert _versions(bucket) == [("a", "upload"), ("old", "upload")]
    assert _sync(LocalFolder(str(folder)), B2Folder("holiday", "", api)) == ["0/0 files, 0/0 bytes"]


def test_nothing_is_deleted_whose_replacement_failed(folder: Path) -> None:
    _, api, bucket = _made()
    for name in ("a", "b"):
        bucket.upload_bytes(b"there", name, file_infos={"src_last_modified_millis": "1"})
        _put(folder, name, b"new")
    dest = B2Folder("holiday", "", api)
    upload = dest.bucket.upload

    def some(source: Any, name: str, **named: Any) -> Any:
        return _refuse() if name == "a" else upload(source, name, **named)

    with mock.patch.object(dest.bucket, "upload", side_effect=some), pytest.raises(IncompleteSync):
        _sync(LocalFolder(str(folder)), dest, keep_days_or_delete=KeepOrDeleteMode.DELETE)
    assert (_content(bucket, "a"), _content(bucket, "b")) == (b"there", b"new")
    assert len(_versions(bucket)) == 2


def test_a_failure_is_told_with_its_own_words(folder: Path) -> None:
    _, api, _ = _made()
    _put(folder, "a", b"a")
    _put(folder, "b", b"b")
    told = io.StringIO()
    dest = B2Folder("holiday", "", api)
    with (
        mock.patch.object(dest.bucket, "upload", side_effect=_refuse),
        SyncReport(told, no_progress=True) as report,
        pytest.raises(IncompleteSync),
    ):
        Synchronizer(2).sync_folders(LocalFolder(str(folder)), dest, NOW, report)
    assert sorted(filter(None, told.getvalue().split("\n"))) == [
        "upload a: ValueError not by me", "upload b: ValueError not by me",
    ]  # fmt: skip
    assert (report.transfer_files, report.total_transfer_files) == (0, 2)


def test_a_dry_run_calls_nothing_that_changes_anything(folder: Path) -> None:
    called: Called = []
    names = ("upload", "hide_file", "delete_file_version", "ls")
    _, api, bucket = _made(_listening(Bucket, names, called))
    Bucket.upload(bucket, UploadSourceBytes(b"there"), "old")
    _put(folder, "a", b"a")
    lines = _sync(
        LocalFolder(str(folder)),
        B2Folder("holiday", "", api),
        dry_run=True,
        keep_days_or_delete=KeepOrDeleteMode.DELETE,
    )
    assert lines[:2] == ["delete old ", "upload a"]
    assert [each[0] for each in called] == ["ls"]
    assert _versions(bucket) == [("old", "upload")]


def test_what_is_hidden_or_gone_already_is_done(folder: Path) -> None:
    _, api, bucket = _made()
    bucket.upload_bytes(b"there", "old")
    _put(folder, "a", b"a")
    dest = B2Folder("holiday", "", api)
    with mock.patch.object(dest.bucket, "hide_file", side_effect=FileAlreadyHidden("old")) as hide:
        assert _sync(
            LocalFolder(str(folder)), dest, keep_days_or_delete=KeepOrDeleteMode.KEEP_BEFORE_DELETE, keep_days=1
        ) == ["hide   old", "upload a", "2/2 files, 1/1 bytes"]
    assert hide.call_args_list == [mock.call("old")]


def test_a_file_that_changes_before_its_turn_goes_up_as_it_is_then(folder: Path) -> None:
    """The time that is kept with it is that of what was sent."""
    _, api, bucket = _made()
    _put(folder, "a", b"a")
    _put(folder, "b", b"b")
    dest = B2Folder("holiday", "", api)
    upload = dest.bucket.upload
    order: list[str] = []

    def slow(source: Any, name: str, **named: Any) -> Any:
        order.append(name)
        if len(order) == 1:
            _put(folder, "b" if name == "a" else "a", b"meanwhile", 1_000_000_009)
        return upload(source, name, **named)

    with mock.patch.object(dest.bucket, "upload", side_effect=slow):
        _sync(LocalFolder(str(folder)), dest)
    last = next(each for each, _ in bucket.ls() if each.file_name == order[1])
    assert (_content(bucket, order[1]), last.file_info["src_last_modified_millis"]) == (
        b"meanwhile",
        "1000000009000",
    )


def test_a_file_that_somebody_writes_meanwhile_is_not_downloaded_over(folder: Path) -> None:
    _, api, bucket = _made()
    for name in ("a", "b"):
        bucket.upload_bytes(b"there", name, file_infos={"src_last_modified_millis": "1"})
    source = B2Folder("holiday", "", api)
    download = source.bucket.download_file_by_id
    first: list[str] = []

    def slow(file_id: str, dest: Any, listener: Any) -> Any:
        if not first:
            name = os.path.basename(dest.local_file_path)
            first.append(name)
            _put(folder, "b" if name == "a" else "a", b"mine")
        return download(file_id, dest, listener)

    patch = mock.patch.object(source.bucket, "download_file_by_id", side_effect=slow)
    with patch, pytest.raises(exception.DestFileNewer):
        _sync(source, LocalFolder(str(folder)), newer_file_mode=NewerFileSyncMode.RAISE_ERROR)
    written = "b" if first == ["a"] else "a"
    assert ((folder / first[0]).read_bytes(), (folder / written).read_bytes()) == (b"there", b"mine")


# -- listings


class _Suffixed(Bucket):
    """Names have a suffix in B2, of which nobody else knows."""

    def ls(self, *args: Any, **kwargs: Any) -> Iterator[tuple[FileVersionInfo, str | None]]:
        for version, beside in super().ls(*args, **kwargs):
            version.file_name = version.file_name.removesuffix(".enc")
            yield version, beside

    def upload(self, upload_source: Any, file_name: str, *args: Any, **kwargs: Any) -> FileVersionInfo:
        return super().upload(upload_source, file_name + ".enc", *args, **kwargs)

    def delete_file_version(self, file_id: str, file_name: str) -> Any:
        return super().delete_file_version(file_id, file_name + ".enc")

    def hide_file(self, file_name: str) -> FileVersionInfo:
        return super().hide_file(file_name + ".enc")


def test_a_bucket_that_lists_itself_is_believed(folder: Path, tmp_path: Path) -> None:
    _, api, bucket = _made(_Suffixed)
    here, there = LocalFolder(str(folder)), B2Folder("holiday", "x", api)
    for name in ("a", "b", "c"):
        _put(folder, name, name.encode())
    assert _sync(here, there)[-1] == "3/3 files, 3/3 bytes"
    assert _sync(here, there) == ["0/0 files, 0/0 bytes"]
    assert [file.name for file in there.all_files(None)] == ["a", "b", "c"]
    _put(folder, "a", b"A", 1_000_000_001)
    (folder / "b").unlink()
    assert _sync(here, there, keep_days_or_delete=KeepOrDeleteMode.DELETE)[-1] == "3/3 files, 1/1 bytes"
    assert _versions(bucket) == [("x/a.enc", "upload"), ("x/c.enc", "upload")]
    (folder / "c").unlink()
    _sync(here, there, keep_days_or_delete=KeepOrDeleteMode.KEEP_BEFORE_DELETE, keep_days=1)
    assert _versions(bucket) == [("x/a.enc", "upload"), ("x/c.enc", "hide"), ("x/c.enc", "upload")]
    back = tmp_path / "back"
    back.mkdir()
    _sync(there, LocalFolder(str(back)))
    assert [each.name for each in back.iterdir()] == ["a"]


def test_a_listing_that_leaves_the_folder_is_refused(folder: Path) -> None:
    class Straying(Bucket):
        def ls(self, *args: Any, **kwargs: Any) -> Any:
            return super().ls("", show_versions=True, recursive=True)

    _, api, bucket = _made(Straying)
    Bucket.upload_bytes(bucket, b"", "y/a")
    with pytest.raises(exception.CommandError, match="'y/a'"):
        _sync(LocalFolder(str(folder)), B2Folder("holiday", "x", api), allow_empty_source=True)


def test_a_folder_s_own_versions_are_asked_for(folder: Path) -> None:
    """A folder that keeps a file to itself: it is neither deleted nor uploaded over."""

    class Keeping(B2Folder):
        def get_file_versions(self) -> Iterator[tuple[FileVersionInfo, str]]:
            return (each for each in super().get_file_versions() if each[1] != "mine")

    _, api, bucket = _made()
    for name in ("mine", "old"):
        bucket.upload_bytes(b"there", name)
    _put(folder, "a", b"a")
    _sync(LocalFolder(str(folder)), Keeping("holiday", "", api), keep_days_or_delete=KeepOrDeleteMode.DELETE)
    assert _versions(bucket) == [("a", "upload"), ("mine", "upload")]


# -- create_file


def test_every_upload_goes_through_a_create_file_of_ones_own(folder: Path) -> None:
    class Labelling(Bucket):
        def create_file(self, write_intents: Any, file_name: str, **kwargs: Any) -> FileVersionInfo:  # type: ignore[override]  # as programs write it
            info = {**(kwargs.pop("file_info") or {}), "by": "me"}
            return super().create_file(write_intents, file_name, file_info=info, **kwargs)

    _, api, bucket = _made(Labelling)
    _put(folder, "a", b"a")
    bucket.upload_bytes(b"b", "b")
    bucket.upload_local_file(folder / "a", "c")
    _sync(LocalFolder(str(folder)), B2Folder("holiday", "", api))
    assert {each.file_name: each.file_info["by"] for each, _ in bucket.ls()} == {"a": "me", "b": "me", "c": "me"}


# -- what is set on a raw api or a session


@pytest.mark.parametrize("where", ["raw", "RawSimulator", "session", "B2Session"])
def test_a_method_that_was_set_is_called_and_forgotten_with_the_patch(where: str, folder: Path) -> None:
    raw, api, bucket = _made()
    bucket.upload_bytes(b"there", "old")
    _put(folder, "a", b"a")
    target = {"raw": raw, "RawSimulator": RawSimulator, "session": api.session, "B2Session": B2Session}[where]
    here, there = LocalFolder(str(folder)), B2Folder("holiday", "", api)
    with mock.patch.object(target, "upload_file", side_effect=ValueError("not today")) as upload:
        with pytest.raises(ValueError, match="not today"):
            bucket.upload_bytes(b"b", "b")
        with pytest.raises(IncompleteSync):
            _sync(here, there)
    assert upload.call_count == 2
    with mock.patch.object(target, "list_buckets", return_value={"buckets": []}):
        assert api.list_buckets() == []
    assert [each.name for each in api.list_buckets()] == ["holiday"]
    assert _sync(here, there) == ["upload a", "1/1 files, 1/1 bytes"]
    assert _versions(bucket) == [("a", "upload"), ("old", "upload")]


def test_a_method_may_be_set_without_mock() -> None:
    _, api, _ = _made()
    original = RawSimulator.list_buckets
    try:
        RawSimulator.list_buckets = lambda self, *_args, **_named: {"buckets": []}  # type: ignore[method-assign]
        assert api.list_buckets() == []
    finally:
        RawSimulator.list_buckets = original  # type: ignore[method-assign]
    assert len(api.list_buckets()) == 1


def test_the_raw_api_of_the_real_b2_can_be_patched_by_its_public_name() -> None:
    """Nobody listens at this address: all that is asked for is answered by the patches."""
    allowed = {"bucketId": None, "bucketName": None, "capabilities": ["listBuckets"], "namePrefix": None}
    said = {
        "accountId": "1", "authorizationToken": "t", "apiUrl": "http://127.0.0.1:9", "recommendedPartSize": 100_000_000,
        "downloadUrl": "http://127.0.0.1:9", "absoluteMinimumPartSize": 5_000_000, "allowed": allowed,
    }  # fmt: skip
    api = B2Api(InMemoryAccountInfo())
    with (
        mock.patch("b2pure.v1.B2RawApi.authorize_account", return_value=said),
        mock.patch("b2pure.v1.B2RawApi.list_buckets", autospec=True, return_value={"buckets": []}) as listed,
    ):
        api.authorize_account("production", "1", "k")
        assert api.list_buckets() == []
    assert isinstance(listed.call_args.args[0], B2RawApi)
    assert listed.call_args.args[1:] == ("http://127.0.0.1:9", "t", "1")


def test_an_error_of_a_patch_is_tried_again_if_that_can_help() -> None:
    raw, _, bucket = _made()
    answers = iter([ServiceError("busy"), None])

    def busy(*args: Any) -> Any:
        error = next(answers)
        if error is not None:
            raise error
        return RawSimulator.upload_file(raw, *args)

    with mock.patch.object(raw, "upload_file", side_effect=busy) as upload:
        assert bucket.upload_bytes(b"there", "a").size == 5
    assert upload.call_count == 2


def test_a_session_s_upload_finds_its_url_itself() -> None:
    """Programs neither ask for a URL that nobody uses, nor keep one that is none."""
    raw, api, bucket = _made()
    with (
        mock.patch.object(api.session, "upload_file", wraps=api.session.upload_file) as upload,
        mock.patch.object(raw, "get_upload_url", wraps=raw.get_upload_url) as asked,
    ):
        for name in ("a", "b", "c"):
            bucket.upload_bytes(b"there", name)
    assert [each.args[:3] for each in upload.call_args_list] == [(bucket.id_, name, 5) for name in ("a", "b", "c")]
    assert asked.call_count == 1
    assert api.account_info.take_bucket_upload_url(bucket.id_)[0] is not None
    assert api.account_info.take_bucket_upload_url(bucket.id_) == (None, None)


def test_parts_that_go_by_the_session() -> None:
    _, api, bucket = _made()
    with mock.patch.object(api.session, "upload_part", wraps=api.session.upload_part) as part:
        made = bucket.upload_bytes(b"x" * 500, "large")
    assert sorted(each.args[1] for each in part.call_args_list) == [1, 2]
    assert all(each.args[0] == made.id_ for each in part.call_args_list)
    assert _content(bucket, "large") == b"x" * 500


def test_a_patch_that_ends_in_the_middle_of_a_job_is_forgotten_for_the_rest(folder: Path) -> None:
    raw, api, bucket = _made()
    for name in ("a", "b", "c"):
        _put(folder, name, b"x")
    patch = mock.patch.object(raw, "upload_file")
    method = patch.start()

    def once(*args: Any) -> Any:
        patch.stop()
        return raw.upload_file(*args)

    method.side_effect = once
    _sync(LocalFolder(str(folder)), B2Folder("holiday", "", api))
    assert method.call_count == 1
    assert [name for name, _ in _versions(bucket)] == ["a", "b", "c"]


def test_whoever_authorizes_calls_the_session_and_an_expired_token_the_raw_api() -> None:
    raw, api, _ = _made()
    session = api.session
    with (
        mock.patch.object(session, "authorize_account", wraps=session.authorize_account) as by_session,
        mock.patch.object(raw, "authorize_account", wraps=raw.authorize_account) as by_raw,
    ):
        assert api.authorize_automatically()
        assert (by_session.call_count, by_raw.call_count) == (1, 1)
        raw.expire_auth_token(str(api.account_info.get_account_auth_token()))
        assert [each.name for each in api.list_buckets()] == ["holiday"]
        assert (by_session.call_count, by_raw.call_count) == (1, 2)


def test_a_session_of_ones_own_and_a_raw_api_in_the_place_of_another() -> None:
    class Quiet(B2Session):
        def list_file_names(self, *args: Any, **kwargs: Any) -> Any:
            return {"files": [], "nextFileName": None}

    raw, api, bucket = _made()
    bucket.upload_bytes(b"there", "a")
    plain = api.session
    api.session = Quiet(plain.account_info, raw_api=raw)
    assert list(bucket.ls()) == []
    api.session = plain

    class Empty(RawSimulator):
        def list_file_names(self, *args: Any, **kwargs: Any) -> Any:
            return {"files": [], "nextFileName": None}

    api.session.raw_api = Empty()
    assert list(bucket.ls()) == []
    api.session.raw_api = raw
    assert [each.file_name for each, _ in bucket.ls()] == ["a"]


# -- sources, destinations and scan policies


def _gold() -> io.BytesIO:
    return io.BytesIO(b"gold")


@pytest.mark.parametrize("where", ["object", "class"])
@pytest.mark.parametrize("make", [lambda path: UploadSourceBytes(b"sand"), UploadSourceLocalFile])
def test_a_source_whose_open_is_replaced_is_opened_by_that(
    tmp_path: Path, make: Callable[[Any], UploadSourceBytes | UploadSourceLocalFile], where: str
) -> None:
    (tmp_path / "sand").write_bytes(b"sand")
    _, _, bucket = _made()
    source = make(tmp_path / "sand")
    with mock.patch.object(source if where == "object" else type(source), "open", side_effect=_gold):
        bucket.upload(source, "beach")
    assert _content(bucket, "beach") == b"gold"
    bucket.upload(source, "beach")
    assert _content(bucket, "beach") == b"sand"


@pytest.mark.parametrize("where", ["object", "class"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_destination_whose_context_is_replaced_gets_its_bytes_there(
    tmp_path: Path, where: str, wrapped: bool
) -> None:
    _, _, bucket = _made()
    bucket.upload_bytes(b"sand", "beach")
    path, elsewhere = tmp_path / "beach", io.BytesIO()
    dest: Any = DownloadDestLocalFile(path)
    if wrapped:
        dest = DownloadDestProgressWrapper(dest, DoNothingProgressListener())
    place = dest if where == "object" else type(dest)
    with mock.patch.object(place, "make_file_context", return_value=nullcontext(elsewhere)):
        bucket.download_file_by_name("beach", dest)
    assert (elsewhere.getvalue(), path.exists()) == (b"sand", False)
    bucket.download_file_by_name("beach", dest)
    assert path.read_bytes() == b"sand"


@pytest.mark.parametrize("where", ["object", "class"])
def test_the_hooks_of_destinations_are_called(tmp_path: Path, where: str) -> None:
    """With what b2sdk gives them."""
    _, _, bucket = _made()
    bucket.upload_bytes(b"sand", "beach", file_infos={"src_last_modified_millis": "5000"})
    path, elsewhere = tmp_path / "beach", io.BytesIO()
    path.write_bytes(b"0123456789")
    placed = PreSeekedDownloadDest(path, 3)
    assert isinstance(placed, DownloadDestLocalFile)
    on: object = placed if where == "object" else PreSeekedDownloadDest
    with mock.patch.object(on, "write_to_local_file_context", return_value=nullcontext(elsewhere)) as hook:
        bucket.download_file_by_name("beach", placed)
    hook.assert_called_once_with(5000)
    assert (elsewhere.getvalue(), path.read_bytes()) == (b"sand", b"0123456789")
    wrapper, elsewhere = DownloadDestProgressWrapper(placed, DoNothingProgressListener()), io.BytesIO()
    on = wrapper if where == "object" else DownloadDestProgressWrapper
    with mock.patch.object(on, "write_file_and_report_progress_context", return_value=nullcontext(elsewhere)) as hook:
        bucket.download_file_by_name("beach", wrapper)
    (told,) = (call.args for call in hook.call_args_list)
    assert (told[1:3], told[6:]) == (("beach", 4), (5000, None))
    assert (elsewhere.getvalue(), path.read_bytes()) == (b"sand", b"0123456789")
    bucket.download_file_by_name("beach", wrapper)
    assert path.read_bytes() == b"012sand789"


class _Loud(PreSeekedDownloadDest):
    """Goes on with what its class does, as subclasses do."""

    @contextmanager
    def write_to_local_file_context(self, *args: Any, **kwargs: Any) -> Iterator[IO[bytes]]:
        with super().write_to_local_file_context(*args, **kwargs) as file:
            file.write(b"LOUD")
            yield file


def test_a_subclass_goes_on_with_what_its_class_does(tmp_path: Path) -> None:
    _, _, bucket = _made()
    bucket.upload_bytes(b"sand", "beach", file_infos={"src_last_modified_millis": "5000"})
    (tmp_path / "beach").write_bytes(b"0123456789")
    bucket.download_file_by_name("beach", _Loud(tmp_path / "beach", 1))
    assert (tmp_path / "beach").read_bytes() == b"0LOUDsand9"
    assert (tmp_path / "beach").stat().st_mtime == 5


@pytest.mark.parametrize("where", ["object", "class"])
def test_scan_policies_whose_answer_is_replaced_are_asked(folder: Path, where: str) -> None:
    _, api, bucket = _made()
    _put(folder, "a", b"a")
    _put(folder, "b", b"b")
    policies = ScanPoliciesManager()
    with mock.patch.object(
        policies if where == "object" else ScanPoliciesManager, "should_exclude_file", lambda *asked: asked[-1] == "a"
    ):
        _sync(LocalFolder(str(folder)), B2Folder("holiday", "", api), policies_manager=policies)
    assert _versions(bucket) == [("b", "upload")]
