"""Playbooks: which effects the programs ask for, in which order, when all goes well and when it does not.

Rules. A playbook is what the seeded driver's observer saw begin: calls by their wire names, other effects by their
class. The world answers itself (the simulator, with faults where a test names them); no answer is made up here.
Machines, time, chance and words to the listener are left out, sleeping and what touches files are not.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Any, TypeVar

import pytest
from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.copies import copy
from b2pure.effects.downloads import download
from b2pure.effects.effect import (
    AnyEffect,
    AwaitSession,
    Draw,
    Emit,
    Fetch,
    Now,
    Send,
    StepCrowd,
    StepHolds,
    StepPool,
    StepSession,
)
from b2pure.effects.fault_answers import fail_with
from b2pure.effects.faults import CutDownload, DropReplyAfterCommit, ExpireTokens, FaultScript
from b2pure.effects.interpreter import Interpreter
from b2pure.effects.job import B2Side, Job
from b2pure.effects.listings import find_bucket, fresh_versions
from b2pure.effects.machines import Machines
from b2pure.effects.outcomes import Done, Drifted, Failed
from b2pure.effects.program import Program
from b2pure.effects.report import ReportBuilder
from b2pure.effects.requests import authorization, request, upload_request
from b2pure.effects.seeded import SeededDriver
from b2pure.effects.simulated_api import SimulatedApi
from b2pure.effects.simulator.config import SimulatorConfig
from b2pure.effects.sync import run_action, run_chunk, run_file_sync
from b2pure.effects.uploads import upload
from b2pure.model.calls import CancelLargeFile, GetUploadPartUrl, ListBuckets, StartLargeFile, UploadPart
from b2pure.model.errors import (
    B2Error,
    Corrupt,
    LocalDrifted,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.files import FileVersion, LocalFact
from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.limits import PartSizes
from b2pure.model.policy import NewerFileSyncMode, SyncPolicy
from b2pure.model.sources import Blob
from b2pure.plan.actions import (
    CopyAction,
    DeleteAction,
    DownloadAction,
    FileSync,
    HideAction,
    LocalDeleteAction,
    UploadAction,
)
from b2pure.plan.reasons import NewFile, OldVersion, SourceMissing
from b2pure.plan.retry import RetryPolicy
from b2pure.plan.rules import make_rules
from b2pure.testing import SimulatedB2, simulated_b2

T = TypeVar("T")

SIZES = PartSizes(16, 8)
BUSY = Unavailable(503, "service_unavailable", "busy")
LOST = Transport("broken", "the connection was reset")
EXPIRED = Unauthorized("expired_auth_token", "expired")
UPLOAD = ["b2_get_upload_url", "b2_upload_file"]
HIDDEN_FROM_PLAYBOOKS = (StepSession, StepPool, StepHolds, StepCrowd, Draw, Now, Emit, AwaitSession)


@frozen
class Stage:
    """A world with one bucket and one folder, and a driver that writes the playbook."""

    world: SimulatedB2
    interpreter: Interpreter
    bucket_id: BucketId
    playbook: list[str]
    urls: list[str]

    @property
    def dest(self) -> B2Side:
        return B2Side(self.bucket_id, "to/")

    def play(self, program: Program[T], *, workers: int = 1) -> T:
        """Run it from here on with an empty playbook, and with the token that a job has by then."""
        driver = SeededDriver(self.interpreter, seed=1, workers=1, part_workers=workers, observer=self._observe)
        self.playbook.clear()
        return driver.run(program)

    def _observe(self, moment: str, effect: AnyEffect) -> None:
        if moment == "end" or isinstance(effect, HIDDEN_FROM_PLAYBOOKS):
            return
        if isinstance(effect, Send | Fetch):
            self.playbook.append(effect.call.name)
            self.urls.append(getattr(effect.credential, "url", ""))
        else:
            self.playbook.append(type(effect).__name__)

    def contents(self) -> dict[str, bytes]:
        """What a reader of the bucket sees, asked without faults."""
        return quiet(self.world).contents("bucket")

    def unfinished(self) -> int:
        snapshot: tuple[Any, ...] = self.world.simulator.snapshot()
        return sum(file.action == "start" for _, versions, _ in snapshot for file, _ in versions)


def quiet(world: SimulatedB2) -> SimulatedB2:
    """The same world without its faults."""
    simulator = world.simulator
    api = SimulatedApi(simulator, simulator.master_key_id, simulator.master_key)
    return SimulatedB2(simulator, world.clock, api, seed=0, disks=world.disks)


def stage(*faults: Any, authorized: bool = True) -> Stage:
    config = SimulatorConfig(absolute_minimum_part_size=8, recommended_part_size=16)
    script: FaultScript = faults
    world = simulated_b2("bucket", faults=script, seed=1, config=config)
    interpreter = Interpreter(world.api, world.disk("here"), world.clock, Machines())
    made = Stage(world, interpreter, quiet(world).bucket_id("bucket"), [], [])
    if authorized:
        made.play(authorization(RetryPolicy()))
    return made


def put_local(here: Stage, path: str, data: bytes, *, parts: PartSizes | None = None) -> UploadAction:
    """A local file and the action that uploads it."""
    here.world.disk("here").put(path, data, 5000)
    return UploadAction(path, LocalFact(len(data), 5000), None, parts)


def put_remote(here: Stage, path: str, data: bytes, *, info: dict[str, str] | None = None) -> FileVersion:
    """A version in the bucket, as a plan sees it."""
    file = here.world.simulator.put(here.bucket_id, path, data, info=info or {"src_last_modified_millis": "5000"})
    assert file.file_id is not None
    return FileVersion(file.file_id, "upload", len(data), 5000, file.upload_timestamp, file.content_sha1)


def failure_of(result: Result[Any, B2Error]) -> B2Error:
    assert isinstance(result, Failure), result
    error: B2Error = result.failure()
    return error


# --- small uploads ---------------------------------------------------------------------------------------------------


def test_a_small_upload_asks_for_a_url_and_the_next_one_uses_it_again() -> None:
    here = stage()
    first, second = put_local(here, "a", b"one"), put_local(here, "b", b"two")
    assert here.play(upload(first, here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == UPLOAD
    assert here.play(upload(second, here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == ["b2_upload_file"]
    assert here.contents() == {"to/a": b"one", "to/b": b"two"}


@pytest.mark.parametrize("error", [BUSY, LOST, EXPIRED, Rejected(400, "auth_token_limit", "busy")])
def test_an_upload_that_fails_is_tried_at_once_with_another_url(error: B2Error) -> None:
    here = stage(fail_with("b2_upload_file", 1, error))
    assert here.play(upload(put_local(here, "a", b"one"), here.dest, RetryPolicy())) == Success(None)
    look = ["b2_list_file_versions"] if error == LOST else []
    assert here.playbook == [*UPLOAD, *look, *UPLOAD]
    used = [url for url in here.urls if url]
    assert len(set(used)) == 2, "a URL whose upload failed is never used again"


def test_an_upload_that_fails_twice_waits_and_each_time_takes_a_new_url() -> None:
    here = stage(*(fail_with("b2_upload_file", n, BUSY) for n in (1, 2, 3)))
    assert here.play(upload(put_local(here, "a", b"one"), here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == [*UPLOAD, *UPLOAD, "Sleep", *UPLOAD, "Sleep", *UPLOAD]


def test_an_upload_whose_reply_is_lost_is_found_by_its_digest_and_not_sent_again() -> None:
    here = stage(DropReplyAfterCommit("b2_upload_file", 1))
    assert here.play(upload(put_local(here, "a", b"one"), here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == [*UPLOAD, "b2_list_file_versions", "HashBody"]
    assert here.contents() == {"to/a": b"one"}


def test_a_throttled_upload_waits_as_long_as_the_server_wishes_and_keeps_its_url() -> None:
    here = stage(fail_with("b2_upload_file", 1, Throttled(7.0)))
    before = here.world.clock.now_millis()
    assert here.play(upload(put_local(here, "a", b"one"), here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == [*UPLOAD, "Sleep", "b2_upload_file"]
    assert here.world.clock.now_millis() - before == 7000


def test_an_upload_gives_up_after_as_many_attempts_as_the_policy_allows() -> None:
    here = stage(*(fail_with("b2_upload_file", n, BUSY) for n in range(1, 10)))
    result = here.play(upload(put_local(here, "a", b"one"), here.dest, RetryPolicy(max_attempts=3)))
    assert failure_of(result) == BUSY
    assert here.playbook.count("b2_upload_file") == 3
    assert here.contents() == {}


def test_a_file_that_changed_is_not_sent_and_not_tried_again() -> None:
    here = stage()
    action = put_local(here, "a", b"one")
    here.world.disk("here").put("a", b"other", 6000)
    assert isinstance(failure_of(here.play(upload(action, here.dest, RetryPolicy()))), LocalDrifted)
    assert here.playbook == UPLOAD
    assert here.contents() == {}


# --- tokens ----------------------------------------------------------------------------------------------------------


def buckets() -> Program[Result[Any, B2Error]]:
    return request(ListBuckets(AccountId("any"), bucket_name="bucket"), RetryPolicy())


def test_the_first_request_authorizes_and_later_ones_do_not() -> None:
    here = stage(authorized=False)
    here.play(find_bucket("bucket", RetryPolicy()))
    assert here.playbook == ["b2_authorize_account", "b2_list_buckets"]
    here.play(find_bucket("bucket", RetryPolicy()))
    assert here.playbook == ["b2_list_buckets"]


def test_an_expired_token_costs_one_authorization_and_no_wait() -> None:
    here = stage(ExpireTokens(nth=2))
    here.play(find_bucket("bucket", RetryPolicy()))
    assert here.playbook == ["b2_list_buckets", "b2_authorize_account", "b2_list_buckets"]


def test_a_new_token_that_is_refused_as_well_is_renewed_after_a_wait() -> None:
    here = stage(fail_with("b2_list_buckets", 1, EXPIRED), fail_with("b2_list_buckets", 2, EXPIRED))
    here.play(find_bucket("bucket", RetryPolicy()))
    again = ["b2_authorize_account", "b2_list_buckets"]
    assert here.playbook == ["b2_list_buckets", *again, "Sleep", *again]


def test_what_a_key_may_not_do_is_not_tried_again() -> None:
    error = Unauthorized("unauthorized", "not allowed")
    here = stage(fail_with("b2_list_buckets", 1, error))
    assert failure_of(here.play(buckets())) == error
    assert here.playbook == ["b2_list_buckets"]


def test_an_authorization_is_tried_again_when_the_server_is_busy_and_final_when_it_is_refused() -> None:
    here = stage(fail_with("b2_authorize_account", 1, BUSY), authorized=False)
    assert isinstance(here.play(authorization(RetryPolicy())), Success)
    assert here.playbook == ["b2_authorize_account", "Sleep", "b2_authorize_account"]
    wrong = Unauthorized("bad_auth_token", "wrong key")
    here = stage(fail_with("b2_authorize_account", 1, wrong), authorized=False)
    told = evolve(wrong, of_key=True)
    assert failure_of(here.play(authorization(RetryPolicy()))) == told
    assert here.playbook == ["b2_authorize_account"]
    assert failure_of(here.play(buckets())) == told
    assert here.playbook == [], "a refused key is remembered"


def test_a_busy_server_is_asked_again_after_a_wait() -> None:
    here = stage(fail_with("b2_list_buckets", 1, BUSY))
    here.play(find_bucket("bucket", RetryPolicy()))
    assert here.playbook == ["b2_list_buckets", "Sleep", "b2_list_buckets"]


# --- large uploads ---------------------------------------------------------------------------------------------------

DATA = bytes(range(36))
PART = ["b2_get_upload_part_url", "b2_upload_part"]
LOOK = ["HashParts", "b2_list_unfinished_large_files"]
START = [*LOOK, "b2_start_large_file", "All"]


def large(here: Stage) -> Program[Result[None, B2Error]]:
    return upload(put_local(here, "big", DATA, parts=SIZES), here.dest, RetryPolicy(max_attempts=2))


def test_a_large_upload_is_hashed_started_sent_in_parts_and_finished() -> None:
    here = stage()
    assert here.play(large(here)) == Success(None)
    assert here.playbook == [*START, *PART, "b2_upload_part", "b2_finish_large_file"]
    assert here.contents() == {"to/big": DATA}


def test_parts_that_go_in_parallel_have_urls_of_their_own() -> None:
    here = stage()
    assert here.play(large(here), workers=3) == Success(None)
    assert sorted(here.playbook[len(START) : -1]) == sorted([*PART, *PART])
    used = [url for url in here.urls if "upload_part" in url]
    assert len(set(used)) == 2


def test_a_part_that_fails_for_good_cancels_the_large_file_and_starts_no_other_part() -> None:
    here = stage(fail_with("b2_upload_part", 1, Rejected(400, "bad_request", "no")))
    assert failure_of(here.play(large(here))) == Rejected(400, "bad_request", "no")
    assert here.playbook == [*START, *PART, "b2_get_file_info", "b2_cancel_large_file"]
    assert here.unfinished() == 0


def test_a_part_whose_reply_is_lost_is_sent_again_and_is_there_once() -> None:
    here = stage(DropReplyAfterCommit("b2_upload_part", 1))
    assert here.play(large(here)) == Success(None)
    assert here.playbook == [*START, *PART, *PART, "b2_upload_part", "b2_finish_large_file"]
    assert here.contents() == {"to/big": DATA}


def test_a_finish_whose_reply_is_lost_is_found_out_to_have_worked() -> None:
    here = stage(DropReplyAfterCommit("b2_finish_large_file", 1))
    assert here.play(large(here)) == Success(None)
    finish = ["b2_finish_large_file", "Sleep", "b2_get_file_info"]
    assert here.playbook == [*START, *PART, "b2_upload_part", *finish]
    assert here.contents() == {"to/big": DATA}


def test_a_finish_that_is_refused_cancels_the_large_file() -> None:
    here = stage(fail_with("b2_finish_large_file", 1, Rejected(400, "bad_request", "no")))
    assert failure_of(here.play(large(here))) == Rejected(400, "bad_request", "no")
    assert here.playbook[-3:] == ["b2_finish_large_file", "b2_get_file_info", "b2_cancel_large_file"]
    assert here.unfinished() == 0
    assert here.contents() == {}


def test_the_upload_urls_of_a_large_file_are_forgotten_with_it() -> None:
    here = stage()
    assert here.play(upload(put_local(here, "a", b"one"), here.dest, RetryPolicy())) == Success(None)
    machines = here.interpreter.machines
    kept = machines.idle_urls(here.bucket_id)
    assert len(kept) == 1
    started = here.play(request(StartLargeFile(here.bucket_id, "b", "text/plain", {}), RetryPolicy())).unwrap()
    part = UploadPart(1, sha1(DATA).hexdigest(), Blob(DATA))
    file_id = FileId(str(started.file_id))
    here.play(upload_request(file_id, GetUploadPartUrl(file_id), part, RetryPolicy())).unwrap()
    assert len(machines.idle_urls(file_id)) == 1
    here.play(request(CancelLargeFile(file_id), RetryPolicy())).unwrap()
    assert machines.idle_urls(file_id) == ()
    assert here.play(large(here), workers=3) == Success(None)
    (made,) = [
        file for file in quiet(here.world).client.ls("b2://bucket/to", recursive=True) if "big" in file.file_name
    ]
    assert machines.idle_urls(str(made.file_id)) == ()
    assert machines.idle_urls(here.bucket_id) == kept, "those of others stay"


def test_a_large_file_that_changed_is_not_even_started() -> None:
    here = stage()
    program = large(here)
    here.world.disk("here").put("big", DATA, 6000)
    assert isinstance(failure_of(here.play(program)), LocalDrifted)
    assert here.playbook == ["HashParts"]


def test_a_start_that_fails_has_nothing_to_cancel() -> None:
    here = stage(fail_with("b2_start_large_file", 1, Rejected(400, "bad_request", "no")))
    assert failure_of(here.play(large(here))) == Rejected(400, "bad_request", "no")
    assert here.playbook == [*LOOK, "b2_start_large_file"]


# --- copies ----------------------------------------------------------------------------------------------------------


def test_a_copy_is_one_call_if_the_source_declares_its_time() -> None:
    here = stage()
    source = put_remote(here, "a", b"one")
    assert here.play(copy(CopyAction("b", source, None, None), here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == ["b2_copy_file"]
    assert here.contents() == {"a": b"one", "to/b": b"one"}


def test_a_copy_of_a_version_without_a_time_asks_what_else_it_declares_and_gives_it_one() -> None:
    here = stage()
    bare = put_remote(here, "a", b"one", info={"color": "red"})
    source = FileVersion(bare.file_id, "upload", 3, bare.upload_timestamp, bare.upload_timestamp, bare.sha1)
    assert here.play(copy(CopyAction("b", source, None, None), here.dest, RetryPolicy())) == Success(None)
    assert here.playbook == ["b2_get_file_info", "b2_copy_file"]
    (made,) = quiet(here.world).client.ls("b2://bucket/to", recursive=True)
    assert made.file_info == {"color": "red", "src_last_modified_millis": str(bare.upload_timestamp)}


def test_a_copy_in_parts_starts_copies_and_finishes() -> None:
    here = stage()
    source = put_remote(here, "a", DATA)
    assert here.play(copy(CopyAction("b", source, None, SIZES), here.dest, RetryPolicy())) == Success(None)
    parts = ["b2_copy_part"] * 3  # 16, 16 and 4 bytes: none is longer than the caller said
    assert here.playbook == ["b2_get_file_info", *START[1:], *parts, "b2_finish_large_file"]
    assert here.contents()["to/b"] == DATA


def test_a_copy_whose_part_fails_for_good_is_cancelled() -> None:
    here = stage(fail_with("b2_copy_part", 2, Rejected(400, "bad_request", "no")))
    source = put_remote(here, "a", DATA)
    result = here.play(copy(CopyAction("b", source, None, SIZES), here.dest, RetryPolicy()))
    assert failure_of(result) == Rejected(400, "bad_request", "no")
    assert here.playbook[-3:] == ["b2_copy_part", "b2_get_file_info", "b2_cancel_large_file"]
    assert here.unfinished() == 0


def test_a_copy_whose_source_is_gone_fails() -> None:
    here = stage()
    gone = FileVersion(FileId("4_zgone_f1000000000000001"), "upload", 3, 5000, 6000)
    error = failure_of(here.play(copy(CopyAction("b", gone, None, None), here.dest, RetryPolicy())))
    assert isinstance(error, Rejected)
    assert here.playbook == ["b2_copy_file"]


# --- downloads -------------------------------------------------------------------------------------------------------

WHOLE = ["CreateTemp", "b2_download_file_by_id", "Publish"]


def test_a_download_goes_to_a_temporary_file_and_is_then_published() -> None:
    here = stage()
    action = DownloadAction("a", put_remote(here, "a", b"one"), None)
    assert here.play(download(action, RetryPolicy(), 4)) == Success(None)
    assert here.playbook == WHOLE
    assert here.world.disk("here").files == {"a": (b"one", 5000)}


def test_a_download_that_breaks_off_is_tried_again() -> None:
    here = stage(CutDownload(nth=1, after_bytes=2))
    action = DownloadAction("a", put_remote(here, "a", b"one"), None)
    assert here.play(download(action, RetryPolicy(), 4)) == Success(None)
    fetch = "b2_download_file_by_id"
    assert here.playbook == ["CreateTemp", fetch, "Sleep", fetch, "HashTemp", "Publish"]
    assert here.world.disk("here").files == {"a": (b"one", 5000)}


def test_a_corrupt_download_is_tried_again_then_fails_and_leaves_the_old_file() -> None:
    """Corrupt by what the uploader recorded: a large file's SHA-1 that is not that of its content."""
    here = stage()
    version = put_remote(here, "a", b"one")
    lying = FileVersion(version.file_id, "upload", 3, 5000, version.upload_timestamp, "0" * 40)
    here.world.disk("here").put("a", b"old", 1)
    action = DownloadAction("a", lying, LocalFact(3, 1))
    error = failure_of(here.play(download(action, RetryPolicy(max_attempts=3), 4)))
    assert isinstance(error, Corrupt)
    fetch = "b2_download_file_by_id"
    assert here.playbook == ["CreateTemp", fetch, "Sleep", fetch, "Sleep", fetch, "Discard"]
    assert here.world.disk("here").files == {"a": (b"old", 1)}
    assert not here.world.disk("here").temps


def test_a_download_of_another_size_than_planned_is_corrupt() -> None:
    here = stage()
    version = put_remote(here, "a", b"one")
    longer = FileVersion(version.file_id, "upload", 4, 5000, version.upload_timestamp)
    error = failure_of(here.play(download(DownloadAction("a", longer, None), RetryPolicy(max_attempts=1), 4)))
    assert isinstance(error, Corrupt)
    assert here.world.disk("here").files == {}


def test_a_download_over_a_file_that_changed_meanwhile_leaves_that_file() -> None:
    here = stage()
    action = DownloadAction("a", put_remote(here, "a", b"one"), LocalFact(3, 1))
    here.world.disk("here").put("a", b"theirs", 2)
    assert isinstance(failure_of(here.play(download(action, RetryPolicy(), 4))), LocalDrifted)
    assert here.playbook == WHOLE
    assert here.world.disk("here").files == {"a": (b"theirs", 2)}
    assert not here.world.disk("here").temps


def test_a_download_that_is_gone_at_the_source_discards_what_it_began() -> None:
    here = stage()
    gone = FileVersion(FileId("4_zgone_f1000000000000001"), "upload", 3, 5000, 6000)
    assert isinstance(failure_of(here.play(download(DownloadAction("a", gone, None), RetryPolicy(), 4))), Rejected)
    assert here.playbook == ["CreateTemp", "b2_download_file_by_id", "Discard"]


# A recommended part size of 2 bytes makes pieces of 2 bytes.


def in_pieces(here: Stage, version: FileVersion, *, workers: int = 1) -> Result[None, B2Error]:
    action = DownloadAction("a", version, None)
    return here.play(download(action, RetryPolicy(max_attempts=2), 4, recommended=2), workers=workers)


FETCH = "b2_download_file_by_id"


@pytest.mark.parametrize("workers", [1, 3])
def test_pieces_land_where_they_belong_and_the_whole_is_hashed_behind_them(workers: int) -> None:
    here = stage()
    assert in_pieces(here, put_remote(here, "a", b"abcdef"), workers=workers) == Success(None)
    assert here.playbook.count(FETCH) == 3
    assert here.playbook[-2:] == ["HashTemp", "Publish"]
    assert here.world.disk("here").files == {"a": (b"abcdef", 5000)}
    assert not here.world.disk("here").temps


def test_a_piece_that_breaks_off_is_gone_on_with_by_itself() -> None:
    here = stage(CutDownload(nth=2, after_bytes=1))
    assert in_pieces(here, put_remote(here, "a", b"abcdef")) == Success(None)
    assert here.playbook.count(FETCH) == 4
    assert here.world.disk("here").files == {"a": (b"abcdef", 5000)}


def test_a_piece_that_fails_for_good_keeps_the_others_from_starting_and_what_is_there_for_later() -> None:
    here = stage(*(fail_with(FETCH, n, LOST) for n in (2, 3)))
    version = put_remote(here, "a", b"abcdef")
    assert failure_of(in_pieces(here, version)) == LOST
    assert here.playbook.count(FETCH) == 3
    assert here.playbook[-1] == "Keep"
    assert in_pieces(here, version) == Success(None)
    assert here.playbook.count(FETCH) == 2
    assert here.world.disk("here").files == {"a": (b"abcdef", 5000)}


def test_pieces_of_other_content_than_was_recorded_are_corrupt() -> None:
    here = stage()
    version = put_remote(here, "a", b"abcdef")
    lying = FileVersion(version.file_id, "upload", 6, 5000, version.upload_timestamp, "0" * 40)
    assert isinstance(failure_of(in_pieces(here, lying)), Corrupt)
    assert not here.world.disk("here").temps


# --- hiding and deleting ---------------------------------------------------------------------------------------------


def job(here: Stage) -> Job:
    rules = make_rules("up", SyncPolicy(), now_millis=here.world.clock.now_millis())
    return Job(None, here.dest, rules, "apply", RetryPolicy(max_attempts=3))


def test_a_name_is_hidden_and_a_name_that_is_hidden_already_or_gone_is_done() -> None:
    here = stage()
    version = put_remote(here, "to/a", b"one")
    action = HideAction("a", version.file_id)
    for _ in range(2):
        assert here.play(run_action(job(here), action)) == Success(None)
        assert here.playbook == ["b2_hide_file"]
    assert here.play(run_action(job(here), HideAction("never was", version.file_id))) == Success(None)
    assert here.contents() == {}


def delete_action(path: str, file_id: FileId) -> DeleteAction:
    return DeleteAction(path, file_id, file_id, "", OldVersion())


def test_a_version_is_deleted_and_a_version_that_is_gone_is_done() -> None:
    here = stage()
    action = delete_action("a", put_remote(here, "to/a", b"one").file_id)
    for _ in range(2):
        assert here.play(run_action(job(here), action)) == Success(None)
        assert here.playbook == ["b2_delete_file_version"]
    assert here.contents() == {}


def test_a_hiding_whose_reply_is_lost_is_found_and_a_deletion_is_repeated() -> None:
    here = stage(DropReplyAfterCommit("b2_hide_file", 1), DropReplyAfterCommit("b2_delete_file_version", 1))
    version = put_remote(here, "to/a", b"one")
    assert here.play(run_action(job(here), HideAction("a", version.file_id))) == Success(None)
    assert here.playbook == ["b2_hide_file", "Sleep", "b2_list_file_versions"]
    assert here.contents() == {}
    delete = "b2_delete_file_version"
    assert here.play(run_action(job(here), delete_action("a", version.file_id))) == Success(None)
    assert here.playbook == [delete, "Sleep", delete]


def test_other_refusals_of_hiding_and_deleting_are_failures() -> None:
    no = Rejected(400, "bad_request", "no")
    here = stage(fail_with("b2_hide_file", 1, no), fail_with("b2_delete_file_version", 1, no))
    version = put_remote(here, "to/a", b"one")
    assert failure_of(here.play(run_action(job(here), HideAction("a", version.file_id)))) == no
    assert failure_of(here.play(run_action(job(here), delete_action("a", version.file_id)))) == no


def test_a_local_file_is_deleted_only_as_the_plan_saw_it() -> None:
    here = stage()
    disk = here.world.disk("here")
    action = LocalDeleteAction("a", LocalFact(3, 1))
    disk.put("a", b"new", 2)
    assert isinstance(failure_of(here.play(run_action(job(here), action))), LocalDrifted)
    disk.put("a", b"old", 1)
    assert here.play(run_action(job(here), action)) == Success(None)
    assert here.play(run_action(job(here), action)) == Success(None)
    assert here.playbook == ["DeleteLocal"]


# --- stages ----------------------------------------------------------------------------------------------------------


def test_stages_run_in_order_and_what_is_in_one_stage_in_parallel() -> None:
    here = stage()
    versions = [put_remote(here, "to/a", b"one").file_id for _ in range(3)]
    deletes = tuple(DeleteAction("a", one, versions[-1], "", OldVersion()) for one in versions[:2])
    last = DeleteAction("a", versions[-1], versions[-1], "", OldVersion())
    sync = FileSync("a", SourceMissing(), ((HideAction("a", versions[-1]),), deletes, (last,)))
    here.play(run_file_sync(job(here), sync))
    delete = "b2_delete_file_version"
    assert here.playbook == ["b2_hide_file", "All", delete, delete, delete]


def test_a_failed_stage_keeps_the_later_ones_from_running() -> None:
    no = Rejected(400, "bad_request", "no")
    here = stage(fail_with("b2_upload_file", 1, no))
    old = put_remote(here, "to/a", b"old").file_id
    sync = FileSync("a", NewFile(), ((put_local(here, "a", b"new"),), (delete_action("a", old),)))
    here.play(run_file_sync(job(here), sync))
    assert here.playbook == UPLOAD
    assert here.contents() == {"to/a": b"old"}


# --- chunks ----------------------------------------------------------------------------------------------------------


def uploads_of(here: Stage, paths: str) -> list[FileSync]:
    """New files to upload, one for each letter."""
    return [FileSync(path, NewFile(), ((put_local(here, path, b"new"),),)) for path in paths]


def test_a_chunk_is_looked_up_once_before_its_files_go() -> None:
    here = stage()
    outcomes = here.play(run_chunk(job(here), uploads_of(here, "abc")))
    assert {type(outcome) for outcome in outcomes} == {Done}
    assert here.playbook == ["b2_list_file_versions", *UPLOAD, "b2_upload_file", "b2_upload_file"]


def test_once_another_writer_was_seen_each_file_is_looked_up_just_before_it_goes() -> None:
    here = stage()
    chunk, later = uploads_of(here, "abc"), uploads_of(here, "de")
    put_remote(here, "to/b", b"theirs")
    outcomes = here.play(run_chunk(job(here), chunk))
    assert {outcome.sync.path for outcome in outcomes if isinstance(outcome, Drifted)} == {"b"}
    assert here.playbook.count("b2_list_file_versions") == 1 + 3
    here.play(run_chunk(job(here), later))
    assert here.playbook.count("b2_list_file_versions") == 1 + 2, "it is remembered for the rest of the job"
    assert here.contents() == {"to/a": b"new", "to/b": b"theirs", "to/c": b"new", "to/d": b"new", "to/e": b"new"}


def test_what_took_effect_before_a_failure_is_told_and_counted() -> None:
    no = Rejected(400, "bad_request", "no")
    here = stage(fail_with("b2_delete_file_version", 1, no))
    old = put_remote(here, "to/a", b"old").file_id
    upload_action = UploadAction("a", put_local(here, "a", b"new").source, old, None)
    sync = FileSync("a", NewFile(), ((upload_action,), (delete_action("a", old),)))
    (outcome,) = here.play(run_chunk(job(here), [sync]))
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.completed) == (no, (upload_action,))
    builder = ReportBuilder(NewerFileSyncMode.REPLACE)
    builder.add(outcome)
    assert builder.report().done == {"upload": 1}
    assert builder.report().bytes_moved == 3


# --- a look at the destination ---------------------------------------------------------------------------------------


def test_neighbours_are_looked_up_with_one_call_and_crowds_between_are_jumped_over() -> None:
    here = stage()
    for path in ("a", "b", "c"):
        put_remote(here, f"to/{path}", b"one")
    found = here.play(fresh_versions(here.dest, ["a", "b", "c", "d"], RetryPolicy())).unwrap()
    assert here.playbook == ["b2_list_file_versions"]
    assert sorted(found) == ["a", "b", "c"]
    for number in range(60):
        put_remote(here, f"to/b{number:02}", b"between")
    found = here.play(fresh_versions(here.dest, ["a", "b", "c", "d"], RetryPolicy())).unwrap()
    assert here.playbook == ["b2_list_file_versions"] * 2
    assert sorted(found) == ["a", "b", "c"]


def test_all_versions_of_a_name_are_found_however_many_there_are() -> None:
    here = stage()
    for _ in range(50):
        put_remote(here, "to/a", b"one")
    put_remote(here, "to/b", b"one")
    found = here.play(fresh_versions(here.dest, ["a", "b"], RetryPolicy())).unwrap()
    assert {path: len(seen.versions) for path, seen in found.items()} == {"a": 50, "b": 1}
