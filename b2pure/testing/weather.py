"""Bad weather, drawn: fault scripts that a sync has to live with."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from b2pure.effects.fault_answers import fail_with
from b2pure.effects.faults import (
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
    RandomFaults,
    RandomKind,
    Slow,
)
from b2pure.model.errors import B2Error, Throttled, Transport, Unauthorized, Unavailable

__all__ = ["fault_scripts", "passing_answers", "passing_errors", "passing_faults", "random_faults"]

_CALLS = (
    "b2_list_file_versions",
    "b2_get_upload_url",
    "b2_upload_file",
    "b2_start_large_file",
    "b2_get_upload_part_url",
    "b2_upload_part",
    "b2_finish_large_file",
    "b2_copy_file",
    "b2_hide_file",
    "b2_delete_file_version",
    "b2_download_file_by_id",
)
_COMMITTED = ("b2_upload_file", "b2_upload_part", "b2_hide_file", "b2_delete_file_version", "b2_finish_large_file")


def passing_errors() -> st.SearchStrategy[B2Error]:
    """Errors after which trying again helps: 503, 500, 408, 429, a broken connection, an expired token."""
    return st.sampled_from(
        (
            Unavailable(503, "service_unavailable", "busy"),
            Unavailable(500, "internal_error", "oops"),
            Unavailable(408, "request_timeout", "too slow"),
            Unavailable(503, "service_unavailable", "busy", 2.0),
            Throttled(None),
            Throttled(3.0),
            Transport("timeout", "no answer"),
            Transport("broken", "connection reset"),
            Transport("connect", "connection refused"),
            Unauthorized("expired_auth_token", "expired"),
        )
    )


def passing_answers() -> st.SearchStrategy[Answer]:
    """Responses after which trying again helps, as B2 and as a proxy before it gives them."""
    return st.builds(
        Answer,
        st.sampled_from((408, 429, 500, 502, 503, 504)),
        retry_after=st.none() | st.integers(0, 5),
        retry_after_form=st.sampled_from(("seconds", "date")),
        body=st.sampled_from((None, "", "<html><h1>502 Bad Gateway</h1></html>")),
    )


def passing_faults(
    calls: Sequence[str] = _CALLS, committed: Sequence[str] = _COMMITTED, *, max_times: int = 1
) -> st.SearchStrategy[Fault]:
    """One fault of any kind that passes after at most `max_times` strikes: `calls` may fail, of `committed` the
    replies may be lost.
    """
    nth, times, place = st.integers(1, 6), st.integers(1, max_times), st.integers(0, 20)
    named = st.sampled_from(calls)
    return st.one_of(
        st.builds(fail_with, named, nth, passing_errors()),
        st.builds(FailNth, named, nth, passing_answers(), times=times),
        st.builds(Disconnect, named, nth, st.sampled_from(("refused", "reset", "silent")), times=times),
        st.builds(Slow, named, nth, st.floats(0, 30), times=times),
        st.builds(DropReplyAfterCommit, st.sampled_from(committed), nth),
        st.builds(CutUpload, st.sampled_from((UPLOADS, "b2_upload_file", "b2_upload_part")), nth, place, times=times),
        st.builds(CorruptUpload, nth=nth, at_byte=place, times=times),
        st.builds(CutDownload, st.sampled_from((DOWNLOADS, "b2_download_file_by_id")), nth, place, times=times),
        st.builds(CorruptDownload, nth=nth, at_byte=place, times=times),
        st.builds(ExpireTokens, nth=st.integers(2, 30), tokens=st.sampled_from(("account", "upload", "all"))),
        random_faults(),
    )


def random_faults(*, drop_replies: bool = False) -> st.SearchStrategy[RandomFaults]:
    """Faults by chance, so seldom that a patient client gets over them. Lost replies only if asked for."""
    kinds: list[RandomKind] = [kind for kind in RANDOM_KINDS if drop_replies or kind != "drop_reply"]
    chosen = st.lists(st.sampled_from(kinds), min_size=1, unique=True).map(tuple)
    return st.builds(RandomFaults, st.integers(0, 1 << 32), st.integers(8, 60), chosen)


def fault_scripts(*, max_faults: int = 4) -> st.SearchStrategy[FaultScript]:
    """Up to `max_faults` faults of any kind among the first calls of each name. Every one of them passes."""
    return st.lists(passing_faults(), max_size=max_faults).map(tuple)
