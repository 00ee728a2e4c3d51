"""HTTP requests answered by a simulator, without a socket: B2's wire format, and a page for a person to look at."""

from b2pure.effects.served.served import (
    Served,
    ServedRequest,
    Upload,
    abandon_upload,
    begin_upload,
    call_name_of,
    finish_upload,
    is_upload,
    refusal,
    serve,
)

__all__ = [
    "Served",
    "ServedRequest",
    "Upload",
    "abandon_upload",
    "begin_upload",
    "call_name_of",
    "finish_upload",
    "is_upload",
    "refusal",
    "serve",
]
