"""A download of one's own is asked for whole files: what comes of it is what a range would have brought."""

from __future__ import annotations

from typing import Any, cast

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from returns.io import IO
from returns.unsafe import unsafe_perform_io

from b2pure.effects.handlers import Api
from b2pure.model.calls import DownloadFileById
from b2pure.model.ids import FileId
from b2pure.shell.v1.beginnings import BeginningOfWhole
from b2pure.shell.v1.raw_arguments import account_credential
from b2pure.v1 import B2Api, InMemoryAccountInfo, RawSimulator


class _Own(RawSimulator):
    """It remembers the ranges, and gives the content in pieces of a length of its own."""

    def __init__(self, piece: int) -> None:
        super().__init__()
        self.ranges: list[object] = []
        self._piece = piece

    def download_file_from_url(self, *args: Any, **named: Any) -> Any:
        self.ranges.append(named["range_"])
        context = super().download_file_from_url(*args, **named)
        whole = context.response.iter_content
        context.response.iter_content = lambda _: whole(self._piece)
        return context


@define
class _Sink:
    data: bytearray = field(factory=bytearray)

    def write(self, chunk: bytes | memoryview) -> None:
        self.data += chunk


def _fetched(api: Api, call: DownloadFileById, token: Any) -> tuple[Any, bytes, list[Any]]:
    sink, heard = _Sink(), list[Any]()
    answer = unsafe_perform_io(cast(IO[Any], api.fetch(call, token, sink, heard.append)))
    return answer, bytes(sink.data), heard


@given(st.binary(min_size=1, max_size=600), st.integers(1, 700), st.integers(1, 200))
def test_the_beginning_of_a_whole_is_what_its_range_brings(data: bytes, stop: int, piece: int) -> None:
    raw = _Own(piece)
    account = B2Api(InMemoryAccountInfo(), raw_api=raw)
    key = raw.create_account()
    account.authorize_account("production", *key)
    made = account.create_bucket("my-bucket", "allPublic").upload_bytes(data, "a", min_part_size=1_000)
    api, info = raw.handler("production", *key), account.account_info
    token = account_credential(info.get_api_url(), info.get_account_auth_token(), info.get_download_url())
    call = DownloadFileById(FileId(made.id_ or ""), f"bytes=0-{stop - 1}")
    ranged, cut = _fetched(api, call, token), _fetched(BeginningOfWhole(api), call, token)
    assert ranged[0].unwrap() == cut[0].unwrap()
    assert ranged[1:] == cut[1:]
    assert cut[1] == data[:stop]
    assert raw.ranges == [(0, stop - 1), None]


@given(st.integers(1, 700))
def test_nothing_is_the_beginning_of_an_empty_file(stop: int) -> None:
    raw = _Own(10)
    account = B2Api(InMemoryAccountInfo(), raw_api=raw)
    key = raw.create_account()
    account.authorize_account("production", *key)
    made = account.create_bucket("my-bucket", "allPublic").upload_bytes(b"", "a")
    api, info = raw.handler("production", *key), account.account_info
    token = account_credential(info.get_api_url(), info.get_account_auth_token(), info.get_download_url())
    call = DownloadFileById(FileId(made.id_ or ""), f"bytes=0-{stop - 1}")
    answer, got, heard = _fetched(BeginningOfWhole(api), call, token)
    assert (answer.unwrap().content_length, got) == (0, b"")
    assert heard == [answer.unwrap()]
