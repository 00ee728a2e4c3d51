"""The decision table for failed calls, row by row: what a client does when B2, or the network, answers so.

Rules. Each row strikes real calls of a simulated B2, once, and then twice in a row, and reads off what is done: `C` the
call is sent, `u` it is sent to the upload URL of the attempt before, `U` a new upload URL is asked for, `A` the account
is authorized anew, `s` it is waited; `!` at the end is the error as it came. Looks for what a lost answer did are left
out, as are other waits than the call's own. Columns are those of Backblaze's table: uploads (files and parts),
b2_authorize_account, all other calls, downloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha1
from typing import Any, Final

import pytest
from attrs import define, field
from returns.result import Result, Success

from b2pure.effects.effect import AnyEffect, Fetch, Send, Sleep
from b2pure.effects.faults import Answer, CorruptUpload, CutUpload, Disconnect, ExpireTokens, FailNth, Fault
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program
from b2pure.effects.requests import authorization, request, upload_request
from b2pure.effects.seeded import SeededDriver
from b2pure.model.calls import (
    AuthorizeAccount,
    GetUploadPartUrl,
    GetUploadUrl,
    ListBuckets,
    StartLargeFile,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import B2Error
from b2pure.model.ids import FileId
from b2pure.model.sources import Blob
from b2pure.plan.retry import RetryPolicy
from b2pure.testing import SimulatedB2, simulated_b2

UPLOAD, PART, AUTHORIZE, OTHER, DOWNLOAD = (
    "b2_upload_file",
    "b2_upload_part",
    "b2_authorize_account",
    "b2_list_buckets",
    "b2_download_file_by_id",
)
DATA: Final = b"some bytes"
DIGEST: Final = sha1(DATA).hexdigest()

# What is done when it is struck once, and twice.
NEW_URL: Final = ("UCUC", "UCUCsUC")
"""At once with another URL; after a wait the next time."""
NEW_URL_ONCE: Final = ("UCUC", "UCUC!")
KEEPS_URL: Final = ("UCsu", "UCsusu")
BACKS_OFF: Final = ("CsC", "CsCsC")
NEW_TOKEN: Final = ("CAC", "CACsAC")
FATAL: Final = ("C!", "C!")
FATAL_UPLOAD: Final = ("UC!", "UC!")


@define
class Player:
    """A world where things go wrong, and what is done in it."""

    faults: tuple[Fault, ...]
    retry: RetryPolicy = field(factory=RetryPolicy)
    world: SimulatedB2 = field(init=False)
    played: list[str] = field(factory=list)
    waits: list[float] = field(factory=list)
    urls: list[str] = field(factory=list)
    struck: str = ""

    def __attrs_post_init__(self) -> None:
        self.world = simulated_b2(
            "bucket", faults=self.faults, seed=1, retry=self.retry, observer=self.observe, workers=1
        )

    def observe(self, moment: str, effect: AnyEffect) -> None:
        """Write down what begins."""
        if moment != "begin":
            return
        if isinstance(effect, Sleep):
            self.played.append("s")
            self.waits.append(effect.seconds)
        elif isinstance(effect, Send | Fetch) and effect.call.name == self.struck:
            url = getattr(effect.credential, "url", None)
            self.played.append("u" if url is not None and url in self.urls else "C")
            self.urls.append(url or "")
        elif isinstance(effect, Send) and isinstance(effect.call, GetUploadUrl | GetUploadPartUrl):
            self.played.append("U")
        elif isinstance(effect, Send) and isinstance(effect.call, AuthorizeAccount):
            self.played.append("A")

    def play(self, struck: str) -> str:
        """What is done when a call of this name is made."""
        self.struck = struck
        if struck == DOWNLOAD:
            return self._download()
        interpreter = Interpreter(self.world.api, self.world.disk("here"), self.world.clock, Machines())
        driver = SeededDriver(interpreter, seed=1, workers=1, observer=self.observe)
        program = self._program(struck, driver)
        self._forget()
        result = driver.run(program)
        return "".join(self.played) + ("" if isinstance(result, Success) else "!")

    def _program(self, struck: str, driver: SeededDriver) -> Program[Result[Any, B2Error]]:
        if struck == AUTHORIZE:
            return authorization(self.retry)
        account = driver.run(authorization(self.retry)).unwrap().account_id
        bucket_id = self.world.simulator.add_bucket("another-one").bucket_id
        if struck == OTHER:
            return request(ListBuckets(account), self.retry)
        if struck == UPLOAD:
            file = UploadFile("a", "text/plain", DIGEST, {}, Blob(DATA))
            return upload_request(bucket_id, GetUploadUrl(bucket_id), file, self.retry)
        started = driver.run(request(StartLargeFile(bucket_id, "a", "text/plain", {}), self.retry)).unwrap()
        file_id = FileId(str(started.file_id))
        part = UploadPart(1, DIGEST, Blob(DATA))
        return upload_request(file_id, GetUploadPartUrl(file_id), part, self.retry)

    def _download(self) -> str:
        """As a sync does it: it gives the file its place only when it is whole."""
        self.world.put("bucket", "a", DATA, 5000)
        client = self.world.client
        client.authorize().unwrap()
        self._forget()
        report = client.sync("b2://bucket", "here")
        whole = self.world.disk("here").files == {"a": (DATA, 5000)}
        assert whole == (not report.failed)
        return "".join(self.played) + ("" if whole else "!")

    def _forget(self) -> None:
        self.played.clear()
        self.waits.clear()
        self.urls.clear()


Make = Callable[[str, int], Fault]
"""What strikes the nth call of a name."""


def answer(status: int, code: str = "", message: str = "", **more: Any) -> Make:
    """B2 answers so."""
    return lambda name, nth: FailNth(name, nth, Answer(status, code, message, **more))


def broken(how: Any) -> Make:
    """The connection breaks so."""
    return lambda name, nth: Disconnect(name, nth, how)


def row(name: str, make: Make, columns: Iterable[tuple[tuple[str, ...], tuple[str, str]]]) -> list[Any]:
    """A test for each call of each column."""
    return [pytest.param(call, make, expected, id=f"{name} - {call}") for calls, expected in columns for call in calls]


_UPLOADS, _OTHERS, _REST = (UPLOAD, PART), (OTHER, DOWNLOAD), (AUTHORIZE, OTHER, DOWNLOAD)
_FATAL_EVERYWHERE = ((_UPLOADS, FATAL_UPLOAD), (_REST, FATAL))
_PASSES = ((_UPLOADS, NEW_URL), (_REST, BACKS_OFF))
_CONCURRENT = "more than one upload using auth token"

TABLE: Final = [
    # connect failure, reset, broken pipe, read timeout
    *row("no connection", broken("refused"), _PASSES),
    *row("reset", broken("reset"), _PASSES),
    *row("no answer", broken("silent"), _PASSES),
    *row("broken pipe", lambda name, nth: CutUpload(name, nth, 3), [(_UPLOADS, NEW_URL)]),
    # 401
    *(
        each
        for code in ("expired_auth_token", "bad_auth_token")
        for each in row(
            f"401 {code}",
            answer(401, code),
            [(_UPLOADS, NEW_URL), ((AUTHORIZE,), FATAL), (_OTHERS, NEW_TOKEN)],
        )
    ),
    *row("401 unauthorized", answer(401, "unauthorized"), [(_UPLOADS, NEW_URL_ONCE), (_REST, FATAL)]),
    *row("401 unsupported", answer(401, "unsupported"), _FATAL_EVERYWHERE),
    # 400
    *row("400 auth_token_limit", answer(400, "auth_token_limit", "no"), [(_UPLOADS, NEW_URL), (_REST, FATAL)]),
    *row("400 concurrent use", answer(400, "bad_request", _CONCURRENT), [(_UPLOADS, NEW_URL), (_REST, FATAL)]),
    *row("400 SHA-1 mismatch", lambda name, nth: CorruptUpload(name, nth, 0), [(_UPLOADS, NEW_URL)]),
    # other 400, 404, 405, 409, 416
    *row("400", answer(400, "bad_request", "Invalid fileId: x"), _FATAL_EVERYWHERE),
    *row("400 without JSON", answer(400, body="<html>"), _FATAL_EVERYWHERE),
    *row("404", answer(404), _FATAL_EVERYWHERE),
    *row("405", answer(405), _FATAL_EVERYWHERE),
    *row("409", answer(409), _FATAL_EVERYWHERE),
    *row("416", answer(416), _FATAL_EVERYWHERE),
    # 403 any
    *(
        each
        for code in (
            "access_denied",
            "cap_exceeded",
            "storage_cap_exceeded",
            "transaction_cap_exceeded",
            "download_cap_exceeded",
        )
        for each in row(f"403 {code}", answer(403, code), _FATAL_EVERYWHERE)
    ),
    # 408
    *row("408", answer(408), _PASSES),
    # 429
    *row("429", answer(429), [(_UPLOADS, KEEPS_URL), (_REST, BACKS_OFF)]),
    *row("429 Retry-After", answer(429, retry_after=9), [(_UPLOADS, KEEPS_URL), (_REST, BACKS_OFF)]),
    # 500 - 599
    *(
        each
        for status in (500, 501, 502, 503, 504, 599)
        for each in row(str(status), answer(status, body="busy"), _PASSES)
    ),
    *row("503 bad_request", answer(503, "bad_request", "list timed out"), _PASSES),
    *row("503 Retry-After", answer(503, retry_after=9), _PASSES),
]


@pytest.mark.parametrize(("call", "make", "expected"), TABLE)
def test_row(call: str, make: Make, expected: tuple[str, str]) -> None:
    once = Player((make(call, 1),))
    assert once.play(call) == expected[0]
    twice = Player((make(call, 1), make(call, 2)))
    assert twice.play(call) == expected[1]
    if call in (UPLOAD, PART) and expected in (NEW_URL, NEW_URL_ONCE):
        assert len(set(twice.urls)) == len(twice.urls), "a URL whose upload failed is never used again"


def test_an_upload_tries_five_urls_before_it_is_told_that_it_failed() -> None:
    player = Player(tuple(FailNth(UPLOAD, n, Answer(503)) for n in range(1, 10)))
    assert player.play(UPLOAD) == "UCUC" + "sUC" * 3 + "!"
    assert len(set(player.urls)) == 5


def test_where_the_account_token_is_dead_too_the_call_for_the_url_gets_a_new_one() -> None:
    player = Player((ExpireTokens(UPLOAD, 1, "all"),))
    assert player.play(UPLOAD) == "UCUAUC"


def test_delays_are_1_2_4_up_to_64_seconds_with_jitter() -> None:
    """Eight attempts, as the official client for Java has."""
    player = Player(tuple(FailNth(OTHER, n, Answer(500)) for n in range(1, 9)))
    assert player.play(OTHER) == "C" + "sC" * 7 + "!"
    for wait, middle in zip(player.waits, (1, 2, 4, 8, 16, 32, 64), strict=True):
        assert middle / 2 <= wait <= min(64, middle * 1.5)
    assert len({wait / 2**n for n, wait in enumerate(player.waits)}) > 1, "chance has a say"


def test_no_delay_of_our_own_is_longer_than_64_seconds() -> None:
    player = Player(tuple(FailNth(OTHER, n, Answer(500)) for n in range(1, 12)), RetryPolicy(max_attempts=12))
    assert player.play(OTHER) == "C" + "sC" * 11
    assert max(player.waits) <= 64


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize(("status", "call"), [(429, UPLOAD), (429, PART), (429, AUTHORIZE), (429, OTHER), (503, OTHER)])
def test_retry_after_is_obeyed_in_both_forms_and_the_delay_begins_anew(status: int, call: str, form: Any) -> None:
    wish = Answer(status, retry_after=9, retry_after_form=form)
    faults = (*(FailNth(call, n, Answer(429)) for n in (1, 2)), FailNth(call, 3, wish), FailNth(call, 4, Answer(429)))
    player = Player(faults)
    player.play(call)
    first, second, obeyed, anew = player.waits
    assert obeyed == 9
    assert 0.5 <= first <= 1.5
    assert 1 <= second <= 3
    assert 0.5 <= anew <= 1.5


def test_waiting_ends_with_the_time_that_the_caller_allows() -> None:
    player = Player((FailNth(OTHER, 1, Answer(503, retry_after=100)),), RetryPolicy(max_total_delay=60))
    assert player.play(OTHER) == "C!"


def test_a_cap_ends_a_whole_sync_at_once() -> None:
    """Not one call per file against an account that will take none."""
    cap = FailNth(UPLOAD, 1, Answer(403, "storage_cap_exceeded", "cap"), times=None)
    player = Player((cap,))
    for number in range(300):
        player.world.disk("here").put(f"f{number:03}", DATA, 5000)
    player.struck = UPLOAD
    report = player.world.client.sync("here", "b2://bucket")
    assert any("cap" in why for why in report.refused)
    assert player.played.count("C") <= 2
    assert "s" not in player.played
