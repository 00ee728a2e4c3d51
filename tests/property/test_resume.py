"""Laws of the decision which unfinished large file an upload goes on with: every candidate gets its verdict."""

from __future__ import annotations

from hashlib import sha1
from typing import Any, Final

import pytest
from attrs import evolve, frozen
from hypothesis import assume, given
from hypothesis import strategies as st

from b2pure.model.ids import AccountId, BucketId, FileId
from b2pure.model.intents import CopySource
from b2pure.model.new_file import AUTO_CONTENT_TYPE, LARGE_FILE_SHA1, PLAN_ID, NewFile
from b2pure.model.protection import (
    EncryptionReply,
    FileRetention,
    LegalHoldReply,
    RetentionReply,
    RetentionValue,
    SseB2,
    SseC,
)
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import FileReply, PartReply
from b2pure.model.sources import Blob
from b2pure.plan.large_file import CopyRange, Part, SendPart
from b2pure.plan.resume import (
    AllDiffer,
    Behind,
    Candidate,
    Older,
    OtherContentType,
    OtherInfo,
    OtherName,
    OtherParts,
    OtherProtection,
    ResumeDecision,
    Taken,
    Verdict,
    Wanted,
    choose_unfinished,
    tell_stop,
    tell_verdict,
)
from b2pure.plan.verdicts import Why

NAME: Final = "dir/large"
LENGTH: Final = 10
COUNT: Final = 4
INFO: Final = {"color": "red", LARGE_FILE_SHA1: "e" * 40}


def digest(number: int) -> str:
    return sha1(b"%d" % number).hexdigest()


def planned(number: int) -> SendPart:
    return SendPart(number, ByteRange((number - 1) * LENGTH, number * LENGTH), digest(number))


PARTS: Final[tuple[Part, ...]] = tuple(planned(number) for number in range(1, COUNT + 1))
WANTED: Final = Wanted(NAME, "text/plain", INFO, NewFile("text/plain"), PARTS)
SOURCE: Final = FileId("source")
COPIES: Final[tuple[Part, ...]] = tuple(CopyRange(part.number, SOURCE, part.range) for part in PARTS)
KEY: Final = SseC.of(b"k" * 32)


def part(number: int, *, length: int = LENGTH, told: str | None = None) -> PartReply:
    return PartReply(FileId("any"), number, length, told if told is not None else digest(number), None, 0)


def file(file_id: str = "f1", *, started: int = 1000, name: str = NAME, **settings: Any) -> FileReply:
    given: dict[str, Any] = {"content_type": "text/plain", "file_info": INFO, **settings}
    return FileReply(
        account_id=AccountId("a"),
        action="start",
        bucket_id=BucketId("b"),
        content_length=0,
        content_sha1="none",
        file_id=FileId(file_id),
        file_name=name,
        upload_timestamp=started,
        **given,
    )


# --- candidates of every kind -----------------------------------------------------------------------------------------

_GOOD_PARTS = st.sets(st.integers(1, COUNT)).map(lambda numbers: tuple(map(part, sorted(numbers))))
_BAD_PART = st.sampled_from((part(1, length=9), part(2, told="0" * 40), part(COUNT + 1), part(3, length=11)))


@st.composite
def _any_candidate(draw: st.DrawFn) -> Candidate:
    settings: dict[str, Any] = draw(
        st.sampled_from(
            (
                {},
                {},
                {},
                {"name": "dir/large2"},
                {"content_type": "text/html"},
                {"file_info": {}},
                {"file_info": {**INFO, LARGE_FILE_SHA1: "f" * 40}},
                {"file_info": {"color": "red"}},
                {"server_side_encryption": EncryptionReply("SSE-C", "AES256")},
                {"legal_hold": LegalHoldReply(True, "on")},
            )
        )
    )
    parts = draw(_GOOD_PARTS)
    if draw(st.integers(0, 3)) == 0:
        bad = draw(_BAD_PART)
        parts = (*(each for each in parts if each.part_number != bad.part_number), bad)
    return Candidate(file("any", started=draw(st.integers(1, 4)), **settings), parts)


def _numbered(candidates: list[Candidate]) -> list[Candidate]:
    """Every candidate has an id of its own."""
    return [_with_id(candidate, f"f{number}") for number, candidate in enumerate(candidates)]


def _with_id(candidate: Candidate, file_id: str) -> Candidate:
    settings = {name: getattr(candidate.file, name) for name in FileReply.__struct_fields__}
    return evolve(candidate, file=FileReply(**{**settings, "file_id": FileId(file_id)}))


CANDIDATES = st.lists(_any_candidate(), max_size=6).map(_numbered)


def naive_fits(candidate: Candidate) -> bool:
    """Whether it would become the file of WANTED, told without the decision's own words."""
    found, mine = candidate.file, dict(candidate.file.file_info)
    mine.setdefault(LARGE_FILE_SHA1, INFO[LARGE_FILE_SHA1])
    plain = found.server_side_encryption is None and found.legal_hold is None
    same = (found.file_name, found.content_type, mine) == (NAME, "text/plain", INFO)
    ours = {(number, LENGTH, digest(number)) for number in range(1, COUNT + 1)}
    return plain and same and {(p.part_number, p.content_length, p.content_sha1) for p in candidate.parts} <= ours


@given(CANDIDATES)
def test_every_candidate_has_one_verdict(candidates: list[Candidate]) -> None:
    decision = choose_unfinished(WANTED, candidates)
    assert sorted(verdict.file_id for verdict in decision.verdicts) == sorted(str(c.file.file_id) for c in candidates)
    taken = [verdict for verdict in decision.verdicts if isinstance(verdict.why, Taken)]
    assert [verdict.file_id for verdict in taken] == ([] if decision.file_id is None else [decision.file_id])
    assert all(tell_verdict(verdict).startswith(f"{verdict.file_id}: ") for verdict in decision.verdicts)


@given(CANDIDATES)
def test_a_candidate_is_refused_just_when_it_would_become_another_file(candidates: list[Candidate]) -> None:
    fitting = {c.file.file_id for c in candidates if naive_fits(c)}
    decision = choose_unfinished(WANTED, candidates)
    assert {v.file_id for v in decision.verdicts if isinstance(v.why, Taken | Behind)} == fitting
    assert (decision.file_id is None) == (not fitting)


@given(CANDIDATES)
def test_the_one_that_is_taken_is_the_most_complete_then_the_oldest(candidates: list[Candidate]) -> None:
    decision = choose_unfinished(WANTED, candidates)
    fitting = [c for c in candidates if naive_fits(c)]
    assume(fitting)
    best = max(len(c.parts) for c in fitting)
    oldest = min(c.file.upload_timestamp for c in fitting if len(c.parts) == best)
    (taken,) = [c for c in candidates if c.file.file_id == decision.file_id]
    assert (len(taken.parts), taken.file.upload_timestamp) == (best, oldest)


@given(CANDIDATES)
def test_all_parts_of_the_one_that_is_taken_are_ours_and_need_not_be_sent_again(candidates: list[Candidate]) -> None:
    decision = choose_unfinished(WANTED, candidates)
    taken = [c for c in candidates if c.file.file_id == decision.file_id]
    held = {p.part_number for c in taken for p in c.parts}
    assert dict(decision.finished) == {number: digest(number) for number in held}


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(candidates: list[Candidate], chance: Any) -> None:
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    assert_same(choose_unfinished(WANTED, candidates), choose_unfinished(WANTED, shuffled))


def assert_same(one: ResumeDecision, other: ResumeDecision) -> None:
    assert (one.file_id, dict(one.finished), one.verdicts) == (other.file_id, dict(other.finished), other.verdicts)


@given(CANDIDATES, _any_candidate())
def test_a_worse_candidate_more_changes_nothing(candidates: list[Candidate], more: Candidate) -> None:
    before = choose_unfinished(WANTED, candidates)
    taken = [c for c in candidates if c.file.file_id == before.file_id]
    more = _with_id(more, "more")
    assume(not naive_fits(more) or (taken and len(more.parts) < len(taken[0].parts)))
    after = choose_unfinished(WANTED, [*candidates, more])
    assert (after.file_id, dict(after.finished)) == (before.file_id, dict(before.finished))
    assert [v for v in after.verdicts if v.file_id != "more"] == list(before.verdicts)


@given(CANDIDATES)
def test_without_the_one_that_was_taken_the_next_best_is(candidates: list[Candidate]) -> None:
    first = choose_unfinished(WANTED, candidates)
    rest = [c for c in candidates if c.file.file_id != first.file_id]
    behind = [v for v in first.verdicts if isinstance(v.why, Behind)]
    assert (choose_unfinished(WANTED, rest).file_id is None) == (not behind)


# --- verdicts one by one ----------------------------------------------------------------------------------------------


def why(candidate: Candidate, wanted: Wanted = WANTED) -> Why:
    (verdict,) = choose_unfinished(wanted, [candidate]).verdicts
    return verdict.why


def retained(mode: str | None, until: int | None) -> RetentionReply:
    return RetentionReply(True, RetentionValue(mode, until))


SSE_B2, SSE_C = EncryptionReply("SSE-B2", "AES256"), EncryptionReply("SSE-C", "AES256")


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (Candidate(file()), Taken(0)),
        (Candidate(file(), (part(1), part(3))), Taken(2)),
        (Candidate(file(), (part(1), part(2), part(3), part(4))), Taken(4)),
        (Candidate(file(name="dir/large2")), OtherName("dir/large2")),
        (Candidate(file(name="DIR/large")), OtherName("DIR/large")),
        (Candidate(file(content_type="text/html")), OtherContentType("text/plain", "text/html")),
        (Candidate(file(file_info={**INFO, "color": "blue"})), OtherInfo(("color",))),
        (Candidate(file(file_info={LARGE_FILE_SHA1: "e" * 40})), OtherInfo(("color",))),
        (Candidate(file(file_info={**INFO, "size": "L"})), OtherInfo(("size",))),
        (Candidate(file(file_info={"a": "1", "color": "red", "z": "1"})), OtherInfo(("a", "z"))),
        (Candidate(file(file_info={**INFO, LARGE_FILE_SHA1: "f" * 40})), OtherInfo((LARGE_FILE_SHA1,))),
        (Candidate(file(file_info={"color": "red"})), Taken(0)),
        (Candidate(file(file_info={**INFO, PLAN_ID: "x"})), OtherInfo((PLAN_ID,))),
        (Candidate(file(server_side_encryption=SSE_C)), OtherProtection("encryption")),
        (Candidate(file(server_side_encryption=SSE_B2)), Taken(0)),  # a default of the bucket
        (Candidate(file(file_retention=retained("governance", 9))), Taken(0)),  # a default of the bucket
        (Candidate(file(legal_hold=LegalHoldReply(True, "on"))), OtherProtection("legal hold")),
        (Candidate(file(legal_hold=LegalHoldReply(True, "off"))), Taken(0)),
        (Candidate(file(legal_hold=LegalHoldReply(False, None))), Taken(0)),
        (Candidate(file(), (part(5),)), OtherParts(5, "there is no such part")),
        (Candidate(file(), (part(1), part(2, length=9))), OtherParts(2, "another length")),
        (Candidate(file(), (part(1), part(2, told="0" * 40))), OtherParts(2, "another SHA-1")),
        (Candidate(file(), (part(1), part(2, told="unverified:" + digest(2)))), OtherParts(2, "another SHA-1")),
    ],
)
def test_what_is_said_of_a_candidate(candidate: Candidate, expected: Why) -> None:
    assert why(candidate) == expected


def wanting(**settings: Any) -> Wanted:
    return evolve(WANTED, new=NewFile("text/plain", **settings))


@pytest.mark.parametrize(
    ("wanted", "found", "taken"),
    [
        (wanting(encryption=SseB2()), file(server_side_encryption=SSE_B2), True),
        (wanting(encryption=SseB2()), file(server_side_encryption=EncryptionReply()), False),
        (wanting(encryption=SseB2()), file(), False),
        (wanting(encryption=SseB2()), file(server_side_encryption=SSE_C), False),
        (wanting(encryption=KEY), file(server_side_encryption=SSE_C), True),
        (wanting(encryption=KEY), file(server_side_encryption=SSE_B2), False),
        (wanting(encryption=KEY), file(), False),
        (wanting(retention=FileRetention("governance", 9)), file(file_retention=retained("governance", 9)), True),
        (wanting(retention=FileRetention("governance", 9)), file(file_retention=retained("governance", 8)), False),
        (wanting(retention=FileRetention("governance", 9)), file(file_retention=retained("compliance", 9)), False),
        (wanting(retention=FileRetention("governance", 9)), file(file_retention=retained(None, None)), False),
        (wanting(retention=FileRetention("governance", 9)), file(file_retention=RetentionReply(False, None)), False),
        (wanting(retention=FileRetention("governance", 9)), file(), False),
        (wanting(retention=FileRetention(None, None)), file(file_retention=retained(None, None)), True),
        (wanting(retention=FileRetention(None, None)), file(), True),
        (wanting(retention=FileRetention(None, None)), file(file_retention=retained("governance", 9)), False),
        (wanting(legal_hold="on"), file(legal_hold=LegalHoldReply(True, "on")), True),
        (wanting(legal_hold="on"), file(legal_hold=LegalHoldReply(True, "off")), False),
        (wanting(legal_hold="on"), file(legal_hold=LegalHoldReply(True, None)), False),
        (wanting(legal_hold="on"), file(legal_hold=LegalHoldReply(False, None)), False),
        (wanting(legal_hold="on"), file(), False),
        (wanting(legal_hold="off"), file(legal_hold=LegalHoldReply(True, None)), True),
        (wanting(legal_hold="off"), file(legal_hold=LegalHoldReply(True, "on")), False),
        (wanting(custom_upload_timestamp=1000), file(started=1000), True),
        (wanting(custom_upload_timestamp=1000), file(started=1001), False),
    ],
)
def test_encryption_and_locks_must_be_those_that_are_wanted(wanted: Wanted, found: FileReply, taken: bool) -> None:
    """What the key may not read is not known to be right."""
    assert isinstance(why(Candidate(found), wanted), Taken if taken else OtherProtection)


def test_a_type_that_b2_chooses_is_any_type() -> None:
    assert why(Candidate(file(content_type="text/html")), evolve(WANTED, content_type=AUTO_CONTENT_TYPE)) == Taken(0)


def test_names_of_info_pairs_are_the_same_in_either_case_as_b2_keeps_them() -> None:
    new = NewFile("text/plain", {"Color": "red"})
    wanted = evolve(WANTED, new=new, file_info=new.info(**{LARGE_FILE_SHA1: "e" * 40}))
    assert why(Candidate(file()), wanted) == Taken(0)


@pytest.mark.parametrize(("started", "taken"), [(999, False), (1000, False), (1001, True)])
def test_one_that_would_lie_below_the_newest_version_is_not_taken(started: int, taken: bool) -> None:
    """B2 dates a large file by its start. Who sets the time of a file wants it in the past."""
    candidate = Candidate(file(started=started), (part(1),))
    (verdict,) = choose_unfinished(WANTED, [candidate], newest=1000).verdicts
    assert verdict.why == (Taken(1) if taken else Older(1000))
    dated = wanting(custom_upload_timestamp=started)
    assert choose_unfinished(dated, [candidate], newest=1000).file_id == candidate.file.file_id


# --- copied parts and streams -----------------------------------------------------------------------------------------


def test_parts_whose_content_nobody_knows_are_only_trusted_where_the_info_says_what_they_are() -> None:
    done = (part(1, told="a" * 40),)
    blind = evolve(WANTED, parts=COPIES)
    assert why(Candidate(file(), done), blind) == OtherParts(1, "nobody knows what it was copied from")
    told = {**INFO, PLAN_ID: "p"}
    decision = choose_unfinished(evolve(blind, file_info=told), [Candidate(file(file_info=told), done)])
    assert dict(decision.finished) == {1: "a" * 40}
    assert why(Candidate(file(), done), evolve(blind, file_info=told)) == OtherInfo((PLAN_ID,))


def test_a_part_that_was_sent_is_never_trusted_by_its_length_alone() -> None:
    unknown: tuple[Part, ...] = tuple(SendPart(p.number, p.range) for p in PARTS)
    told = {**INFO, PLAN_ID: "p"}
    wanted = evolve(WANTED, parts=unknown, file_info=told)
    assert isinstance(why(Candidate(file(file_info=told), (part(1),)), wanted), OtherParts)


def test_a_part_that_was_put_together_from_a_download_is_trusted_by_the_identity_of_the_plan() -> None:
    pieces = (CopySource.of(SOURCE, 0, 3), Blob(bytes(LENGTH - 3)))
    blind = evolve(WANTED, parts=(SendPart(1, ByteRange(0, LENGTH), None, pieces),))
    done = (part(1, told="a" * 40),)
    assert why(Candidate(file(), done), blind) == OtherParts(1, "nobody knows what it was copied from")
    told = {**INFO, PLAN_ID: "p"}
    assert why(Candidate(file(file_info=told), done), evolve(blind, file_info=told)) == Taken(1)


def _of_plan(candidate: Candidate) -> Candidate:
    """The candidate, whose file tells of a plan as well."""
    settings = {name: getattr(candidate.file, name) for name in FileReply.__struct_fields__}
    info = {**candidate.file.file_info, PLAN_ID: "p"}
    return evolve(candidate, file=FileReply(**{**settings, "file_info": info}))


@given(CANDIDATES, st.none() | st.integers(0, 5))
def test_where_all_candidates_of_a_plan_have_other_parts_the_decision_is_to_stop(
    candidates: list[Candidate], newest: int | None
) -> None:
    """The seed's rule. One that is only too old was compared, and is no reason; without a plan there never is one."""
    wanted = evolve(WANTED, file_info={**INFO, PLAN_ID: "p"})
    without_parts = {c.file.file_id for c in candidates if naive_fits(evolve(c, parts=()))}
    differing = {c.file.file_id for c in candidates if c.file.file_id in without_parts and not naive_fits(c)}
    decision = choose_unfinished(wanted, list(map(_of_plan, candidates)), newest)
    if differing and differing == without_parts:
        assert decision.stop is not None
        assert set(decision.stop.files) == differing
        assert decision.file_id is None
    else:
        assert decision.stop is None
    assert choose_unfinished(WANTED, candidates, newest).stop is None


def test_a_stop_names_the_files_and_the_way_out() -> None:
    told = tell_stop(AllDiffer((FileId("f1"), FileId("f2"))))
    assert "f1, f2" in told
    assert "resume=False" in told


def test_the_parts_of_a_stream_only_show_as_it_is_read() -> None:
    stream = evolve(WANTED, parts=None)
    assert why(Candidate(file(), (part(7, length=3),)), stream) == Taken(1)


@pytest.mark.parametrize(
    ("wanted", "found", "taken"),
    [(None, "e", False), ("e", None, True), ("e", "e", True), ("e", "f", False), (None, None, True)],
)
def test_a_digest_that_nobody_checks_is_not_put_on_a_stream(wanted: str | None, found: str | None, taken: bool) -> None:
    """The file that is gone on with keeps its info: a digest there has to be that of the stream."""

    def info(letter: str | None) -> dict[str, str]:
        return {} if letter is None else {LARGE_FILE_SHA1: letter * 40}

    stream = evolve(WANTED, parts=None, file_info=info(wanted))
    assert isinstance(why(Candidate(file(file_info=info(found))), stream), Taken if taken else OtherInfo)


@frozen
class _Told:
    why: Why
    text: str


@pytest.mark.parametrize(
    "told",
    [
        _Told(Taken(2), "f1: taken, with 2 finished parts"),
        _Told(Behind(1), "f1: it has 1 finished parts; another was taken"),
        _Told(OtherName("x"), "f1: it is for another name, 'x'"),
        _Told(OtherContentType("a/b", "c/d"), "f1: its content type is c/d, not a/b"),
        _Told(OtherInfo(("a", "b")), "f1: its file info differs in a, b"),
        _Told(OtherProtection("legal hold"), "f1: its legal hold is another"),
        _Told(
            Older(7),
            "f1: it was started before the newest version of the name was uploaded (7)",
        ),
        _Told(OtherParts(3, "another length"), "f1: part 3: another length"),
    ],
    ids=lambda told: type(told.why).__name__,
)
def test_verdicts_are_told_in_words(told: _Told) -> None:
    assert tell_verdict(Verdict(FileId("f1"), 1, told.why)) == told.text
