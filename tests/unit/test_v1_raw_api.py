"""The raw api of the numbered interface: over HTTP, over the simulator, and over raw apis that others wrote."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha1
from typing import Any, Final, cast

import pytest
import requests
from attrs import define, field
from returns.io import IO
from returns.unsafe import unsafe_perform_io

from b2pure.effects.faults import Answer, FailNth
from b2pure.effects.handlers import Api
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.program import ok
from b2pure.effects.requests import authorization, request, upload_request
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.threads import ThreadDriver
from b2pure.model import calls
from b2pure.model.ids import BucketId
from b2pure.model.sources import Blob
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.clock import SystemClock
from b2pure.shell.v1 import exceptions as v1
from b2pure.shell.v1.account_info import InMemoryAccountInfo
from b2pure.shell.v1.b2_http import B2Http
from b2pure.shell.v1.b2_raw_api import B2RawApi
from b2pure.shell.v1.enums import MetadataDirectiveMode
from b2pure.shell.v1.error_table import exception_of
from b2pure.shell.v1.http_callbacks import ClockSkewHook, HttpCallback
from b2pure.shell.v1.machines import AccountInfoMachines, StoredKey
from b2pure.shell.v1.raw_api import AbstractRawApi
from b2pure.shell.v1.raw_handler import RawHandler
from b2pure.shell.v1.raw_simulator import RawSimulator
from b2pure.testing.served import ServedB2

DIGITS_AT_END: Final = "hex_digits_at_end"


@define
class Here:
    """A raw api with an authorized account and a bucket."""

    raw: AbstractRawApi
    realm: str
    key_id: str
    key: str
    said: dict[str, Any] = field(init=False)
    bucket: dict[str, Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.said = self.raw.authorize_account(self.realm, self.key_id, self.key)
        self.bucket = self.raw.create_bucket(*self.account, self.said["accountId"], "my-bucket", "allPublic")

    @property
    def account(self) -> tuple[str, str]:
        return self.said["apiUrl"], self.said["authorizationToken"]

    @property
    def bucket_id(self) -> str:
        return str(self.bucket["bucketId"])

    def upload(self, name: str, data: bytes, **changes: Any) -> dict[str, Any]:
        url = self.raw.get_upload_url(*self.account, self.bucket_id)
        given = {"content_type": "text/plain", "content_sha1": sha1(data).hexdigest(), "file_infos": {"how": "well"}}
        return self.raw.upload_file(
            url["uploadUrl"],
            url["authorizationToken"],
            name,
            len(data),
            data_stream=io.BytesIO(data),
            **{**given, **changes},
        )

    def download(self, file_id: str, range_: tuple[int, int] | None = None) -> tuple[dict[str, str], bytes]:
        url = self.raw.get_download_url_by_id(self.said["downloadUrl"], file_id)
        with self.raw.download_file_from_url(self.said["authorizationToken"], url, range_) as response:
            return dict(response.headers), b"".join(response.iter_content(7))


def _over_http(server: ServedB2, module: Any = None) -> Here:
    return Here(B2RawApi(B2Http(module)), server.url, server.key_id, server.key)


def _simulated() -> Here:
    raw = RawSimulator()
    return Here(raw, "production", *raw.create_account())


@pytest.fixture(params=["http", "requests", "simulator"])
def here(request: pytest.FixtureRequest) -> Here:
    if request.param == "simulator":
        return _simulated()
    server: ServedB2 = request.getfixturevalue("b2_server")
    return _over_http(server, requests if request.param == "requests" else None)


small_parts = pytest.mark.b2(minimum_part_size=200, recommended_part_size=200)


# --- every call once, on all three


@small_parts
def test_authorizing_says_what_version_2_says(here: Here) -> None:
    assert here.said.keys() >= {"accountId", "authorizationToken", "apiUrl", "downloadUrl", "allowed"}
    assert (
        here.said["recommendedPartSize"] == here.said["minimumPartSize"] == here.said["absoluteMinimumPartSize"] == 200
    )
    assert here.said["allowed"].keys() == {"bucketId", "bucketName", "capabilities", "namePrefix"}
    with pytest.raises(v1.Unauthorized):
        here.raw.authorize_account(here.realm, here.key_id, "wrong")


@small_parts
def test_buckets(here: Here) -> None:
    account_id = here.said["accountId"]
    rule = {"fileNamePrefix": "a", "daysFromHidingToDeleting": 1, "daysFromUploadingToHiding": None}
    cors = {"corsRuleName": "ruler1", "allowedOrigins": ["*"], "allowedOperations": ["s3_get"], "maxAgeSeconds": 3600}
    updated = here.raw.update_bucket(
        *here.account, account_id, here.bucket_id, "allPrivate", {"a": "b"}, [cors], [rule], if_revision_is=1
    )
    assert (updated["bucketType"], updated["bucketInfo"], updated["revision"]) == ("allPrivate", {"a": "b"}, 2)
    assert updated["lifecycleRules"][0].items() >= rule.items()
    assert updated["corsRules"][0].items() >= cors.items()
    with pytest.raises(v1.Conflict):
        here.raw.update_bucket(*here.account, account_id, here.bucket_id, "allPublic", if_revision_is=1)
    only = here.raw.update_bucket(*here.account, account_id, here.bucket_id, lifecycle_rules=[])
    assert (only["lifecycleRules"], only["bucketInfo"]) == ([], {"a": "b"})
    names = {each["bucketName"] for each in here.raw.list_buckets(*here.account, account_id)["buckets"]}
    assert names == {"my-bucket"}
    assert here.raw.list_buckets(*here.account, account_id, bucket_name="other-one")["buckets"] == []
    with pytest.raises(v1.DuplicateBucketName, match="my-bucket"):
        here.raw.create_bucket(*here.account, account_id, "my-bucket", "allPublic")
    with pytest.raises(v1.InvalidArgument, match="cors_rules"):
        here.raw.create_bucket(*here.account, account_id, "a-bucket", "allPublic", cors_rules=[{"nonsense": 1}])
    assert here.raw.delete_bucket(*here.account, account_id, here.bucket_id)["bucketId"] == here.bucket_id


@small_parts
def test_keys(here: Here) -> None:
    account_id = here.said["accountId"]
    made = here.raw.create_key(
        *here.account, account_id, ["listFiles", "readFiles"], "a-key", 1000, here.bucket_id, "pre/"
    )
    assert made["bucketId"] == here.bucket_id
    listed = here.raw.list_keys(*here.account, account_id, 10)
    assert [key["applicationKeyId"] for key in listed["keys"]] == [made["applicationKeyId"]]
    assert "applicationKey" not in listed["keys"][0]
    said = here.raw.authorize_account(here.realm, made["applicationKeyId"], made["applicationKey"])
    allowed = said["allowed"]
    assert (allowed["bucketId"], allowed["bucketName"], allowed["namePrefix"]) == (here.bucket_id, "my-bucket", "pre/")
    with pytest.raises(v1.Unauthorized):
        here.raw.get_upload_url(said["apiUrl"], said["authorizationToken"], here.bucket_id)
    assert here.raw.delete_key(*here.account, made["applicationKeyId"])["keyName"] == "a-key"


@small_parts
def test_small_files(here: Here) -> None:
    made = here.upload("dir/été.txt", b"hello world")
    assert (made["fileName"], made["contentLength"], made["action"]) == ("dir/été.txt", 11, "upload")
    found = here.raw.get_file_info(*here.account, made["fileId"])
    assert (found["contentSha1"], found["fileInfo"]) == (sha1(b"hello world").hexdigest(), {"how": "well"})
    headers, data = here.download(made["fileId"])
    assert data == b"hello world"
    assert headers["x-bz-file-id"] == made["fileId"]
    _, middle = here.download(made["fileId"], (2, 4))
    assert middle == b"llo"
    by_name = here.raw.get_download_url_by_name(here.said["downloadUrl"], "my-bucket", "dir/été.txt")
    with here.raw.download_file_from_url(None, by_name) as response:
        assert b"".join(response.iter_content(100)) == b"hello world"
    anybody = here.raw.get_download_url_by_id(here.said["downloadUrl"], made["fileId"])
    with here.raw.download_file_from_url(None, anybody) as response:
        assert b"".join(response.iter_content()) == b"hello world"
    copied = here.raw.copy_file(*here.account, made["fileId"], "copy", (0, 4))
    assert copied["contentLength"] == 5
    typed = here.raw.copy_file(
        *here.account, made["fileId"], "typed", None, MetadataDirectiveMode.REPLACE, "a/b", {"x": "y"}
    )
    assert (typed["contentType"], typed["fileInfo"]) == ("a/b", {"x": "y"})
    hidden = here.raw.hide_file(*here.account, here.bucket_id, "copy")
    assert hidden["action"] == "hide"
    names = here.raw.list_file_names(*here.account, here.bucket_id, max_file_count=1)
    assert [file["fileName"] for file in names["files"]] == ["dir/été.txt"]
    rest = here.raw.list_file_names(*here.account, here.bucket_id, names["nextFileName"], 10)
    assert [file["fileName"] for file in rest["files"]] == ["typed"]
    versions = here.raw.list_file_versions(*here.account, here.bucket_id, prefix="copy")["files"]
    assert [version["action"] for version in versions] == ["hide", "upload"]
    gone = here.raw.delete_file_version(*here.account, copied["fileId"], "copy")
    assert gone == {"fileId": copied["fileId"], "fileName": "copy"}
    with pytest.raises(v1.FileNotPresent, match="copy"):
        here.raw.delete_file_version(*here.account, copied["fileId"], "copy")


@small_parts
def test_large_files(here: Here) -> None:
    data = bytes(range(256)) * 2
    source = here.upload("source", data)
    large = here.raw.start_large_file(*here.account, here.bucket_id, "large", "text/plain", {"a": "b"})["fileId"]
    unfinished = here.raw.list_unfinished_large_files(*here.account, here.bucket_id, prefix="la")
    assert [file["fileId"] for file in unfinished["files"]] == [large]
    url = here.raw.get_upload_part_url(*here.account, large)
    digest = sha1(data[:300]).hexdigest()
    part = here.raw.upload_part(url["uploadUrl"], url["authorizationToken"], 1, 300, digest, io.BytesIO(data[:300]))
    assert (part["partNumber"], part["contentSha1"]) == (1, digest)
    copied = here.raw.copy_part(*here.account, source["fileId"], large, 2, (300, 511))
    parts = here.raw.list_parts(*here.account, large, 1, 100)["parts"]
    assert [each["contentLength"] for each in parts] == [300, 212]
    with pytest.raises(v1.B2Error):
        here.raw.finish_large_file(*here.account, large, [digest, digest])
    made = here.raw.finish_large_file(*here.account, large, [digest, copied["contentSha1"]])
    assert here.download(made["fileId"])[1] == data
    other = here.raw.start_large_file(*here.account, here.bucket_id, "never", "text/plain", {})["fileId"]
    assert here.raw.cancel_large_file(*here.account, other)["fileName"] == "never"


@small_parts
def test_a_digest_at_the_end_must_be_that_of_the_bytes(here: Here) -> None:
    data = b"streamed"
    whole = data + sha1(data).hexdigest().encode()
    made = here.upload("streamed", whole, content_sha1=DIGITS_AT_END)
    assert (made["contentLength"], made["contentSha1"]) == (8, sha1(data).hexdigest())
    with pytest.raises(v1.InvalidUploadSource, match="digest"):
        here.upload("streamed", data + b"0" * 40, content_sha1=DIGITS_AT_END)
    with pytest.raises(v1.InvalidArgument):
        here.upload("streamed", b"short", content_sha1=DIGITS_AT_END)


@small_parts
def test_a_download_authorization_is_a_token_for_downloads(here: Here) -> None:
    here.raw.update_bucket(*here.account, here.said["accountId"], here.bucket_id, "allPrivate")
    here.upload("pre/a", b"content")
    told = here.raw.get_download_authorization(*here.account, here.bucket_id, "pre/", 100)
    url = here.raw.get_download_url_by_name(here.said["downloadUrl"], "my-bucket", "pre/a")
    with here.raw.download_file_from_url(told["authorizationToken"], url) as response:
        assert b"".join(response.iter_content(3)) == b"content"
    with pytest.raises(v1.Unauthorized):
        here.raw.download_file_from_url(None, url)


@small_parts
def test_what_makes_no_sense_is_refused_before_anything_is_asked(here: Here) -> None:
    copy = here.raw.copy_file
    for more in (
        {"content_type": "a/b"},
        {"metadata_directive": MetadataDirectiveMode.COPY, "file_info": {}},
        {"metadata_directive": MetadataDirectiveMode.REPLACE},
    ):
        with pytest.raises(v1.InvalidMetadataDirective):
            copy(*here.account, "4_z", "name", **more)
    for range_ in ((-1, 3), (3, 2)):
        with pytest.raises(v1.InvalidArgument):
            copy(*here.account, "4_z", "name", range_)
    with pytest.raises(v1.UnusableFileName, match=r"\\x07"):
        here.upload("a\x07", b"")
    with pytest.raises(v1.FileNotPresent):
        here.raw.download_file_from_url(None, here.said["downloadUrl"] + "/nowhere")


def test_names_are_shown_with_numbers_for_what_does_not_print() -> None:
    raw = RawSimulator()
    assert raw.unprintable_to_hex("a\x07b\x1f\x7fé") == "a\\x07b\\x1f\\x7fé"
    raw.check_b2_filename("fine/name\\with é")
    for name in ("", "/a", "a/", "a//b", "x" * 1025):
        with pytest.raises(v1.UnusableFileName):
            raw.check_b2_filename(name)


# --- HTTP: patience and hooks


def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("b2pure.shell.v1.b2_http.sleep", waits.append)
    return waits


@pytest.mark.b2
def test_calls_are_tried_again_and_uploads_are_not(b2_server: ServedB2, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = _no_waiting(monkeypatch)
    here = _over_http(b2_server)
    b2_server.faults.extend([FailNth("b2_list_buckets", n, Answer(503)) for n in (1, 2)])
    assert here.raw.list_buckets(*here.account, here.said["accountId"])["buckets"]
    assert waits == [1.0, 1.5]
    b2_server.faults.append(FailNth("b2_upload_file", 1, Answer(503)))
    with pytest.raises(v1.ServiceError):
        here.upload("a", b"x")
    assert waits == [1.0, 1.5]


@pytest.mark.b2
def test_the_last_error_is_the_answer_and_retry_after_is_obeyed(
    b2_server: ServedB2, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = _no_waiting(monkeypatch)
    here = _over_http(b2_server)
    b2_server.faults.extend([FailNth("b2_list_buckets", n, Answer(429, retry_after=9)) for n in range(1, 6)])
    with pytest.raises(v1.TooManyRequests):
        here.raw.list_buckets(*here.account, here.said["accountId"])
    assert waits == [9.0] * 4


class Spy(HttpCallback):
    def __init__(self) -> None:
        self.seen: list[tuple[str, ...]] = []

    def pre_request(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.seen.append(("pre", method, url.rpartition("/")[2], headers["User-Agent"].partition("/")[0]))

    def post_request(self, method: str, url: str, headers: dict[str, str], response: Any) -> None:
        self.seen.append(
            ("post", method, str(response.status_code), response.headers["Content-Type"].partition(";")[0])
        )


@pytest.mark.b2
@pytest.mark.parametrize("module", [None, requests], ids=["own", "requests"])
def test_callbacks_hear_of_every_request(b2_server: ServedB2, module: Any) -> None:
    here = _over_http(b2_server, module)
    assert isinstance(here.raw, B2RawApi)
    spy = Spy()
    here.raw.b2_http.add_callback(spy)
    here.raw.list_buckets(*here.account, here.said["accountId"])
    api = here.raw.handler(b2_server.url, b2_server.key_id, b2_server.key)
    assert ok(_run(api, authorization(RetryPolicy())))
    assert spy.seen == [
        ("pre", "POST", "b2_list_buckets", "b2pure"),
        ("post", "POST", "200", "application/json"),
        ("pre", "GET", "b2_authorize_account", "b2pure"),
        ("post", "GET", "200", "application/json"),
    ]


class Veto(HttpCallback):
    def __init__(self, error: Exception) -> None:
        self.error, self.calls = error, 0

    def pre_request(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.calls += 1
        raise self.error


@pytest.mark.b2
@pytest.mark.parametrize("error", [v1.B2HttpCallbackPreRequestException("no"), v1.BadDateFormat("soon")])
def test_what_a_callback_raises_comes_out_and_is_not_tried_again(b2_server: ServedB2, error: Exception) -> None:
    """From the methods, and through a program: as the exception that it was."""
    here = _over_http(b2_server)
    assert isinstance(here.raw, B2RawApi)
    veto = Veto(error)
    here.raw.b2_http.add_callback(veto)
    with pytest.raises(type(error)) as raised:
        here.raw.list_buckets(*here.account, here.said["accountId"])
    assert raised.value is error
    with pytest.raises(type(error)):
        here.raw.b2_http.get_content(here.said["downloadUrl"], {})
    failed = _run(here.raw.handler(b2_server.url, b2_server.key_id, b2_server.key), authorization(RetryPolicy()))
    assert exception_of(failed.failure()) is error
    assert veto.calls == 3


@pytest.mark.b2
@pytest.mark.parametrize(("seconds", "way"), [(700, "ahead of"), (-700, "behind")])
def test_a_clock_that_is_wrong_fails_requests(
    b2_server: ServedB2, monkeypatch: pytest.MonkeyPatch, seconds: int, way: str
) -> None:
    here = _over_http(b2_server)
    now = time.time
    monkeypatch.setattr("b2pure.shell.v1.http_callbacks.time", lambda: now() + seconds)
    with pytest.raises(v1.ClockSkew, match=rf"local clock is [67]\d\d seconds {way} server"):
        here.raw.list_buckets(*here.account, here.said["accountId"])
    unhooked = B2RawApi(B2Http(install_clock_skew_hook=False))
    assert unhooked.list_buckets(*here.account, here.said["accountId"])["buckets"]


@define
class Dated:
    headers: dict[str, str]


def test_the_clock_hook_reads_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = ClockSkewHook()
    monkeypatch.setattr("b2pure.shell.v1.http_callbacks.time", lambda: 1481921450.0)  # Fri, 16 Dec 2016 20:50:50 GMT
    hook.post_request("GET", "u", {}, Dated({"Date": "Fri, 16 Dec 2016 20:50:50 GMT"}))
    hook.post_request("GET", "u", {}, Dated({"Date": "Fri, 16 Dec 2016 21:00:50 GMT"}))
    hook.post_request("GET", "u", {}, Dated({}))
    with pytest.raises(v1.ClockSkew):
        hook.post_request("GET", "u", {}, Dated({"Date": "Fri, 16 Dec 2016 21:00:51 GMT"}))
    with pytest.raises(v1.BadDateFormat, match="Date from server: yesterday"):
        hook.post_request("GET", "u", {}, Dated({"Date": "yesterday"}))


@pytest.mark.b2(buckets=["a-bucket"])
@pytest.mark.parametrize("module", [None, requests], ids=["own", "requests"])
def test_the_three_operations(b2_server: ServedB2, module: Any) -> None:
    http = B2Http(module)
    here = _over_http(b2_server)
    url, token = here.account
    asked = http.post_json_return_json(
        f"{url}/b2api/v2/b2_list_buckets", {"Authorization": token}, {"accountId": here.said["accountId"]}
    )
    assert {each["bucketName"] for each in asked["buckets"]} == {"a-bucket", "my-bucket"}
    target = here.raw.get_upload_url(*here.account, here.bucket_id)
    headers = {
        "Authorization": target["authorizationToken"],
        "Content-Type": "text/plain",
        "Content-Length": "5",
        "X-Bz-File-Name": "hello",
        "X-Bz-Content-Sha1": sha1(b"hello").hexdigest(),
    }
    made = http.post_content_return_json(target["uploadUrl"], headers, io.BytesIO(b"hello"))
    again = http.post_content_return_json(target["uploadUrl"], headers, b"hello")
    assert made["contentLength"] == again["contentLength"] == 5
    with http.get_content(f"{url}/file/my-bucket/hello", {"Range": "bytes=1-3"}) as response:
        assert response.headers["X-Bz-File-Name"] == "hello"
        assert b"".join(response.iter_content(chunk_size=2)) == b"ell"
    with pytest.raises(v1.InvalidAuthToken):
        http.post_json_return_json(f"{url}/b2api/v2/b2_list_buckets", {"Authorization": "bad"}, {"accountId": "x"})
    with pytest.raises(v1.FileNotPresent):
        http.get_content(f"{url}/file/my-bucket/nobody", {})
    http.close()


@pytest.mark.parametrize("module", [None, requests], ids=["own", "requests"])
def test_a_server_that_is_not_there(module: Any) -> None:
    """And nothing of the URL, which may be a secret, in what is said or in what led to it."""
    http = B2Http(module)
    with pytest.raises(v1.B2ConnectionError) as raised:
        http.post_content_return_json("http://127.0.0.1:1/a-secret-path", {}, b"x", try_count=1)
    error: BaseException | None = raised.value
    while error is not None:
        assert "secret" not in str(error)
        error = error.__cause__ if error.__suppress_context__ else error.__context__
    with pytest.raises(v1.UnknownHost):
        http.get_content("http://nobody.invalid/", {}, try_count=1)


# --- programs over raw apis


def _run(api: Api, program: Any, info: InMemoryAccountInfo | None = None, key: StoredKey | None = None) -> Any:
    machines = AccountInfoMachines(info or InMemoryAccountInfo(), key or StoredKey("r", "i", "k"), fresh=info is None)
    interpreter = Interpreter(api, SimulatedDisk(), SystemClock(), machines)
    with ThreadDriver(interpreter, workers=1) as driver:
        return driver.run(program)


def _apis() -> Iterator[tuple[str, Callable[[RawSimulator, str, str], Api]]]:
    yield "direct", lambda raw, key_id, key: raw.handler("production", key_id, key)
    yield "methods", lambda raw, key_id, key: RawHandler(raw, "production", key_id, key)


POLICY: Final = RetryPolicy(first_delay=0.0)
apis = pytest.mark.parametrize("make", [make for _, make in _apis()], ids=[name for name, _ in _apis()])


@apis
def test_programs_run_over_a_simulator(make: Callable[[RawSimulator, str, str], Api]) -> None:
    """Directly, and over nothing but its methods, as over a raw api that somebody wrote."""
    raw = RawSimulator()
    key_id, key = raw.create_account()
    api = make(raw, key_id, key)
    token = _run(api, authorization(POLICY)).unwrap()
    assert token.part_sizes.minimum == token.part_sizes.recommended == 200
    account = token.account_id
    bucket = _run(api, request(calls.CreateBucket(account, "my-bucket", "allPublic", {"a": "b"}), POLICY)).unwrap()
    assert bucket.bucket_info == {"a": "b"}
    bucket_id: BucketId = bucket.bucket_id
    put = calls.UploadFile("a", "t/x", DIGITS_AT_END, {"k": "v"}, Blob(b"content"))
    raw.set_upload_errors([v1.BrokenPipe(), v1.ServiceError("503"), v1.BadUploadUrl("old")])
    made = _run(api, upload_request(bucket_id, calls.GetUploadUrl(bucket_id), put, POLICY)).unwrap()
    assert (made.content_sha1, made.file_info) == (sha1(b"content").hexdigest(), {"k": "v"})
    assert _run(api, request(calls.GetFileInfo(made.file_id), POLICY)).unwrap() == made
    page = _run(api, request(calls.ListFileVersions(bucket_id, max_file_count=10), POLICY)).unwrap()
    assert page.files == (made,)
    sink = io.BytesIO()
    head = _fetched(api, calls.DownloadFileById(made.file_id, "bytes=1-3"), token, sink)
    assert (head.content_length, head.total_length, sink.getvalue()) == (3, 7, b"ont")
    by_name = io.BytesIO()
    _fetched(api, calls.DownloadFileByName("my-bucket", "a"), token, by_name)
    assert by_name.getvalue() == b"content"
    copy = calls.CopyFile(made.file_id, "b", bucket_id, "bytes=0-2", "REPLACE", "u/v", {"x": "y"})
    assert _run(api, request(copy, POLICY)).unwrap().content_type == "u/v"
    assert _run(api, request(calls.HideFile(bucket_id, "b"), POLICY)).unwrap().action == "hide"
    assert _run(api, request(calls.DeleteFileVersion("a", made.file_id), POLICY)).unwrap().file_name == "a"
    new_key = calls.CreateKey(account, ("listFiles",), "k", None, (bucket_id,), None)
    assert _run(api, request(new_key, POLICY)).unwrap().bucket_ids == (bucket_id,)
    assert _run(api, request(calls.ListKeys(account), POLICY)).unwrap().keys[0].bucket_ids == (bucket_id,)
    missing = _run(api, request(calls.GetFileInfo(made.file_id), POLICY))
    assert type(exception_of(missing.failure())) is v1.FileNotPresent


@apis
def test_large_files_go_through(make: Callable[[RawSimulator, str, str], Api]) -> None:
    raw = RawSimulator()
    api = make(raw, *raw.create_account())
    account = _run(api, authorization(POLICY)).unwrap().account_id
    bucket_id = _run(api, request(calls.CreateBucket(account, "my-bucket"), POLICY)).unwrap().bucket_id
    file_id = _run(api, request(calls.StartLargeFile(bucket_id, "l", "t/x", {}), POLICY)).unwrap().file_id
    url_call = calls.GetUploadPartUrl(file_id)
    digests = []
    for number, data in ((1, b"x" * 200), (2, b"y" * 5)):
        part = calls.UploadPart(number, sha1(data).hexdigest(), Blob(data))
        digests.append(_run(api, upload_request(file_id, url_call, part, POLICY)).unwrap().content_sha1)
    assert len(_run(api, request(calls.ListParts(file_id, 1, 100), POLICY)).unwrap().parts) == 2
    listed = _run(api, request(calls.ListUnfinishedLargeFiles(bucket_id), POLICY)).unwrap()
    assert [each.file_id for each in listed.files] == [file_id]
    made = _run(api, request(calls.FinishLargeFile(file_id, tuple(digests)), POLICY)).unwrap()
    assert made.content_length == 205


def _fetched(api: Api, call: Any, token: Any, sink: io.BytesIO) -> Any:
    return unsafe_perform_io(cast(IO[Any], api.fetch(call, token, _Kept(sink)))).unwrap()


@define
class _Kept:
    sink: io.BytesIO

    def write(self, chunk: bytes | memoryview) -> None:
        self.sink.write(chunk)


def test_programs_run_over_the_raw_simulator_of_b2sdk() -> None:
    """A raw api that nobody here wrote: it answers in other versions' forms, and has ids of its own kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import b2sdk.v1 as peer

        raw = peer.RawSimulator()
        api = RawHandler(raw, "production", *raw.create_account())
        token = _run(api, authorization(POLICY)).unwrap()
        account = token.account_id
        bucket_id = _run(api, request(calls.CreateBucket(account, "my-bucket", "allPublic"), POLICY)).unwrap().bucket_id
        put = calls.UploadFile("a", "t/x", DIGITS_AT_END, {"k": "v"}, Blob(b"content"))
        made = _run(api, upload_request(bucket_id, calls.GetUploadUrl(bucket_id), put, POLICY)).unwrap()
        page = _run(api, request(calls.ListFileVersions(bucket_id, max_file_count=10), POLICY)).unwrap()
        assert [file.file_id for file in page.files] == [made.file_id]
        sink = io.BytesIO()
        _fetched(api, calls.DownloadFileById(made.file_id, "bytes=1-3"), token, sink)
        assert sink.getvalue() == b"ont"
        file_id = _run(api, request(calls.StartLargeFile(bucket_id, "l", "t/x", {}), POLICY)).unwrap().file_id
        digests = []
        for number, data in ((1, b"x" * 300), (2, b"y")):
            part = calls.UploadPart(number, sha1(data).hexdigest(), Blob(data))
            told = _run(api, upload_request(file_id, calls.GetUploadPartUrl(file_id), part, POLICY)).unwrap()
            digests.append(told.content_sha1)
        listed = _run(api, request(calls.ListUnfinishedLargeFiles(bucket_id), POLICY)).unwrap()
        assert [(file.file_id, file.action) for file in listed.files] == [(file_id, "start")]
        large = _run(api, request(calls.FinishLargeFile(file_id, tuple(digests)), POLICY)).unwrap()
        assert large.content_length == 301
        assert _run(api, request(calls.CopyFile(made.file_id, "b"), POLICY)).unwrap().content_length == 7
        assert _run(api, request(calls.ListBuckets(account), POLICY)).unwrap().buckets[0].bucket_name == "my-bucket"
        new_key = calls.CreateKey(account, ("listFiles",), "k", None, (bucket_id,), None)
        assert _run(api, request(new_key, POLICY)).unwrap().bucket_ids == (bucket_id,)
        gone = _run(api, request(calls.DeleteFileVersion("a", made.file_id), POLICY))
        assert gone.unwrap().file_name == "a"


class Counting(RawSimulator):
    """A simulator as tests derive it: with a method of their own."""

    calls = 0

    def list_buckets(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.calls += 1
        return super().list_buckets(*args, **kwargs)


def test_a_method_in_the_place_of_one_of_these_is_used() -> None:
    """Derived, or put on the object as mocks are."""
    raw = Counting()
    key = raw.create_account()
    account = _run(raw.handler("production", *key), authorization(POLICY)).unwrap().account_id
    assert ok(_run(raw.handler("production", *key), request(calls.ListBuckets(account), POLICY)))
    assert raw.calls == 1
    plain = RawSimulator()
    plain_key = plain.create_account()
    assert not isinstance(plain.handler("production", *plain_key), RawHandler)
    plain.list_buckets = lambda *args, **kwargs: {"buckets": []}  # type: ignore[method-assign]
    listed = _run(plain.handler("production", *plain_key), request(calls.ListBuckets(account), POLICY))
    assert listed.unwrap().buckets == ()


def test_what_version_1_has_no_word_for_is_refused_by_name() -> None:
    raw = RawSimulator()
    api = RawHandler(raw, "production", *raw.create_account())
    account = _run(api, authorization(POLICY)).unwrap().account_id
    locked = _run(api, request(calls.CreateBucket(account, "my-bucket", file_lock_enabled=True), POLICY))
    assert "b2_create_bucket with file_lock_enabled" in str(exception_of(locked.failure()))
    rules = _run(api, request(calls.GetBucketNotificationRules(BucketId("b")), POLICY))
    assert "b2_get_bucket_notification_rules" in str(exception_of(rules.failure()))


def test_an_expired_token_of_a_simulator_costs_one_authorization() -> None:
    raw = RawSimulator()
    key_id, secret = raw.create_account()
    info, key = InMemoryAccountInfo(), StoredKey("production", key_id, secret)
    api = raw.handler(key.realm_url, key_id, secret)
    AccountInfoMachines(info, key, fresh=True)
    first = _run(api, authorization(POLICY), info, key).unwrap()
    assert info.get_account_auth_token() == first.token
    raw.expire_auth_token(first.token)
    assert ok(_run(api, request(calls.ListBuckets(first.account_id), POLICY), info, key))
    assert info.get_account_auth_token() != first.token
    with pytest.raises(v1.InvalidAuthToken):
        raw.list_buckets("", first.token, first.account_id)


def test_accounts_of_a_simulator_are_apart() -> None:
    raw = RawSimulator()
    one, two = (Here.__new__(Here) for _ in range(2))
    for each in (one, two):
        each.raw, each.realm = raw, "production"
        each.key_id, each.key = raw.create_account()
        each.said = raw.authorize_account("production", each.key_id, each.key)
        assert each.said["accountId"] == each.key_id
    raw.create_bucket(*one.account, one.said["accountId"], "my-bucket", "allPublic")
    assert raw.list_buckets(*two.account, two.said["accountId"])["buckets"] == []
    with pytest.raises(v1.DuplicateBucketName):
        raw.create_bucket(*two.account, two.said["accountId"], "my-bucket", "allPublic")


def test_the_errors_of_uploads_come_one_after_the_other() -> None:
    here = _simulated()
    assert isinstance(here.raw, RawSimulator)
    mine = ValueError("mine")
    here.raw.set_upload_errors([v1.BrokenPipe(), mine])
    with pytest.raises(v1.BrokenPipe):
        here.upload("a", b"x")
    with pytest.raises(ValueError, match="mine"):
        here.upload("a", b"x")
    assert here.upload("a", b"x")["fileName"] == "a"
