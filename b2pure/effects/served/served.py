"""HTTP requests answered by a simulator: the server's side of B2's wire format, without a socket.

Rules. `serve` is the inverse of `wire`: it finds out what a request asks for (`requests`), asks the simulator,
and tells the reply (`replies`). Paths of the versions 1 to 4 are served alike. A `Date` header is the server's
business. To pages of other origins a bucket's CORS rules speak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from attrs import evolve, frozen
from returns.result import Result, Success

from b2pure.effects.served.replies import Served, authorized, downloaded, refusal, rendered
from b2pure.effects.served.requests import (
    ServedRequest,
    check_method,
    download_by_id,
    download_by_name,
    json_call,
    key_pair,
    upload_call,
)
from b2pure.effects.simulator import AccountToken, Simulator
from b2pure.effects.simulator.content import Intake, VaultFailed
from b2pure.effects.simulator.cors import exposed, preflight
from b2pure.effects.simulator.credentials import Endpoint
from b2pure.effects.simulator.rules import Refused
from b2pure.effects.wire import HttpResponse
from b2pure.model.buckets import CorsRule
from b2pure.model.calls import (
    ALL_CALLS,
    AuthorizeAccount,
    Call,
    DownloadFileById,
    DownloadFileByName,
    FetchCall,
    UploadCall,
    UploadFile,
    UploadPart,
)
from b2pure.model.errors import B2Error, Rejected, Unavailable
from b2pure.model.replies import AuthorizationReply

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

_API_PATH: Final = re.compile(r"/b2api/v([1-4])/(b2_[a-z_]+)((?:/.*)?)\Z")
_FILE_PATH: Final = re.compile(r"/file/([^/]*)/(.*)\Z", re.DOTALL)
_CALLS: Final[Mapping[str, type[Call[Any]]]] = {call.name: call for call in ALL_CALLS}


@frozen(eq=False)
class Upload:
    """An upload whose body is on its way. Its URL is occupied until `finish_upload` or `abandon_upload`."""

    endpoint: Endpoint
    call: UploadCall
    intake: Intake
    version: int
    origin_headers: Mapping[str, str]


def call_name_of(target: str) -> str | None:
    """The wire name of the call that a request target is for, if it is for one."""
    path = target.partition("?")[0]
    if _FILE_PATH.match(path) is not None:
        return DownloadFileByName.name
    match = _API_PATH.match(path)
    return match.group(2) if match is not None and match.group(2) in _CALLS else None


def is_upload(target: str) -> bool:
    """Whether a request goes to an upload URL."""
    return call_name_of(target) in (UploadFile.name, UploadPart.name)


# -- uploads


def begin_upload(simulator: Simulator, request: ServedRequest) -> Upload | Served:
    """Occupy the upload URL of a request (`is_upload`) whose body is still to come, or refuse it at once. What comes
    is for the `intake`.
    """
    if request.method == "OPTIONS":
        return serve(simulator, request)
    origin_headers = _origin_headers(simulator, request)
    url, token = _as_v4(request.target), request.header("authorization") or ""
    try:
        check_method(request, "POST")
        call = upload_call(request)
    except Refused as refused:
        simulator.begin_upload(url, token).map(simulator.abandon_upload)  # a refusal spoils the URL
        simulator.note_refused(request.method, call_name_of(request.target) or "", refused.error)
        return _with_headers(refusal(refused.error), origin_headers)
    begun = simulator.begin_upload(url, token, call)
    if not isinstance(begun, Success):
        return _with_headers(refusal(begun.failure()), origin_headers)
    return Upload(begun.unwrap(), call, simulator.intake(call), _version_of(request), origin_headers)


def finish_upload(simulator: Simulator, upload: Upload) -> Served:
    """The whole body is there."""
    try:
        body = upload.intake.finish()
    except VaultFailed as failed:
        simulator.abandon_upload(upload.endpoint)
        return refusal(Unavailable(503, "service_unavailable", str(failed)))
    answer = _rendered(simulator.finish_upload(upload.endpoint, upload.call, body), upload.version)
    return _with_headers(answer, upload.origin_headers)


def abandon_upload(simulator: Simulator, upload: Upload) -> None:
    """The body never came in full."""
    upload.intake.abandon()
    simulator.abandon_upload(upload.endpoint)


def _version_of(request: ServedRequest) -> int:
    match = _API_PATH.match(request.target.partition("?")[0])
    return int(match.group(1)) if match is not None else 4


def _as_v4(target: str) -> str:
    """Upload URLs carry the version of the call that asked for them; the simulator knows them as v4."""
    return re.sub(r"\A/b2api/v[1-4]/", "/b2api/v4/", target)


# -- everything


def serve(simulator: Simulator, request: ServedRequest) -> Served:
    """Answer a request whose body is at hand."""
    if request.method == "OPTIONS":
        return _preflight(simulator, request)
    try:
        served = _route(simulator, request)
    except Refused as refused:
        simulator.note_refused(request.method, call_name_of(request.target) or "", refused.error)
        served = refusal(refused.error)
    served = _with_headers(served, _origin_headers(simulator, request))
    return Served(evolve(served.response, body=b"")) if request.method == "HEAD" else served


def _route(simulator: Simulator, request: ServedRequest) -> Served:
    path, _, query = request.target.partition("?")
    fields = _fields(query)
    file = _FILE_PATH.match(path)
    if file is not None:
        return _download(simulator, request, download_by_name(request, file.group(1), file.group(2), fields), fields)
    api = _API_PATH.match(path)
    call_type = _CALLS.get(api.group(2)) if api is not None else None
    if api is None or call_type is None:
        raise Refused(Rejected(404, "not_found", "there is no such call"))
    version = int(api.group(1))
    if call_type is AuthorizeAccount:
        return _authorize(simulator, request, version)
    if call_type is UploadFile or call_type is UploadPart:
        return _upload(simulator, request)
    if call_type is DownloadFileById:
        return _download(simulator, request, download_by_id(request, fields), fields)
    if call_type is DownloadFileByName:
        raise Refused(Rejected(404, "not_found", "downloads by name are below /file/"))
    call = json_call(request, call_type, fields, version)
    token = AccountToken(request.header("authorization") or "")
    return _rendered(simulator.handle(call, token, api_version=version), version)


def _fields(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, errors="strict"))
    except ValueError:
        raise Refused(Rejected(400, "bad_request", "the query is not percent-encoded UTF-8")) from None


def _upload(simulator: Simulator, request: ServedRequest) -> Served:
    begun = begin_upload(simulator, request)
    if isinstance(begun, Served):
        return begun
    begun.intake.write(request.body)
    return finish_upload(simulator, begun)


def _authorize(simulator: Simulator, request: ServedRequest, version: int) -> Served:
    check_method(request, "GET", "POST")
    answer: Result[AuthorizationReply, B2Error] = simulator.handle(AuthorizeAccount(), key_pair(request))
    return answer.map(lambda reply: authorized(reply, version)).lash(_failed).unwrap()


def _download(simulator: Simulator, request: ServedRequest, call: FetchCall, query: Mapping[str, str]) -> Served:
    token = request.header("authorization") or query.get("Authorization")
    shown = None if token is None else AccountToken(token)
    answer = simulator.fetch(call, shown, head=request.method == "HEAD")
    return answer.map(downloaded).lash(_failed).unwrap()


def _rendered(answer: Result[Any, B2Error], version: int) -> Served:
    return answer.map(lambda reply: rendered(reply, version)).lash(_failed).unwrap()


def _failed(error: B2Error) -> Result[Served, B2Error]:
    return Success(refusal(error))


# -- pages of other origins


def _with_headers(served: Served, headers: Mapping[str, str]) -> Served:
    if not headers:
        return served
    return evolve(served, response=evolve(served.response, headers={**served.response.headers, **headers}))


def _cors_rules(simulator: Simulator, target: str) -> tuple[CorsRule, ...]:
    """The rules of the bucket that a request is about."""
    path, _, query = target.partition("?")
    file = _FILE_PATH.match(path)
    if file is not None:
        return simulator.cors_rules(bucket_name=unquote(file.group(1)))
    fields = dict(parse_qsl(query))
    return simulator.cors_rules(bucket_id=fields.get("bucket"), file_id=fields.get("fileId"))


def _origin_headers(simulator: Simulator, request: ServedRequest) -> dict[str, str]:
    origin, name = request.header("origin"), call_name_of(request.target)
    if origin is None or name is None:
        return {}
    headers = exposed(_cors_rules(simulator, request.target), origin, name)
    return {key.lower(): value for key, value in headers.items()}


def _preflight(simulator: Simulator, request: ServedRequest) -> Served:
    origin, method = request.header("origin"), request.header("access-control-request-method")
    name = call_name_of(request.target)
    if origin is None or method is None or name is None:
        return refusal(Rejected(405, "method_not_allowed", "OPTIONS is for preflights"))
    wanted = (request.header("access-control-request-headers") or "").split(",")
    headers = preflight(_cors_rules(simulator, request.target), origin, name, method, wanted)
    if headers is None:
        return refusal(Rejected(403, "access_denied", "no CORS rule of the bucket allows it"))
    return Served(HttpResponse(200, {"content-length": "0", **{key.lower(): v for key, v in headers.items()}}))
