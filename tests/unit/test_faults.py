"""What each fault does to a client in memory, one by one."""

from __future__ import annotations

from typing import Any, NoReturn

from attrs import define
from returns.io import IOFailure, IOSuccess
from returns.unsafe import unsafe_perform_io

from b2pure.effects.faults import Answer, CutDownload, DropReplyAfterCommit, ExpireTokens, FailNth, Fault
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.effects.simulator import Simulator
from b2pure.effects.wire import authorization_from
from b2pure.model.account import Authorization
from b2pure.model.calls import AuthorizeAccount, DownloadFileById, HideFile, ListFileNames
from b2pure.model.errors import Throttled, Transport
from b2pure.model.ids import BucketId, FileId


class Sink:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, chunk: bytes) -> None:
        self.data += chunk


class NoReader:
    """No local files."""

    def read(self, slice_: object) -> NoReturn:
        raise AssertionError("no local files here")


@define
class B2:
    """A simulated B2 with one bucket, and a client of it whose calls go wrong."""

    simulator: Simulator
    bucket: BucketId
    api: FaultyApi

    def login(self) -> Authorization:
        return authorization_from(unsafe_perform_io(self.api.send(AuthorizeAccount(), None, NoReader()).unwrap()))

    def send(self, call: Any, credential: Any) -> Any:
        return self.api.send(call, credential, NoReader())

    def put(self, name: str, data: bytes = b"data") -> FileId:
        file_id = self.simulator.put(self.bucket, name, data).file_id
        assert file_id is not None
        return file_id

    def names(self) -> list[str]:
        """What is visible, by a client of its own."""
        api = plain_api(self.simulator)
        token = authorization_from(unsafe_perform_io(api.send(AuthorizeAccount(), None, NoReader()).unwrap()))
        page = unsafe_perform_io(api.send(ListFileNames(self.bucket), token, NoReader()).unwrap())
        return [file.file_name for file in page.files]


def plain_api(simulator: Simulator) -> SimulatedApi:
    return SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)


def faulty(*script: Fault) -> B2:
    simulator = Simulator(SimulatedClock().now_millis)
    api = FaultyApi(plain_api(simulator), script)
    return B2(simulator, simulator.add_bucket("bucket-one").bucket_id, api)


def test_the_nth_call_fails() -> None:
    b2 = faulty(FailNth("b2_list_file_names", 2, Answer(429, retry_after=1)))
    authorization = b2.login()
    answers = [b2.send(ListFileNames(b2.bucket), authorization) for _ in range(3)]
    assert [isinstance(answer, IOSuccess) for answer in answers] == [True, False, True]
    assert answers[1] == IOFailure(Throttled(1.0))


def test_a_dropped_reply_took_effect() -> None:
    b2 = faulty(DropReplyAfterCommit("b2_hide_file", 1))
    b2.put("n")
    answer = b2.send(HideFile(b2.bucket, "n"), b2.login())
    assert answer == IOFailure(Transport("broken", "the reply was lost"))
    assert b2.names() == []


def test_a_download_is_cut() -> None:
    b2 = faulty(CutDownload(1, 3), CutDownload(2, 7))
    file = b2.put("n", b"0123456")
    authorization, first, second = b2.login(), Sink(), Sink()
    assert isinstance(b2.api.fetch(DownloadFileById(file), authorization, first), IOFailure)
    assert isinstance(b2.api.fetch(DownloadFileById(file), authorization, second), IOSuccess)
    assert (first.data, second.data) == (b"012", b"0123456")


def test_tokens_expire_before_a_call() -> None:
    b2 = faulty(ExpireTokens(2))
    answer = b2.send(ListFileNames(b2.bucket), b2.login())
    assert isinstance(answer, IOFailure)
    assert unsafe_perform_io(answer.failure()).code == "expired_auth_token"
