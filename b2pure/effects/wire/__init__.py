"""B2's wire format as pure functions: calls to HTTP requests, HTTP responses to replies and errors."""

from b2pure.effects.wire.replies import (
    authorization_from,
    decode,
    decode_body,
    decode_download_headers,
    decode_error,
    http_date,
)
from b2pure.effects.wire.requests import encode, unsendable
from b2pure.effects.wire.values import (
    API_VERSION,
    DIGEST_LENGTH,
    OVERRIDES,
    PRODUCTION_URL,
    SSE_B2_HEADER,
    SSE_C_HEADERS,
    Headers,
    HttpRequest,
    HttpResponse,
    KeyPair,
    header_encoded,
    header_problem,
    info_key_problem,
    overrides_of,
    plain,
)

__all__ = [
    "API_VERSION",
    "DIGEST_LENGTH",
    "OVERRIDES",
    "PRODUCTION_URL",
    "SSE_B2_HEADER",
    "SSE_C_HEADERS",
    "Headers",
    "HttpRequest",
    "HttpResponse",
    "KeyPair",
    "authorization_from",
    "decode",
    "decode_body",
    "decode_download_headers",
    "decode_error",
    "encode",
    "header_encoded",
    "header_problem",
    "http_date",
    "info_key_problem",
    "overrides_of",
    "plain",
    "unsendable",
]
