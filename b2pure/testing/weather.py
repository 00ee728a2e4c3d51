"""Bad weather, drawn: fault scripts that a sync has to live with."""

from __future__ import annotations

from hypothesis import strategies as st

from b2pure.effects.faults import CutDownload, DropReplyAfterCommit, ExpireTokens, FailNth, Fault, FaultScript
from b2pure.model.errors import B2Error, Throttled, Transport, Unauthorized, Unavailable

__all__ = ["fault_scripts", "passing_errors"]

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


def fault_scripts(*, max_faults: int = 4) -> st.SearchStrategy[FaultScript]:
    """Up to `max_faults` faults among the first calls of each kind: failures, lost replies, cut downloads, expired
    tokens. Every one of them passes.
    """
    nth = st.integers(1, 6)
    fault: st.SearchStrategy[Fault] = st.one_of(
        st.builds(FailNth, st.sampled_from(_CALLS), nth, passing_errors()),
        st.builds(DropReplyAfterCommit, st.sampled_from(_COMMITTED), nth),
        st.builds(CutDownload, nth, st.integers(0, 20)),
        st.builds(ExpireTokens, st.integers(2, 30)),
    )
    return st.lists(fault, max_size=max_faults).map(tuple)
