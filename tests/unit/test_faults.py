"""What each fault does to a client in memory, one by one; what faults look like in writing; and latency."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any, cast, get_args

import click
import pytest
from attrs import define
from click.testing import CliRunner
from returns.io import IOFailure, IOSuccess
from returns.result import Success
from returns.unsafe import unsafe_perform_io

from b2pure.effects.bodies import Bodies
from b2pure.effects.fault_answers import error_of, fail_with, response_of
from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.fault_text import decode_script, encode_script, parse_fault, parse_random
from b2pure.effects.faults import (
    ANY_CALL,
    UPLOADS,
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    Disconnection,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Fault,
    NthFault,
    RandomFaults,
    Slow,
)
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.handlers import Chunk
from b2pure.effects.latency import Latency, LatentApi, seconds
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulator import Simulator
from b2pure.effects.simulator.content import Content, Received
from b2pure.effects.simulator.rules import Refused, checked_sha1
from b2pure.effects.strikes import FaultState, Strike, flipped, step
from b2pure.effects.wire import authorization_from
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import (
    HEX_DIGITS_AT_END,
    AuthorizeAccount,
    DownloadFileById,
    GetUploadUrl,
    HideFile,
    ListFileNames,
    UploadFile,
)
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
    describe,
)
from b2pure.model.files import LocalFact
from b2pure.model.ids import BucketId, FileId
from b2pure.model.ranges import ByteRange
from b2pure.model.sources import Blob, Body, LocalSlice
from b2pure.shell.cli_faults import fault_options, faults_of
from b2pure.testing import simulated_b2

# -- a client in bad weather


class Sink:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, chunk: Chunk) -> None:
        self.data += chunk


@define
class B2:
    """A simulated B2 with one bucket, and a client of it whose calls go wrong."""

    simulator: Simulator
    clock: SimulatedClock
    bucket: BucketId
    api: FaultyApi

    def login(self) -> Authorization:
        return authorization_from(unsafe_perform_io(self.api.send(AuthorizeAccount(), None, Bodies()).unwrap()))

    def send(self, call: Any, credential: Any) -> Any:
        return self.api.send(call, credential, Bodies())

    def error(self, call: Any, credential: Any) -> B2Error:
        error: B2Error = unsafe_perform_io(self.send(call, credential).failure())
        return error

    def url(self, token: Authorization) -> UploadUrl:
        reply = unsafe_perform_io(self.send(GetUploadUrl(self.bucket), token).unwrap())
        return UploadUrl(reply.upload_url, reply.authorization_token)

    def put(self, name: str, data: bytes = b"data") -> FileId:
        file_id = self.simulator.put(self.bucket, name, data).file_id
        assert file_id is not None
        return file_id

    def names(self) -> list[str]:
        """What is visible, by a client of its own."""
        api = plain_api(self.simulator)
        token = authorization_from(unsafe_perform_io(api.send(AuthorizeAccount(), None, Bodies()).unwrap()))
        page = unsafe_perform_io(api.send(ListFileNames(self.bucket), token, Bodies()).unwrap())
        return [file.file_name for file in page.files]


def plain_api(simulator: Simulator) -> SimulatedApi:
    return SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)


def faulty(*script: Fault) -> B2:
    clock = SimulatedClock()
    simulator = Simulator(clock.now_millis)
    api = FaultyApi(plain_api(simulator), script, clock=clock)
    return B2(simulator, clock, simulator.add_bucket("bucket-one").bucket_id, api)


def upload_of(data: bytes, digest: str = HEX_DIGITS_AT_END, body: Body | None = None) -> UploadFile:
    return UploadFile("n", "text/plain", digest, {}, body or Blob(data))


def pattern(b2: B2, call: Any, credential: Any, count: int) -> list[bool]:
    """Which of so many calls work."""
    return [isinstance(b2.send(call, credential), IOSuccess) for _ in range(count)]


def test_the_nth_call_is_answered_and_does_not_reach_b2() -> None:
    b2 = faulty(FailNth("b2_hide_file", 2, Answer(429, retry_after=1)))
    for name in "abc":
        b2.put(name)
    token = b2.login()
    answers = [b2.send(HideFile(b2.bucket, name), token) for name in "abc"]
    assert [isinstance(answer, IOSuccess) for answer in answers] == [True, False, True]
    assert answers[1] == IOFailure(Throttled(1.0))
    assert b2.names() == ["b"]


def test_a_cap_holds_from_its_first_call_until_it_is_lifted() -> None:
    cap = FailNth("b2_get_upload_url", 2, Answer(403, "storage_cap_exceeded"), times=None)
    b2 = faulty(cap)
    token = b2.login()
    assert pattern(b2, GetUploadUrl(b2.bucket), token, 4) == [True, False, False, False]
    assert b2.error(GetUploadUrl(b2.bucket), token) == CapExceeded("storage_cap_exceeded", "")
    b2.api.lift(cap)
    assert pattern(b2, GetUploadUrl(b2.bucket), token, 2) == [True, True]


def test_a_fault_may_strike_several_calls() -> None:
    b2 = faulty(FailNth("b2_list_file_names", 2, Answer(503), times=2))
    assert pattern(b2, ListFileNames(b2.bucket), b2.login(), 5) == [True, False, False, True, True]


@pytest.mark.parametrize(("how", "kind"), [("refused", "connect"), ("reset", "broken"), ("silent", "timeout")])
def test_a_connection_fails_before_anything_is_read(how: Disconnection, kind: str) -> None:
    b2 = faulty(Disconnect("b2_hide_file", 1, how))
    b2.put("n")
    error = b2.error(HideFile(b2.bucket, "n"), b2.login())
    assert isinstance(error, Transport)
    assert error.kind == kind
    assert b2.names() == ["n"]


def test_a_dropped_reply_took_effect() -> None:
    b2 = faulty(DropReplyAfterCommit("b2_hide_file", 1))
    b2.put("n")
    assert b2.error(HideFile(b2.bucket, "n"), b2.login()) == Transport("broken", "the reply was lost")
    assert b2.names() == []


def test_a_slow_call_takes_time_and_works() -> None:
    b2 = faulty(Slow("b2_list_file_names", 1, 2.5))
    token, before = b2.login(), b2.clock.now_millis()
    assert pattern(b2, ListFileNames(b2.bucket), token, 2) == [True, True]
    assert b2.clock.now_millis() - before == 2500


@pytest.mark.parametrize("fault", [Slow(ANY_CALL, 1, 1.0), RandomFaults(1, 1, ("slow",))])
def test_slowness_needs_a_clock(fault: Fault) -> None:
    with pytest.raises(ValueError, match="clock"):
        FaultyApi(plain_api(Simulator(SimulatedClock().now_millis)), (fault,))


def test_an_upload_that_is_cut_stores_nothing_and_spoils_its_url() -> None:
    b2 = faulty(CutUpload(nth=1, after_bytes=3))
    token = b2.login()
    url, other = b2.url(token), b2.url(token)
    assert isinstance(b2.error(upload_of(b"data"), url), Transport)
    assert b2.names() == []
    assert b2.error(upload_of(b"data"), url) == Unauthorized(
        "expired_auth_token", "the authorization token has expired"
    )
    assert isinstance(b2.send(upload_of(b"data"), other), IOSuccess)


def test_an_upload_that_is_no_longer_than_the_cut_is_whole() -> None:
    b2 = faulty(CutUpload(nth=1, after_bytes=4))
    assert isinstance(b2.send(upload_of(b"data"), b2.url(b2.login())), IOSuccess)


@pytest.mark.parametrize("digest", [HEX_DIGITS_AT_END, sha1(b"data").hexdigest()], ids=["at end", "ahead"])
def test_an_upload_that_is_corrupted_on_its_way_is_refused(digest: str) -> None:
    b2 = faulty(CorruptUpload(nth=1, at_byte=3), CorruptUpload(nth=2, at_byte=4))
    token = b2.login()
    error = b2.error(upload_of(b"data", digest), b2.url(token))
    assert isinstance(error, Rejected)
    assert "sha1 did not match" in error.message.lower()
    assert b2.names() == []
    assert isinstance(b2.send(upload_of(b"data", digest), b2.url(token)), IOSuccess), "there is no byte to be flipped"


def test_digits_that_are_spoiled_on_their_way_are_another_digest() -> None:
    """They are the last bytes that are sent, and as good a place for it as any."""
    content, digest = cast(Content, None), sha1(b"data").hexdigest()  # nobody looks at it
    with pytest.raises(Refused) as refused:
        checked_sha1(HEX_DIGITS_AT_END, Received(content, digest, "", "z" * 40))
    assert "sha1 did not match" in describe(refused.value.error).lower()
    with pytest.raises(Refused) as refused:
        checked_sha1("z" * 40, Received(content, digest, ""))
    assert "40 hex digits" in describe(refused.value.error)


def test_a_local_file_that_fails_while_it_would_be_corrupted_is_what_failed() -> None:
    b2 = faulty(CorruptUpload(nth=1))
    body = LocalSlice("here", ByteRange(0, 4), LocalFact(4, 0))
    assert b2.error(upload_of(b"", body=body), b2.url(b2.login())) == LocalFailure(
        "read", "here", "this job has no local folder"
    )


def test_a_download_is_cut() -> None:
    b2 = faulty(CutDownload(nth=1, after_bytes=3), CutDownload(nth=2, after_bytes=7))
    file = b2.put("n", b"0123456")
    token, first, second = b2.login(), Sink(), Sink()
    assert isinstance(b2.api.fetch(DownloadFileById(file), token, first), IOFailure)
    assert isinstance(b2.api.fetch(DownloadFileById(file), token, second), IOSuccess)
    assert (first.data, second.data) == (b"012", b"0123456")


def test_a_download_is_corrupted_and_its_headers_are_not() -> None:
    b2 = faulty(CorruptDownload(nth=1, at_byte=2), CorruptDownload(nth=2, at_byte=7))
    file = b2.put("n", b"0123456")
    token = b2.login()
    for came in (b"0133456", b"0123456"):
        sink = Sink()
        headers = unsafe_perform_io(b2.api.fetch(DownloadFileById(file), token, sink).unwrap())
        assert sink.data == came
        assert headers.content_sha1 == sha1(b"0123456").hexdigest()


def test_account_tokens_expire_and_upload_urls_stay() -> None:
    b2 = faulty(ExpireTokens(nth=3))
    token = b2.login()
    url = b2.url(token)
    error = b2.error(ListFileNames(b2.bucket), token)
    assert isinstance(error, Unauthorized)
    assert error.code == "expired_auth_token"
    assert isinstance(b2.api.fetch(DownloadFileById(b2.put("m")), token, Sink()), IOFailure)
    assert isinstance(b2.send(upload_of(b"data"), url), IOSuccess)
    assert isinstance(b2.send(ListFileNames(b2.bucket), b2.login()), IOSuccess)


def test_upload_tokens_expire_and_account_tokens_stay() -> None:
    b2 = faulty(ExpireTokens(UPLOADS, 1, "upload"))
    token = b2.login()
    assert isinstance(b2.error(upload_of(b"data"), b2.url(token)), Unauthorized)
    assert isinstance(b2.send(upload_of(b"data"), b2.url(token)), IOSuccess)


def test_all_tokens_expire() -> None:
    b2 = faulty(ExpireTokens(nth=3, tokens="all"))
    token = b2.login()
    url = b2.url(token)
    assert isinstance(b2.error(upload_of(b"data"), url), Unauthorized)
    assert isinstance(b2.error(ListFileNames(b2.bucket), token), Unauthorized)


def test_what_strikes_one_call_together() -> None:
    script: tuple[Fault, ...] = (
        Slow(ANY_CALL, 1, 1.0),
        Slow("b2_upload_file", 1, 2.0),
        CutUpload(nth=1, after_bytes=5),
        CutUpload(nth=1, after_bytes=9),
        ExpireTokens(nth=1, tokens="upload"),
        ExpireTokens(nth=1),
        FailNth("b2_upload_file", 1, Answer(500)),
        FailNth(ANY_CALL, 1, Answer(503)),
    )
    _, strike = step(script, FaultState(), "b2_upload_file")
    assert strike == Strike(expire="all", delay_seconds=3.0, answer=Answer(500), cut_upload=5)


def test_a_world_whose_cap_is_raised_goes_on() -> None:
    cap = FailNth(UPLOADS, 1, Answer(403, "cap_exceeded"), times=None)
    world = simulated_b2("bucket", faults=(cap,), seed=1)
    world.disk("here").put("a", b"one", 1)
    assert not world.client.sync("here", "b2://bucket").ok
    world.lift(cap)
    assert world.client.sync("here", "b2://bucket").ok
    assert world.contents("bucket") == {"a": b"one"}
    with pytest.raises(ValueError, match="no faults"):
        simulated_b2().lift(cap)


# -- answers


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(503), Unavailable(503, "service_unavailable", "")),
        (Answer(503, "x", "m", 7), Unavailable(503, "x", "m", 7.0)),
        (Answer(429, retry_after=9, retry_after_form="date"), Throttled(9.0)),
        (Answer(502, body="<html>"), Unavailable(502, "http_502", "")),
        (Answer(401, "bad_auth_token", "m"), Unauthorized("bad_auth_token", "m")),
        (Answer(403), Rejected(403, "access_denied", "")),
        (Answer(403, "cap_exceeded"), CapExceeded("cap_exceeded", "")),
    ],
    ids=str,
)
def test_what_a_client_makes_of_an_answer(answer: Answer, error: B2Error) -> None:
    assert error_of(answer) == error


def test_an_answer_has_b2s_form_or_its_own() -> None:
    response = response_of(Answer(429, retry_after=2), 0)
    assert response.body == b'{"code":"too_many_requests","message":"","status":429}'
    assert (response.headers["retry-after"], response.headers["content-length"]) == ("2", "54")
    dated = response_of(Answer(502, retry_after=2, retry_after_form="date", body="<h1>"), 1_000)
    assert (dated.body, dated.headers["content-type"]) == (b"<h1>", "text/html")
    assert dated.headers["retry-after"] == "Thu, 01 Jan 1970 00:00:03 GMT"


@pytest.mark.parametrize("error", [Corrupt("a", "b", "c"), LocalFailure("a", "b", "c"), Transport("protocol", "x")])
def test_what_no_server_says_is_no_fault(error: B2Error) -> None:
    with pytest.raises(ValueError):
        fail_with("b2_upload_file", 1, error)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FailNth("b2_upload_file", 0, Answer(503)), "nth counts from 1"),
        (lambda: FailNth("b2_upload_file", 1, Answer(503), times=0), "times is 1 or more"),
        (lambda: FailNth("b2_upload_fil", 1, Answer(503)), "is it b2_upload_file?"),
        (lambda: CutUpload(ANY_CALL, 1, 3), "strikes only b2_upload_file and b2_upload_part"),
        (lambda: CorruptDownload("b2_list_buckets", 1, 3), "strikes only b2_download"),
        (lambda: CutDownload(nth=1, after_bytes=-1), "afterBytes"),
        (lambda: CorruptUpload(nth=1, at_byte=-1), "atByte"),
        (lambda: Slow(ANY_CALL, 1, float("nan")), "seconds"),
        (lambda: Answer(200), "300 to 599"),
        (lambda: Answer(503, retry_after=-1), "retryAfter"),
        (lambda: Answer(503, "code", body="<html>"), "no code"),
        (lambda: RandomFaults(1, 0), "oneIn"),
        (lambda: RandomFaults(1, 1, ()), "kinds"),
        (lambda: RandomFaults(1, 1, call_name="nothing"), "no call nothing"),
    ],
)
def test_a_fault_that_could_never_strike_is_no_fault(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        make()


@pytest.mark.parametrize("fault", get_args(NthFault))
def test_the_arguments_of_a_fault_begin_with_the_call_and_the_number(fault: Any) -> None:
    """As its words do; and a number in the place of the call is no fault of another meaning."""
    assert fault.__struct_fields__[:2] == ("call_name", "nth")
    details = {FailNth: (Answer(503),), Slow: (1.0,), CutUpload: (5,), CutDownload: (5,)}.get(fault, ())
    name = "b2_upload_part" if fault in (CutUpload, CorruptUpload) else "b2_download_file_by_id"
    made = fault(name, 3, *details)
    assert (made.call_name, made.nth) == (name, 3)
    assert '"nth":3' in encode_script((made,)).decode()
    with pytest.raises(ValueError, match="call_name"):
        fault(3, name, *details)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CutUpload(after_bytes=1), "nth counts from 1"),
        (lambda: CutDownload(nth=1), "afterBytes is 0 or more"),
        (lambda: CorruptUpload(), "nth counts from 1"),
        (lambda: ExpireTokens(), "nth counts from 1"),
    ],
)
def test_what_a_fault_cannot_be_without_is_asked_for(make: Callable[[], Fault], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_bit_is_flipped_where_there_is_one() -> None:
    assert [flipped(b"ab", at) for at in (-1, 0, 1, 2)] == [b"ab", b"`b", b"ac", b"ab"]


# -- in writing


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("b2_upload_file:3:503", FailNth("b2_upload_file", 3, Answer(503))),
        ("b2_list_file_names:1:429:retry-after=2", FailNth("b2_list_file_names", 1, Answer(429, retry_after=2))),
        ("*:1:503:retry-date=2", FailNth("*", 1, Answer(503, retry_after=2, retry_after_form="date"))),
        ("*:1:400:code=x:message=a: b=c", FailNth("*", 1, Answer(400, "x", "a: b=c"))),
        ("*:1:502:body=<a>:message=", FailNth("*", 1, Answer(502, body="<a>:message="))),
        (
            "b2_upload_*:5+:storage_cap_exceeded",
            FailNth(UPLOADS, 5, Answer(403, "storage_cap_exceeded", "the cap is reached"), times=None),
        ),
        ("b2_upload_part:3-5:reset", Disconnect("b2_upload_part", 3, "reset", times=3)),
        ("*:1:refuse", Disconnect("*", 1, "refused")),
        ("*:1:silent", Disconnect("*", 1, "silent")),
        ("*:1:slow=0.5", Slow("*", 1, 0.5)),
        ("b2_upload_file:2:drop-reply", DropReplyAfterCommit("b2_upload_file", 2)),
        ("b2_download_file_by_name:1:cut=1000", CutDownload("b2_download_file_by_name", 1, 1000)),
        ("b2_upload_*:1:cut=1000", CutUpload(nth=1, after_bytes=1000)),
        ("b2_download_*:1:corrupt=7", CorruptDownload(nth=1, at_byte=7)),
        ("b2_upload_part:1:corrupt=7", CorruptUpload("b2_upload_part", 1, 7)),
        ("*:10:expire-tokens", ExpireTokens(nth=10)),
        ("*:10:expire-upload-tokens", ExpireTokens(nth=10, tokens="upload")),
        ("*:10:expire-all-tokens", ExpireTokens(nth=10, tokens="all")),
    ],
)
def test_the_words_of_a_fault(text: str, fault: Fault) -> None:
    assert parse_fault(text) == Success(fault)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "CALL:NTH:WHAT"),
        ("b2_upload_file:503", "CALL:NTH:WHAT"),
        ("b2_upload_files:1:503", "is it b2_upload_file?"),
        ("*:x:503", "NTH is a whole number, not 'x'"),
        ("*:5-3:503", "ends before it begins"),
        ("*:1:200", "300 to 599"),
        ("*:1:5x3", "the status is a whole number"),
        ("*:1:503:after=2", "there is no 'after=2'; there is code=, retry-after=, retry-date="),
        ("*:1:503:retry-after=1:retry-date=1", "one wish"),
        ("*:1:503:code=a:code=b", "code= is there twice"),
        ("*:1:explode", "there is no fault 'explode'; there is a status, cap_exceeded,"),
        ("*:1:reset=3", "reset has no value"),
        ("*:1:slow", "slow needs a value"),
        ("*:1:slow=inf", "slow is a number of seconds"),
        ("*:1:cut=3", "strikes only b2_download"),
    ],
)
def test_words_that_are_wrong_are_told(text: str, message: str) -> None:
    said = str(parse_fault(text).failure())
    assert repr(text) in said
    assert message in said


def test_the_words_of_random_faults() -> None:
    assert parse_random("seed=7,one-in=20") == Success(RandomFaults(7, 20))
    named = parse_random("one-in=2,seed=7,kinds=reset+drop_reply,call=b2_upload_*")
    assert named == Success(RandomFaults(7, 2, ("reset", "drop_reply"), UPLOADS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed=7", "one-in= is missing"),
        ("seed=7,one-in=0", "oneIn is 1 or more"),
        ("seed=x,one-in=2", "seed is a whole number"),
        ("seed=7,one-in=2,kinds=bad", "there is no kind 'bad'"),
        ("seed=7,many=2", "there is no 'many=2'"),
    ],
)
def test_random_faults_that_are_wrong_are_told(text: str, message: str) -> None:
    assert message in str(parse_random(text).failure())


def test_a_script_has_a_line_for_each_fault_and_says_no_defaults() -> None:
    script = (FailNth("b2_upload_file", 3, Answer(503)), CutDownload(nth=1, after_bytes=5))
    assert encode_script(script).decode().splitlines() == [
        "[",
        '  {"fault":"fail","callName":"b2_upload_file","nth":3,"answer":{"status":503}},',
        '  {"fault":"cut_download","nth":1,"afterBytes":5}',
        "]",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON at line 1"),
        ("[\n {]", "not JSON at line 2, column 3"),
        ("{}", "not a JSON array of faults: Expected `array`, got `object`"),
        ('[{"fault":"x"}]', "line 1, fault 1, fault: Invalid value 'x'"),
        ('[\n{"fault":"cut_download","nth":1,"afterBytes":5},\n{"fault":"fail"}]', "line 3, fault 2: "),
        ('[{"fault":"slow","callName":"*","nth":"1","seconds":1}]', "fault 1, nth: Expected `int`"),
        ('[{"fault":"slow","callName":"*","nth":1,"seconds":1,"more":1}]', "unknown field `more`"),
        ('[{"fault":"slow","callName":"*","nth":0,"seconds":1}]', "nth counts from 1"),
        ('[{"fault":"fail","callName":"*","nth":1,"answer":{"status":"503"}}]', "fault 1, answer.status"),
        ("[" * 100_000, "not a JSON array"),
    ],
    ids=range(10),
)
def test_a_script_that_is_wrong_is_told_where(text: str, message: str) -> None:
    assert message in str(decode_script(text.encode()).failure())


def test_a_script_that_is_no_text_is_told() -> None:
    assert "UTF-8" in str(decode_script(b'["\xff"]').failure())


# -- flags


@click.command()
@fault_options
@click.pass_context
def said(context: click.Context, /, **flags: Any) -> None:
    context.ensure_object(list).append(faults_of(**flags))


def run(*flags: str) -> tuple[list[Any], str]:
    found: list[Any] = []
    result = CliRunner().invoke(said, flags, obj=found)
    return found, result.output


def test_no_flag_is_no_fault_and_no_latency() -> None:
    assert run() == ([((), None)], "")


def test_the_flags_come_together(tmp_path: Path) -> None:
    one, two, three = Slow("*", 1, 1.0), CutDownload(nth=1, after_bytes=5), RandomFaults(1, 2)
    file = tmp_path / "faults.json"
    file.write_bytes(encode_script((one,)))
    flags = ["--fault", "b2_download_*:1:cut=5", "--faults", str(file), "--random-faults", "seed=1,one-in=2"]
    assert run(*flags, "--jitter-millis", "3")[0] == [((one, two, three), Latency(0.0, 3.0))]
    assert run("--bytes-per-second", "10")[0] == [((), Latency(bytes_per_second=10.0))]


def test_a_flag_that_is_wrong_is_named(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_bytes(b"[1]")
    assert "--fault: 'x': is CALL:NTH:WHAT" in run("--fault", "x")[1]
    assert "faults.json: is not right at line 1, fault 1" in run("--faults", str(file))[1]
    assert "--random-faults" in run("--random-faults", "x")[1]
    assert "--latency-millis" in run("--latency-millis", "nan")[1]


# -- latency


def test_how_long_a_call_takes() -> None:
    assert seconds(Latency(100, 50, 1000), 500, 0.5) == pytest.approx(0.625)
    assert seconds(Latency(100), 500, 0.5) == pytest.approx(0.1)


@pytest.mark.parametrize("values", [(-1.0, 0.0, None), (0.0, float("inf"), None), (0.0, 0.0, 0.0)])
def test_what_is_no_length_of_time_is_no_latency(values: tuple[float, float, float | None]) -> None:
    with pytest.raises(ValueError):
        Latency(*values)


def test_time_passes_with_every_call_and_its_body() -> None:
    clock = SimulatedClock()
    simulator = Simulator(clock.now_millis)
    bucket = simulator.add_bucket("bucket-one").bucket_id
    api = LatentApi(plain_api(simulator), Latency(base_millis=10, bytes_per_second=1000), clock)
    start = clock.now_millis()
    token = authorization_from(unsafe_perform_io(api.send(AuthorizeAccount(), None, Bodies()).unwrap()))
    reply = unsafe_perform_io(api.send(GetUploadUrl(bucket), token, Bodies()).unwrap())
    assert clock.now_millis() - start == 20
    file = api.send(upload_of(b"a" * 50), UploadUrl(reply.upload_url, reply.authorization_token), Bodies())
    assert clock.now_millis() - start == 20 + 60
    file_id = unsafe_perform_io(file.unwrap()).file_id
    assert file_id is not None
    api.fetch(DownloadFileById(file_id), token, Sink())
    assert clock.now_millis() - start == 20 + 60 + 60


def test_a_world_with_latency_takes_time() -> None:
    world = simulated_b2("bucket", latency=Latency(1000), seed=1)
    before = world.clock.now_millis()
    world.client.buckets().unwrap()
    assert world.clock.now_millis() - before == 2000, "one to authorize, one to list"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExpireTokens(nth=1, tokens="foo"),  # type: ignore[arg-type]
        lambda: Disconnect("*", 1, "foo"),  # type: ignore[arg-type]
        lambda: RandomFaults(1, 1, kinds=("foo",)),  # type: ignore[arg-type]
        lambda: FailNth("*", 1, 503),  # type: ignore[arg-type]
        lambda: Answer(503, retry_after_form="x"),  # type: ignore[arg-type]
        lambda: Answer("503"),  # type: ignore[arg-type]
        lambda: Answer(503, code="x\r\ny"),
    ],
)
def test_what_is_no_fault_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        make()


def test_a_board_takes_nothing_but_faults() -> None:
    with pytest.raises(TypeError, match="FailNth"):
        FaultBoard().append("503")  # type: ignore[arg-type]
