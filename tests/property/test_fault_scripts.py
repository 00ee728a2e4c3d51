"""Laws of fault scripts: written down and read again, they strike what they say, when they say, and nothing else."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from returns.result import Success

from b2pure.effects.fault_answers import error_of, fail_with
from b2pure.effects.fault_text import decode_script, encode_script, parse_fault, parse_random
from b2pure.effects.faults import (
    ANY_CALL,
    DOWNLOADS,
    RANDOM_KINDS,
    UPLOADS,
    Answer,
    CorruptDownload,
    CorruptUpload,
    CutDownload,
    CutUpload,
    Disconnect,
    DropReplyAfterCommit,
    ExpireTokens,
    FailNth,
    Fault,
    FaultScript,
    NthFault,
    RandomFaults,
    Slow,
)
from b2pure.effects.latency import Latency, seconds
from b2pure.effects.strikes import FaultState, Strike, lift, step
from b2pure.model.errors import B2Error
from b2pure.testing import fault_scripts, passing_errors

NAMES = ("b2_upload_file", "b2_upload_part", "b2_download_file_by_id", "b2_list_buckets", "b2_hide_file")
QUIET = Strike()

texts = st.text(st.characters(codec="utf-8"), max_size=8)
lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
answers = st.one_of(
    st.builds(Answer, st.integers(300, 599), lines, texts, st.none() | st.integers(0, 99)),
    st.builds(
        Answer,
        st.integers(300, 599),
        body=texts,
        content_type=lines,
        retry_after=st.none() | st.integers(0, 99),
        retry_after_form=st.sampled_from(("seconds", "date")),
    ),
)
nth, places = st.integers(1, 12), st.integers(0, 50)
times = st.none() | st.integers(1, 4)
any_name = st.sampled_from((*NAMES, UPLOADS, DOWNLOADS, "b2_*", ANY_CALL))
up_name = st.sampled_from((UPLOADS, "b2_upload_file", "b2_upload_part"))
down_name = st.sampled_from((DOWNLOADS, "b2_download_file_by_id", "b2_download_file_by_name"))
nth_faults: st.SearchStrategy[NthFault] = st.one_of(
    st.builds(FailNth, any_name, nth, answers, times=times),
    st.builds(Disconnect, any_name, nth, st.sampled_from(("refused", "reset", "silent")), times=times),
    st.builds(Slow, any_name, nth, st.floats(0, 9), times=times),
    st.builds(DropReplyAfterCommit, any_name, nth, times=times),
    st.builds(CutUpload, up_name, nth, places, times=times),
    st.builds(CutDownload, down_name, nth, places, times=times),
    st.builds(CorruptUpload, up_name, nth, places, times=times),
    st.builds(CorruptDownload, down_name, nth, places, times=times),
    st.builds(ExpireTokens, any_name, nth, st.sampled_from(("account", "upload", "all")), times=times),
)
chances = st.builds(
    RandomFaults,
    st.integers(0, 1 << 62),
    st.integers(1, 6),
    st.lists(st.sampled_from(RANDOM_KINDS), min_size=1, unique=True).map(tuple),
    any_name,
)
scripts: st.SearchStrategy[FaultScript] = st.lists(st.one_of(nth_faults, chances), max_size=5).map(tuple)
runs = st.lists(st.sampled_from(NAMES), max_size=25)


def strikes(script: FaultScript, names: list[str], *, lifted: frozenset[Fault] = frozenset()) -> list[Strike]:
    """What strikes each call of a run."""
    state, found = FaultState(lifted=lifted), []
    for name in names:
        state, strike = step(script, state, name)
        found.append(strike)
    return found


def meant(fault: Fault, names: list[str]) -> list[int]:
    """The places in a run of the calls that a fault counts. An oracle: names are told apart by a table."""
    groups = {UPLOADS: NAMES[:2], DOWNLOADS: NAMES[2:3], "b2_*": NAMES, ANY_CALL: NAMES}
    group = groups.get(fault.call_name, (fault.call_name,))
    return [place for place, name in enumerate(names) if name in group]


# --- in writing ------------------------------------------------------------------------------------------------------


@given(st.one_of(scripts, fault_scripts()))
def test_a_script_is_the_same_after_it_was_written_and_read(script: FaultScript) -> None:
    assert decode_script(encode_script(script)) == Success(script)


@given(st.binary(max_size=30) | texts.map(str.encode))
def test_whatever_a_file_holds_reading_it_is_a_script_or_an_error(data: bytes) -> None:
    decode_script(data)


@given(
    texts | st.lists(st.sampled_from(("*", "b2_upload_file", "3+", "503", "cut=", "1", "x=")), max_size=5).map(":".join)
)
def test_whatever_is_typed_is_a_fault_or_an_error_that_repeats_it(text: str) -> None:
    for parsed in (parse_fault(text), parse_random(text)):
        assert isinstance(parsed, Success) or repr(text) in str(parsed.failure())


@given(passing_errors())
def test_a_fault_made_of_an_error_is_met_as_that_error(error: B2Error) -> None:
    fault = fail_with("b2_upload_file", 1, error)
    assert isinstance(fault, Disconnect) or error_of(fault.answer) == error


# --- strikes ---------------------------------------------------------------------------------------------------------


@given(nth_faults, runs)
def test_a_fault_strikes_its_calls_and_no_others(fault: NthFault, names: list[str]) -> None:
    """The nth of those that it counts, and `times` - 1 after it; a delay of nothing is no strike."""
    places = meant(fault, names)[fault.nth - 1 :]
    due = places if fault.times is None else places[: fault.times]
    if isinstance(fault, Slow) and fault.seconds == 0:
        due = []
    found = strikes((fault,), names)
    assert [place for place, strike in enumerate(found) if strike != QUIET] == due
    assert len({strike for strike in found if strike != QUIET}) <= 1, "and all alike"


@given(nth_faults, runs)
def test_a_strike_is_what_the_fault_says(fault: NthFault, names: list[str]) -> None:
    says: dict[type, Strike] = {
        FailNth: Strike(answer=getattr(fault, "answer", None)),
        Disconnect: Strike(connection=getattr(fault, "how", None)),
        Slow: Strike(delay_seconds=getattr(fault, "seconds", 0.0)),
        DropReplyAfterCommit: Strike(drop_reply=True),
        CutUpload: Strike(cut_upload=getattr(fault, "after_bytes", None)),
        CutDownload: Strike(cut_download=getattr(fault, "after_bytes", None)),
        CorruptUpload: Strike(corrupt_upload=getattr(fault, "at_byte", None)),
        CorruptDownload: Strike(corrupt_download=getattr(fault, "at_byte", None)),
        ExpireTokens: Strike(expire=getattr(fault, "tokens", None)),
    }
    assert set(strikes((fault,), names)) <= {QUIET, says[type(fault)]}


@given(scripts, runs)
def test_a_script_strikes_what_its_faults_strike_alone(script: FaultScript, names: list[str]) -> None:
    alone = [strikes((fault,), names) for fault in script]
    for place, strike in enumerate(strikes(script, names)):
        ones = [found[place] for found in alone]
        assert strike.delay_seconds == sum(one.delay_seconds for one in ones)
        assert strike.drop_reply == any(one.drop_reply for one in ones)
        for field in ("connection", "answer", "cut_upload", "cut_download", "corrupt_upload", "corrupt_download"):
            first = next((getattr(one, field) for one in ones if getattr(one, field) is not None), None)
            assert getattr(strike, field) == first
        kinds = {one.expire for one in ones} - {None}
        assert strike.expire == (None if not kinds else kinds.pop() if len(kinds) == 1 else "all")


@given(scripts, runs, st.data())
def test_a_lifted_fault_is_as_if_it_were_not_there(script: FaultScript, names: list[str], data: st.DataObject) -> None:
    if script:
        gone = data.draw(st.sampled_from(script))
        rest = tuple(fault for fault in script if fault != gone)
        assert strikes(script, names, lifted=frozenset({gone})) == strikes(rest, names)
        assert lift(FaultState(), gone) == FaultState(lifted=frozenset({gone}))


@given(runs)
def test_the_state_is_how_often_each_call_was_made(names: list[str]) -> None:
    state = FaultState()
    for name in names:
        state, _ = step((), state, name)
    assert dict(state.counts) == Counter(names)


# --- chance ----------------------------------------------------------------------------------------------------------


@given(chances, runs, runs)
def test_chance_depends_on_the_number_of_the_call_alone(fault: RandomFaults, one: list[str], other: list[str]) -> None:
    """The kth call that the fault counts is struck, or is not, whatever was called before and between. (A delay or a
    kind that fits not every call would tell the names apart.)"""
    fault = RandomFaults(fault.seed, fault.one_in, ("reset", "internal_error"), fault.call_name)
    struck = []
    for names in (one, other):
        found = strikes((fault,), names)
        struck.append([found[place] for place in meant(fault, names)])
        assert all(found[place] == QUIET for place in range(len(names)) if place not in meant(fault, names))
    for first, second in zip(*struck, strict=False):
        assert first == second


@given(chances, runs)
def test_chance_strikes_only_with_its_kinds_and_where_they_fit(fault: RandomFaults, names: list[str]) -> None:
    for name, strike in zip(names, strikes((fault,), names), strict=True):
        up, down = name in NAMES[:2], name == NAMES[2]
        fields = {
            "cut_upload": strike.cut_upload is not None,
            "corrupt_upload": strike.corrupt_upload is not None,
            "cut_download": strike.cut_download is not None,
            "corrupt_download": strike.corrupt_download is not None,
            "drop_reply": strike.drop_reply,
            "slow": strike.delay_seconds > 0,
            "expire_tokens": strike.expire is not None,
        }
        kinds = {kind for kind, there in fields.items() if there}
        kinds |= {strike.connection} if strike.connection is not None else set()
        kinds |= {strike.answer.code} if strike.answer is not None else set()
        assert len(kinds) <= 1
        assert kinds <= set(fault.kinds)
        assert up or not kinds & {"cut_upload", "corrupt_upload"}
        assert down or not kinds & {"cut_download", "corrupt_download"}


@given(st.integers(0, 1 << 62))
def test_one_in_one_is_every_call(seed: int) -> None:
    assert QUIET not in strikes((RandomFaults(seed, 1),), ["b2_list_buckets"] * 20)


# --- latency ---------------------------------------------------------------------------------------------------------


@given(
    st.builds(Latency, st.floats(0, 1e6), st.floats(0, 1e6), st.none() | st.floats(1, 1e9)),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 40),
    st.floats(0, 1),
)
def test_more_bytes_never_take_less_time(latency: Latency, one: int, other: int, draw: float) -> None:
    less, more = sorted((one, other))
    assert 0 <= seconds(latency, less, draw) <= seconds(latency, more, draw)
