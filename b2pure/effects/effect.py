"""The vocabulary of programs: everything that a program can ask the world for, as data.

Rules. A program yields effects and gets replies; it never touches a socket, a file, a clock or a lock itself. One
effect moves one part or one file: loops over chunks live in the handlers. Whatever the world answers comes back as a
`Result`; plain values come from what cannot fail. Paths of local effects are relative to the one local folder of the
job, with `/` between segments: which folder that is, and that nothing outside it is touched, is the disk's duty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from attrs import field, frozen
from returns.result import Result

from b2pure.effects.events import Event
from b2pure.model.account import Authorization, UploadUrl
from b2pure.model.calls import Call, FetchCall
from b2pure.model.errors import B2Error, LocalDrifted, LocalFailure
from b2pure.model.files import LocalFact
from b2pure.model.limits import PartSizes
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.model.sources import Body, StreamPiece
from b2pure.plan.actions import SyncAction
from b2pure.plan.holds import Held, HoldEvent
from b2pure.plan.session import SessionDecision, SessionEvent
from b2pure.plan.urls import PoolDecision, PoolEvent

__all__ = [
    "All",
    "AnyEffect",
    "AwaitSession",
    "CrcTemp",
    "CreateTemp",
    "Credential",
    "CutTemp",
    "DeleteLocal",
    "Digests",
    "Discard",
    "Draw",
    "DropPiece",
    "Effect",
    "Emit",
    "Fetch",
    "FetchBytes",
    "Fetched",
    "FetchedBytes",
    "HandOver",
    "HashBody",
    "HashParts",
    "HashTemp",
    "Keep",
    "LocalError",
    "Now",
    "Publish",
    "ReadTail",
    "Release",
    "Reserve",
    "Send",
    "Sizes",
    "Sleep",
    "Stat",
    "StepCrowd",
    "StepHolds",
    "StepPool",
    "StepSession",
    "TakePiece",
    "TakenPiece",
    "Temp",
    "WriteTemp",
]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Credential = Authorization | UploadUrl | None
"""What a call is sent with, by its `token`: account, upload_url, or key (None: the handler holds the key)."""

LocalError = LocalFailure | LocalDrifted


class Effect(Generic[R_co]):
    """Something to be done whose reply is an `R_co`. Only the classes of this module are effects."""

    __slots__ = ()


@frozen
class Temp:
    """A temporary file that belongs to one download: `path` is the final path, `name` the handler's own name. `kept`
    when an earlier run left it, with what it had fetched.
    """

    path: str
    name: str
    kept: bool = False


@frozen
class Fetched:
    """What came of a body: the headers, if they came; the error that ended it; how many bytes were written all the
    same, the CRC-32 of them and of what came before, and their hex SHA-1, if these were asked for.
    """

    headers: DownloadReply | None
    error: B2Error | None
    length: int
    crc: int | None
    sha1: str | None


@frozen
class Send(Effect[Result[R, B2Error]]):
    """One HTTP exchange of a call whose reply is JSON."""

    call: Call[R]
    credential: Credential


@frozen
class Sizes:
    """How many bytes a download will have, once an answer tells how many its version has; `label` is what events call
    it, `wanted` its range (None: all).
    """

    label: str
    wanted: ByteRange | None = None

    def of(self, total: int) -> int:
        """Bytes of a version of `total` bytes that are wanted."""
        return total if self.wanted is None else max(0, min(self.wanted.stop, total) - self.wanted.start)


@frozen
class Fetch(Effect[Fetched]):
    """One HTTP exchange whose body is written to a temporary file from `offset` on. `crc` is the CRC-32 to go on with
    (None: none is wanted), `sha1` whether the digest of what comes is wanted. No more than `most` bytes are written
    (None: any number). `before` bytes of the same piece came with earlier requests. With `sizes`, watchers are told
    the size that shows.
    """

    call: FetchCall
    credential: Authorization
    temp: Temp
    offset: int
    crc: int | None = None
    sha1: bool = False
    most: int | None = None
    before: int = 0
    sizes: Sizes | None = None


@frozen
class FetchedBytes:
    """What came of a body into memory: the headers, if they came; the error that ended it; what came all the same."""

    headers: DownloadReply | None
    error: B2Error | None
    data: bytes = field(repr=False)


@frozen
class FetchBytes(Effect[FetchedBytes]):
    """One HTTP exchange whose body, `most` bytes of it at most, comes into memory. Room was reserved for it."""

    call: FetchCall
    credential: Authorization
    most: int


@frozen
class Reserve(Effect[bool]):
    """Room in memory for so many downloaded bytes. False when others have it: who asked waited a little, and asks
    again. More than all the room there is is given to who is alone.
    """

    length: int


@frozen
class Release(Effect[None]):
    """So many reserved bytes are not needed any more."""

    length: int


@frozen
class Stat(Effect[Result[LocalFact | None, LocalFailure]]):
    """Size and time of a local file, None when there is none."""

    path: str


@frozen
class HashBody(Effect[Result[str, LocalError]]):
    """Hex SHA-1 of a body."""

    body: Body


@frozen
class Digests:
    """Hex SHA-1 of a whole body, and of each part of it."""

    whole: str
    parts: tuple[str, ...]


@frozen
class HashParts(Effect[Result[Digests, LocalError]]):
    """The digests of a body and of its adjacent `ranges`, which cover it, in one pass over the data."""

    body: Body
    ranges: tuple[ByteRange, ...]


@frozen
class TakenPiece:
    """A piece of the job's stream: `last` when the stream ended with it. Pieces count from 1."""

    body: StreamPiece
    sha1: str
    last: bool


@frozen
class TakePiece(Effect[Result[TakenPiece | None, LocalError]]):
    """The next piece of the job's stream, kept until it is dropped: of the next of `sizes`' part sizes, or shorter
    where the stream ends. None when a piece before was the last. Only the first piece may be empty. One who takes
    waits for whoever takes the piece before.
    """

    sizes: PartSizes


@frozen
class DropPiece(Effect[None]):
    """The piece is not needed any more."""

    piece: StreamPiece


@frozen
class CreateTemp(Effect[Result[Temp, LocalFailure]]):
    """A temporary file beside `path`, whose folder is made if it is missing: empty, or with `resume` the one that an
    earlier download to the same path left, if nobody uses it.
    """

    path: str
    resume: bool = False


@frozen
class ReadTail(Effect[Result[tuple[int, bytes], LocalFailure]]):
    """The length of a temporary file and its last bytes, `most` at most."""

    temp: Temp
    most: int


@frozen
class WriteTemp(Effect[Result[None, LocalFailure]]):
    """Write bytes of our own into a temporary file."""

    temp: Temp
    offset: int
    data: bytes


@frozen
class CutTemp(Effect[Result[None, LocalFailure]]):
    """Shorten a temporary file to so many bytes, and forget what was hashed of it."""

    temp: Temp
    length: int


@frozen
class HashTemp(Effect[Result[str, LocalFailure]]):
    """Hex SHA-1 of the first `until` bytes of a temporary file. What was hashed before is not read again: whoever
    asks for ever more of a file has its digest as soon as its last bytes are there.
    """

    temp: Temp
    until: int


@frozen
class CrcTemp(Effect[Result[int, LocalFailure]]):
    """CRC-32 of a range of a temporary file."""

    temp: Temp
    range: ByteRange


@frozen
class Publish(Effect[Result[None, LocalError]]):
    """Cut a temporary file to its content, give it its modification time and its final name, if what is there now is
    still `expect`.
    """

    temp: Temp
    mod_time_millis: int
    expect: LocalFact | None
    length: int


@frozen
class Discard(Effect[None]):
    """Remove a temporary file."""

    temp: Temp


@frozen
class Keep(Effect[None]):
    """Leave a temporary file for a later run."""

    temp: Temp


@frozen
class DeleteLocal(Effect[Result[None, LocalError]]):
    """Remove a local file if it is still `expect`. A file that is gone already is a success."""

    path: str
    expect: LocalFact


@frozen
class HandOver(Effect[Result[None, B2Error]]):
    """Let whoever runs the job do an action of a sync."""

    action: SyncAction


@frozen
class Sleep(Effect[None]):
    seconds: float


@frozen
class Now(Effect[int]):
    """Milliseconds since the epoch."""


@frozen
class Draw(Effect[float]):
    """A random number, 0 <= x < 1."""


@frozen
class StepSession(Effect[SessionDecision]):
    """Bring an event to the job's session machine."""

    event: SessionEvent


@frozen
class AwaitSession(Effect[None]):
    """Wait until nobody is authorizing."""


@frozen
class StepPool(Effect[PoolDecision]):
    """Bring an event to the pool of upload URLs of a bucket id or large file id."""

    key: str
    event: PoolEvent


@frozen
class StepHolds(Effect[Held]):
    """Bring an event to the client's book of large files that somebody works on. What a job took and did not leave is
    left when the job is over.
    """

    event: HoldEvent


@frozen
class StepCrowd(Effect[bool]):
    """Tell whether another writer was seen at the destination; the reply is whether one ever was, in this job."""

    seen: bool


@frozen
class Emit(Effect[None]):
    """Tell whoever watches."""

    event: Event


@frozen
class All(Effect[tuple[Result[R, B2Error] | None, ...]]):
    """Run programs in parallel. After a failure no further one is started; one that never ran gives None."""

    programs: Iterable[Any]


AnyEffect = (
    Send[Any]
    | Fetch
    | FetchBytes
    | Reserve
    | Release
    | Stat
    | HashBody
    | HashParts
    | TakePiece
    | DropPiece
    | CreateTemp
    | ReadTail
    | WriteTemp
    | CutTemp
    | HashTemp
    | CrcTemp
    | Publish
    | Discard
    | Keep
    | DeleteLocal
    | HandOver
    | Sleep
    | Now
    | Draw
    | StepSession
    | AwaitSession
    | StepPool
    | StepHolds
    | StepCrowd
    | Emit
    | All[Any]
)
