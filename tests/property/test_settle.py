"""Laws of lost answers: a call whose reply is lost ends as if it had not been lost, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from b2pure.effects.effect import AnyEffect, HashBody, Send
from b2pure.effects.faults import Answer, Disconnect, DropReplyAfterCommit, FailNth, Fault, FaultScript
from b2pure.effects.faulty_api import FaultyApi
from b2pure.effects.handlers import Api
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.machines import Machines
from b2pure.effects.program import Program
from b2pure.effects.requests import authorization, request, upload_request
from b2pure.effects.seeded import SeededDriver
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.wire import KeyPair
from b2pure.model.calls import (
    Call,
    CancelLargeFile,
    CopyFile,
    CreateBucket,
    CreateKey,
    DeleteBucket,
    DeleteFileVersion,
    DeleteKey,
    FinishLargeFile,
    GetUploadPartUrl,
    GetUploadUrl,
    HideFile,
    ListKeys,
    StartLargeFile,
    UpdateBucket,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import B2Error, Rejected, Transport, Unavailable
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.replies import BucketReply, FileReply, KeyReply
from b2pure.model.sources import Blob
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.settle import (
    ALLOWED_SKEW_MILLIS,
    Done,
    Doubt,
    NotDone,
    Unknown,
    Uploaded,
    after_failure,
    judge_bucket_created,
    judge_bucket_updated,
    judge_copy,
    judge_hide,
    judge_upload,
    leaves_open,
    next_check,
    orphan_key,
    settles,
    startable,
    upload_candidate,
)
from b2pure.testing import SimulatedB2, simulated_b2

# Without waiting the clock stands still, so that worlds with and without faults can be compared to the millisecond.
PATIENT = RetryPolicy(max_attempts=8, max_upload_urls=8, first_delay=0.0)
HOUR = 3_600_000
DATA = b"two parts, more or less"
INFO = {"Color": "red"}


class Scene:
    """A world with a bucket, and one who makes calls in it."""

    def __init__(self, *script: Fault) -> None:
        config = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16)
        faults: FaultScript = script
        self.world: SimulatedB2 = simulated_b2("bucket", faults=faults, config=config)
        self.simulator = self.world.simulator
        master = KeyPair(self.simulator.master_key_id, self.simulator.master_key)
        self.quiet = SimulatedB2(self.simulator, self.world.clock, SimulatedApi(self.simulator, *astuple(master)), 0)
        self.bucket_id = self.quiet.bucket_id("bucket")
        self.account_id = self.simulator.account_id
        self.sent: list[str] = []

    def ask(self, call: Call[Any]) -> Any:
        """What B2 answers without faults."""
        return self.quiet.client.call(call).unwrap()

    def run(self, program: Program[Result[Any, B2Error]], *, api: Api | None = None) -> Result[Any, B2Error]:
        interpreter = Interpreter(api or self.world.api, self.world.disk("here"), self.world.clock, Machines())
        SeededDriver(interpreter, seed=1).run(authorization(PATIENT))
        self.sent.clear()
        return SeededDriver(interpreter, seed=1, observer=self._observe).run(program)

    def _observe(self, moment: str, effect: AnyEffect) -> None:
        if moment == "begin" and isinstance(effect, Send):
            self.sent.append(effect.call.name)
        elif moment == "begin" and isinstance(effect, HashBody):
            self.sent.append("HashBody")

    def all_keys(self) -> tuple[KeyReply, ...]:
        found: tuple[KeyReply, ...] = self.ask(ListKeys(self.account_id, 1000)).keys
        return found

    def state(self) -> object:
        return self.simulator.snapshot(), [(key.key_name, key.capabilities) for key in self.all_keys()]


def astuple(pair: KeyPair) -> tuple[str, str]:
    return pair.key_id, pair.key


# --- the calls -------------------------------------------------------------------------------------------------------

Prepared = Program[Result[Any, B2Error]]


def _put(scene: Scene, name: str, data: bytes = DATA) -> FileId:
    """A version, made long ago."""
    made = scene.simulator.put(scene.bucket_id, name, data, info={"color": "red"})
    scene.world.clock.advance(HOUR)
    assert made.file_id is not None
    return made.file_id


def _upload_program(scene: Scene, call: UploadFile) -> Prepared:
    return upload_request(scene.bucket_id, GetUploadUrl(scene.bucket_id), call, PATIENT)


def _upload(scene: Scene) -> Prepared:
    _put(scene, "a")  # the same again, but old
    return _upload_program(scene, UploadFile("a", "b2/x-auto", "hex_digits_at_end", INFO, Blob(DATA)))


def _upload_back_in_time(scene: Scene) -> Prepared:
    past = scene.world.clock.now_millis() - 5 * HOUR
    call = UploadFile("a", "text/plain", "do_not_verify", INFO, Blob(DATA), custom_upload_timestamp=past)
    return _upload_program(scene, call)


def _copy(scene: Scene) -> Prepared:
    return request(CopyFile(_put(scene, "a"), "b"), PATIENT)


def _copy_with_other_info(scene: Scene) -> Prepared:
    source = _put(scene, "a")
    call = CopyFile(source, "a", metadata_directive="REPLACE", content_type="text/x-new", file_info={"Shape": "round"})
    return request(call, PATIENT)


def _hide(scene: Scene) -> Prepared:
    _put(scene, "a")
    return request(HideFile(scene.bucket_id, "a"), PATIENT)


def _start(scene: Scene) -> Prepared:
    scene.ask(StartLargeFile(scene.bucket_id, "big", "text/plain", {"color": "blue"}))
    scene.ask(StartLargeFile(scene.bucket_id, "bigger", "text/plain", {"color": "red"}))
    return request(StartLargeFile(scene.bucket_id, "big", "text/plain", INFO), PATIENT)


def _large(scene: Scene) -> tuple[FileId, tuple[str, ...]]:
    """An unfinished large file with its two parts."""
    file_id: FileId = scene.ask(StartLargeFile(scene.bucket_id, "big", "text/plain", INFO)).file_id
    digests = []
    for number, piece in enumerate((DATA[:16], DATA[16:]), start=1):
        program = upload_request(
            file_id, GetUploadPartUrl(file_id), UploadPart(number, "hex_digits_at_end", Blob(piece)), PATIENT
        )
        digests.append(scene.run(program, api=scene.quiet.api).unwrap().content_sha1)
    return file_id, tuple(digests)


def _finish(scene: Scene) -> Prepared:
    return request(FinishLargeFile(*_large(scene)), PATIENT)


def _cancel(scene: Scene) -> Prepared:
    return request(CancelLargeFile(_large(scene)[0]), PATIENT)


def _delete(scene: Scene) -> Prepared:
    return request(DeleteFileVersion("a", _put(scene, "a")), PATIENT)


def _create_bucket(scene: Scene) -> Prepared:
    return request(CreateBucket(scene.account_id, "new-bucket", "allPublic", {"Color": "red"}), PATIENT)


def _delete_bucket(scene: Scene) -> Prepared:
    made = scene.ask(CreateBucket(scene.account_id, "new-bucket"))
    return request(DeleteBucket(scene.account_id, made.bucket_id), PATIENT)


def _delete_key(scene: Scene) -> Prepared:
    made = scene.ask(CreateKey(scene.account_id, ("listFiles",), "reader"))
    scene.ask(CreateKey(scene.account_id, ("listFiles",), "reader"))
    return request(DeleteKey(made.application_key_id), PATIENT)


def _update_bucket(scene: Scene) -> Prepared:
    call = UpdateBucket(scene.account_id, scene.bucket_id, "allPublic", {"Color": "red"}, if_revision_is=1)
    return request(call, PATIENT)


CALLS: dict[str, tuple[Call[Any] | type[Call[Any]], Callable[[Scene], Prepared]]] = {
    "upload": (UploadFile, _upload),
    "upload back in time": (UploadFile, _upload_back_in_time),
    "copy": (CopyFile, _copy),
    "copy with other info": (CopyFile, _copy_with_other_info),
    "hide": (HideFile, _hide),
    "start": (StartLargeFile, _start),
    "finish": (FinishLargeFile, _finish),
    "cancel": (CancelLargeFile, _cancel),
    "delete": (DeleteFileVersion, _delete),
    "create bucket": (CreateBucket, _create_bucket),
    "delete bucket": (DeleteBucket, _delete_bucket),
    "delete key": (DeleteKey, _delete_key),
    "update bucket": (UpdateBucket, _update_bucket),
}
FORGETFUL = ("cancel", "delete bucket", "delete key")
"""What they answer with went with what they removed, but for the id."""

FATES: dict[str, Callable[[str, int], Fault]] = {
    "dropped": DropReplyAfterCommit,
    "reset": lambda name, nth: Disconnect(name, nth, "reset"),
    "silent": lambda name, nth: Disconnect(name, nth, "silent"),
    "refused": lambda name, nth: Disconnect(name, nth, "refused"),
    "408": lambda name, nth: FailNth(name, nth, Answer(408)),
    "500": lambda name, nth: FailNth(name, nth, Answer(500)),
    "502": lambda name, nth: FailNth(name, nth, Answer(502, body="<html>Bad Gateway</html>")),
    "503": lambda name, nth: FailNth(name, nth, Answer(503)),
}
some = settings(max_examples=max(10, settings().max_examples // 4))
"""Each example is two worlds, and each law is told of every call."""

fates = st.lists(st.sampled_from(sorted(FATES)), max_size=4)


def script_of(call: Any, struck: list[str]) -> list[Fault]:
    """What befalls the first attempts of the call, one after the other."""
    return [FATES[fate](call.name, nth) for nth, fate in enumerate(struck, start=1)]


def played(prepare: Callable[[Scene], Prepared], script: list[Fault]) -> tuple[Result[Any, B2Error], Scene]:
    scene = Scene(*script)
    return scene.run(prepare(scene)), scene


def known(name: str, result: Result[Any, B2Error], struck: list[str]) -> object:
    """The part of the reply that a lost answer leaves."""
    reply = result.unwrap()
    if name not in FORGETFUL or "dropped" not in struck:
        return reply
    ids = ("application_key_id", "bucket_id", "file_id", "account_id")
    return [getattr(reply, each) for each in ids if each in reply.__struct_fields__]


@pytest.mark.parametrize("name", CALLS)
@some
@given(struck=fates)
def test_with_lost_and_failed_attempts_the_reply_and_the_world_are_those_without(name: str, struck: list[str]) -> None:
    """Whatever befalls the attempts of a call, before it takes effect or after."""
    call, prepare = CALLS[name]
    expected, fair = played(prepare, [])
    found, scene = played(prepare, script_of(call, struck))
    assert known(name, found, struck) == known(name, expected, struck)
    assert scene.state() == fair.state()


@pytest.mark.parametrize("name", CALLS)
def test_a_reply_that_is_lost_on_the_last_attempt_is_found_all_the_same(name: str) -> None:
    call, prepare = CALLS[name]
    if name in (*FORGETFUL, "delete", "create bucket", "update bucket"):
        return  # only a second attempt can tell
    struck = ["503"] * 7 + ["dropped"]
    expected, fair = played(prepare, [])
    found, scene = played(prepare, script_of(call, struck))
    assert found == expected
    assert scene.state() == fair.state()


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_does_not_fail_costs_nothing_more(name: str) -> None:
    call, prepare = CALLS[name]
    _, scene = played(prepare, [])
    extra = ["b2_get_upload_url"] if call is UploadFile else []
    assert scene.sent == [*extra, call.name]


LOOKS = (
    "b2_list_file_versions",
    "b2_list_unfinished_large_files",
    "b2_get_file_info",
    "b2_list_buckets",
    "b2_list_keys",
)


@pytest.mark.parametrize("name", CALLS)
@some
@given(struck=st.lists(st.sampled_from(("dropped", "reset", "500")), min_size=1, max_size=3), data=st.data())
def test_a_look_that_fails_never_makes_it_worse(name: str, struck: list[str], data: st.DataObject) -> None:
    """The call goes on as if nobody had looked: at most one version more for each lost reply, and none is missing."""
    call, prepare = CALLS[name]
    blind = data.draw(st.lists(st.sampled_from(LOOKS), unique=True))
    blinding: list[Fault] = [FailNth(look, 1, Answer(403, "access_denied"), times=None) for look in blind]
    _, fair = played(prepare, [])
    found, scene = played(prepare, [*script_of(call, struck), *blinding])
    versions, expected = _versions(scene), _versions(fair)
    assert len(expected) <= len(versions) <= len(expected) + struck.count("dropped")
    if call not in (FinishLargeFile, CancelLargeFile, CreateBucket, UpdateBucket, DeleteKey) or not blind:
        assert isinstance(found, Success)
        assert {name for name, *_ in versions} == {name for name, *_ in expected}


def _versions(scene: Scene) -> list[tuple[str, str, bytes]]:
    snapshot: Any = scene.simulator.snapshot()
    return [(file.file_name, file.action, data) for _, versions, _ in snapshot for file, data in versions]


def test_what_could_not_be_told_is_looked_for_again() -> None:
    """A look that failed settles nothing, even if the next attempt surely did nothing."""
    look, name = "b2_list_file_versions", UploadFile.name
    scene = Scene(
        DropReplyAfterCommit(name, 1), FailNth(look, 1, Answer(403, "access_denied")), FailNth(name, 2, Answer(503))
    )
    call = UploadFile("a", "text/plain", "hex_digits_at_end", INFO, Blob(DATA))
    assert isinstance(scene.run(_upload_program(scene, call)), Success)
    url = "b2_get_upload_url"
    assert scene.sent == [url, name, look, url, name, look, "HashBody"]
    assert len(_versions(scene)) == 1


@pytest.mark.parametrize("name", ["upload", "copy", "hide", "start", "delete"])
def test_a_key_that_may_not_look_does_not_and_goes_on(name: str) -> None:
    """No question is asked whose answer is known to be a refusal."""
    call, prepare = CALLS[name]
    scene = Scene()
    key = scene.simulator.add_key({"writeFiles", "deleteFiles", "readFiles"})
    program = prepare(scene)
    api = FaultyApi(SimulatedApi(scene.simulator, *astuple(key)), (DropReplyAfterCommit(call.name, 1),))
    assert isinstance(scene.run(program, api=api), Success)
    assert not {"b2_list_file_versions", "b2_list_unfinished_large_files"}.intersection(scene.sent)


# --- keys ------------------------------------------------------------------------------------------------------------


def _create_key(scene: Scene, seconds: int | None) -> Prepared:
    return request(CreateKey(scene.account_id, ("listFiles",), "reader", seconds), PATIENT)


@some
@given(struck=fates)
def test_a_new_key_whose_secret_was_lost_is_deleted_and_made_again(struck: list[str]) -> None:
    """There is one new key, its secret is good, and the keys that were there stay."""
    scene = Scene(*script_of(CreateKey, struck))
    old = scene.ask(CreateKey(scene.account_id, ("listFiles",), "reader", 9000)).application_key_id
    other = scene.ask(CreateKey(scene.account_id, ("listFiles", "readFiles"), "reader", 9000)).application_key_id
    scene.world.clock.advance(HOUR)
    made = scene.run(_create_key(scene, 9000)).unwrap()
    assert sorted(key.application_key_id for key in scene.all_keys()) == sorted((old, other, made.application_key_id))
    client = SimulatedApi(scene.simulator, made.application_key_id, made.application_key)
    assert isinstance(scene.run(authorization(PATIENT), api=client), Success)


@some
@given(struck=fates, age=st.sampled_from((0, HOUR)))
def test_a_key_that_may_be_in_use_is_never_deleted(struck: list[str], age: int) -> None:
    """Keys like the new one, of which nothing tells that they were not made by others, all stay."""
    for seconds, twins in ((None, 1), (9000, 2)):
        scene = Scene(*script_of(CreateKey, struck))
        theirs = [scene.ask(CreateKey(scene.account_id, ("listFiles",), "reader", seconds)) for _ in range(twins)]
        scene.world.clock.advance(age if seconds is None else 0)
        assert isinstance(scene.run(_create_key(scene, seconds)), Success)
        assert {key.application_key_id for key in theirs} <= {key.application_key_id for key in scene.all_keys()}


# --- the judgements --------------------------------------------------------------------------------------------------

NOW = 1_700_000_000_000
SHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
CALL = UploadFile("a", "text/plain", SHA1, {"color": "red"}, Blob(b"abc"))
FILE = FileReply(
    AccountId("acct"), "upload", BucketId("b"), 3, SHA1, "text/plain", FileId("1"), {"color": "red"}, "a", NOW
)
_ERRORS: tuple[tuple[B2Error, bool], ...] = (
    (Transport("connect", ""), False),
    (Transport("timeout", ""), True),
    (Transport("broken", ""), True),
    (Transport("protocol", ""), True),
    (Unavailable(408, "request_timeout", ""), False),
    (Unavailable(503, "service_unavailable", ""), False),
    (Unavailable(500, "internal_error", ""), True),
    (Unavailable(502, "http_502", ""), True),
    (Unavailable(504, "http_504", ""), True),
    (Rejected(400, "bad_request", ""), False),
)


@pytest.mark.parametrize(("error", "expected"), _ERRORS)
def test_an_outcome_is_open_where_the_request_may_have_been_carried_out(error: B2Error, expected: bool) -> None:
    assert leaves_open(error) is expected
    doubt = after_failure(Doubt(NOW), error)
    assert (doubt.ever, doubt.unsettled) == (expected, expected)
    assert (next_check(CALL, doubt, error, BucketId("b")) is not None) == expected


@pytest.mark.parametrize("refusal", ["already_hidden", "duplicate_bucket_name", "file_not_present", "bad_bucket_id"])
def test_a_refusal_of_a_first_attempt_is_a_refusal(refusal: str) -> None:
    calls: list[Call[Any]] = [
        HideFile(BucketId("b"), "a"),
        CreateBucket(AccountId("acct"), "name"),
        DeleteFileVersion("a", FileId("1")),
        DeleteBucket(AccountId("acct"), BucketId("b")),
    ]
    error = Rejected(400, refusal, "")
    assert [next_check(call, Doubt(NOW), error) for call in calls] == [None] * 4
    assert [next_check(call, Doubt(NOW, True), error) for call in calls].count(None) == 3


def _judged(file: FileReply) -> object:
    candidate = upload_candidate(Uploaded(CALL, BucketId("b")), (file,), NOW)
    return NotDone() if candidate is None else judge_upload(candidate, SHA1)


def _with(**changes: Any) -> FileReply:
    fields = {name: getattr(FILE, name) for name in FILE.__struct_fields__}
    return FileReply(**(fields | changes))


@given(
    st.sampled_from(
        (
            {"action": "hide"},
            {"content_length": 4},
            {"content_sha1": "0" * 40},
            {"content_type": "text/html"},
            {"file_info": {}},
            {"file_info": {"color": "red", "shape": "round"}},
            {"file_name": "b"},
            {"upload_timestamp": NOW - ALLOWED_SKEW_MILLIS - 1},
        )
    )
)
def test_whatever_differs_a_version_is_not_the_upload(change: dict[str, Any]) -> None:
    assert _judged(_with(**change)) == NotDone()
    # Nor is what lies under it, however much it looks like it.
    if "file_name" not in change:
        files = (_with(**change), FILE)
        assert upload_candidate(Uploaded(CALL, BucketId("b")), files, NOW) != FILE


@pytest.mark.parametrize("sha1", [SHA1, f"unverified:{SHA1}", SHA1.upper()])
def test_the_upload_is_known_by_its_digest_and_only_by_it(sha1: str) -> None:
    assert _judged(_with(content_sha1=sha1)) == Done(_with(content_sha1=sha1))
    assert _judged(_with(content_sha1=None)) == Unknown()
    assert _judged(_with(upload_timestamp=NOW - ALLOWED_SKEW_MILLIS)) != NotDone()


def test_unfinished_files_on_top_do_not_hide_the_upload() -> None:
    files = (_with(action="start"), FILE)
    assert upload_candidate(Uploaded(CALL, BucketId("b")), files, NOW) == FILE


def test_a_copy_without_a_digest_cannot_be_told() -> None:
    ranged = CopyFile(FileId("1"), "a", range="bytes=0-2")
    assert judge_copy(ranged, FILE, (_with(file_id=FileId("2")),), NOW) == Done(
        _with(file_id=FileId("2"), action="copy")
    ), "the range is the whole file"
    longer = _with(content_length=9)
    assert judge_copy(ranged, longer, (_with(file_id=FileId("2")),), NOW) == Unknown()
    large = _with(content_sha1="none")
    assert judge_copy(CopyFile(FileId("1"), "a"), large, (_with(file_id=FileId("2")),), NOW) == Unknown()
    told = _with(content_sha1="none", file_info={"large_file_sha1": SHA1})
    assert judge_copy(CopyFile(FileId("1"), "a"), told, (told,), NOW) != Unknown()


def test_a_marker_that_was_there_before_is_not_ours() -> None:
    call = HideFile(BucketId("b"), "a")
    assert judge_hide(call, (_with(action="hide"),), NOW) == Done(_with(action="hide"))
    assert judge_hide(call, (_with(action="hide", upload_timestamp=NOW - HOUR),), NOW) == NotDone()
    assert judge_hide(call, (FILE, _with(action="hide")), NOW) == NotDone()


def test_only_a_young_file_of_the_same_kind_is_taken_over() -> None:
    call = StartLargeFile(BucketId("b"), "a", "b2/x-auto", {"Color": "red"})
    started = _with(action="start", content_sha1="none")
    newer = _with(action="start", content_sha1="none", upload_timestamp=NOW + 1)
    old = _with(action="start", upload_timestamp=NOW - HOUR)
    other = _with(action="start", file_info={"color": "blue"})
    assert startable(call, [old, started, other, newer], NOW) == [newer, started]


BUCKET = BucketReply(AccountId("acct"), BucketId("b"), "name", "allPrivate", {"color": "red"}, 2)


@frozen
class _Revised:
    revision: int
    bucket_type: str
    info: dict[str, str]


@given(
    st.builds(
        _Revised,
        st.integers(1, 4),
        st.sampled_from(("allPrivate", "allPublic")),
        st.sampled_from(({}, {"color": "red"}, {"color": "blue"})),
    )
)
def test_a_bucket_is_as_asked_or_not_ours(seen: _Revised) -> None:
    bucket = BucketReply(AccountId("acct"), BucketId("b"), "name", seen.bucket_type, seen.info, revision=seen.revision)
    update = UpdateBucket(AccountId("acct"), BucketId("b"), "allPublic", {"color": "red"}, if_revision_is=1)
    is_so = seen.bucket_type == "allPublic" and seen.info == {"color": "red"}
    updated = judge_bucket_updated(update, (bucket,))
    assert updated == (Done(bucket) if is_so and seen.revision == 2 else NotDone())
    create = CreateBucket(AccountId("acct"), "name", "allPublic", {"color": "red"})
    created = judge_bucket_created(create, (bucket,))
    assert created == (Done(bucket) if is_so and seen.revision == 1 else NotDone())
    assert judge_bucket_created(create, ()) == NotDone()
    assert judge_bucket_created(_of_another_account(create), (bucket,)) == NotDone()


def _of_another_account(call: CreateBucket) -> CreateBucket:
    return CreateBucket(AccountId("another"), call.bucket_name, call.bucket_type, call.bucket_info)


def test_keys_like_it_are_all_spared() -> None:
    call = CreateKey(AccountId("acct"), ("listFiles",), "reader", 60)
    key = KeyReply(AccountId("acct"), "1", "reader", ("listFiles",), expiration_timestamp=NOW + 60_000)
    assert orphan_key(call, [key], NOW) == key
    assert orphan_key(call, [key, key], NOW) is None
    assert orphan_key(CreateKey(AccountId("acct"), ("listFiles",), "reader"), [key], NOW) is None


def test_what_is_harmless_is_simply_repeated() -> None:
    assert not settles(UpdateBucket(AccountId("acct"), BucketId("b")))
    assert not settles(UploadPart(1, SHA1, Blob(b"abc")))


def test_a_refusal_that_nothing_explains_stays_one() -> None:
    """A lost reply before it does not make a refusal a success."""
    scene = Scene(
        Disconnect("b2_finish_large_file", 1), FailNth("b2_finish_large_file", 2, Answer(400, "missing_part", "no"))
    )
    result = scene.run(_finish(scene))
    assert isinstance(result, Failure)
    assert result.failure() == Rejected(400, "missing_part", "no")
