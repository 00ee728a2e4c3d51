"""How often an upload was tried, what went wrong each time, and with which file.

Rules. Every upload, of a file or of a part, is counted by itself, and so is every wish for an upload URL. Only what was
tried in vain as often as there is patience for is MaxRetriesExceeded; what trying again cannot help is told as it is.
An error of a call that names a file by its id (what is copied, the large file that is gone on with) is told with that
one, and not with the name of the new file.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from attrs import define, evolve, field
from returns.io import IOResult, IOSuccess
from returns.result import Result

from b2pure.effects.effect import Credential
from b2pure.effects.handlers import Api, Heard, Reader, Sink, unheard
from b2pure.effects.program import Program, ok
from b2pure.model.account import Authorization
from b2pure.model.calls import Call, FetchCall, GetUploadPartUrl, GetUploadUrl, UploadFile, UploadPart
from b2pure.model.errors import B2Error
from b2pure.model.replies import DownloadReply
from b2pure.shell.v1.error_table import Context
from b2pure.shell.v1.exceptions import B2Error as B2Exception
from b2pure.shell.v1.exceptions import MaxRetriesExceeded, Unauthorized
from b2pure.shell.v1.session import Session, Work

__all__ = ["run_upload"]

R = TypeVar("R")

_SEVERAL: Final = 2


def run_upload(session: Session, program: Program[Result[R, B2Error]], work: Work) -> R:
    """What a program that makes a file comes to. Raises what its error is, or all that went wrong, when trying again
    did not help.
    """
    tries = _Tries()
    result = session.outcome(program, evolve(work, around=lambda api: _Overheard(work.around(api), tries)))
    if ok(result):
        return result.unwrap()
    error = result.failure()
    file_id = tries.file_of(error)
    context = work.context if file_id is None else evolve(work.context, file_name=None, file_id=file_id)
    raised = session.exception(error, context)
    met = tries.until(error)
    if len(met) < _SEVERAL or not _in_vain(raised):
        raise raised from None
    told = [session.exception(each, context) for each in met[:-1]]
    raise MaxRetriesExceeded(len(met), [*told, raised]) from raised


def _in_vain(raised: Exception) -> bool:
    """Whether patience was at its end, rather than the error hopeless from the start."""
    return isinstance(raised, B2Exception) and raised.should_retry_upload() and type(raised) is not Unauthorized


@define(eq=False)
class _Tries:
    """The errors of each call that failed so far, in order: of uploads; and of calls that name a file by its id,
    with that id.
    """

    failed: dict[int, tuple[Call[Any], list[B2Error]]] = field(factory=dict)
    files: list[tuple[B2Error, str]] = field(factory=list)

    def heard(self, call: Call[Any], error: B2Error) -> None:
        """A try failed. The call is kept, so that no other gets its number."""
        self.failed.setdefault(id(call), (call, []))[1].append(error)

    def file_of(self, error: B2Error) -> str | None:
        """The id that the call named whose error this is, if it named one."""
        return next((file_id for met, file_id in self.files if met is error), None)

    def until(self, error: B2Error) -> list[B2Error]:
        """The errors of the call that this one was the last of; none where it was no call that is counted."""
        return next((met for _, met in self.failed.values() if met[-1] is error), [])


class _Overheard:
    """An api whose failed uploads are counted."""

    def __init__(self, api: Api, tries: _Tries) -> None:
        self._api, self._tries = api, tries

    def send(self, call: Call[R], credential: Credential, reader: Reader) -> IOResult[R, B2Error]:
        answer = self._api.send(call, credential, reader)
        if isinstance(answer, IOSuccess):
            self._tries.failed.pop(id(call), None)
            return answer
        return answer.alt(lambda error: self._told(call, error))

    def fetch(
        self, call: FetchCall, authorization: Authorization, sink: Sink, heard: Heard = unheard
    ) -> IOResult[DownloadReply, B2Error]:
        return self._api.fetch(call, authorization, sink, heard).alt(lambda error: self._told(call, error))

    def _told(self, call: Call[Any] | FetchCall, error: B2Error) -> B2Error:
        file_id = Context.of(call).file_id
        if file_id is not None:
            self._tries.files.append((error, file_id))
        if isinstance(call, UploadFile | UploadPart | GetUploadUrl | GetUploadPartUrl):
            self._tries.heard(call, error)
        return error
