"""What a download is asked for, what it has got so far, and what came of it.

Rules. From the first answer on everything is of the same version. Places are counted from the first wanted byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from attrs import define, evolve, field, frozen
from returns.result import Result

from b2pure.effects.effect import Fetched, Sizes, Temp
from b2pure.model.calls import DownloadFileById, DownloadFileByName, FetchCall
from b2pure.model.errors import B2Error, Corrupt
from b2pure.model.files import LocalFact
from b2pure.model.ids import FileId
from b2pure.model.limits import RECOMMENDED_PART_SIZE
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.plan.download import Checked, Journal, Unchecked, how_to_check, piece_size
from b2pure.plan.listing import content_sha1_of, mod_time_of
from b2pure.plan.retry import RetryPolicy

__all__ = ["Download", "Downloaded", "Filled", "Known", "NamedFile", "Part", "Work"]


@frozen
class NamedFile:
    """The newest version of a name."""

    bucket_name: str
    file_name: str


@frozen
class Known:
    """What is known of a version before or after its first byte came. Size in bytes, `sha1` in hex."""

    file_id: FileId
    size: int
    sha1: str | None
    mod_time_millis: int


@frozen
class Download:
    """A version, or the `wanted` bytes of it, that becomes the file at `path`, which is `expect` now. `known` saves a
    question. `recommended` is the account's part size, `streams` how many pieces are on their way at once. `label` is
    what events call it. `in_order`: each byte is written after the one before it; with `rewinds` all may be thrown away
    and written anew. `in_place`: what lies beyond the wanted bytes is somebody's own. `alone`: no later scan of the
    folder removes what a killed run leaves, so the next run of the same download must find it.
    """

    label: str
    path: str
    file: FileId | NamedFile
    known: Known | None = None
    wanted: ByteRange | None = None
    key: SseC | None = None
    verify: bool = True
    expect: LocalFact | None = None
    mod_time_millis: int | None = None
    recommended: int = RECOMMENDED_PART_SIZE
    streams: int = 4
    in_order: bool = False
    rewinds: bool = False
    in_place: bool = False
    alone: bool = False

    @property
    def resumes(self) -> bool:
        """Whether it may leave something for a later run. What fits into two pieces is fetched in one go anyway."""
        if self.in_order or self.in_place or self.wanted is not None:
            return False
        return self.known is None or self.known.size >= 2 * piece_size(self.known.size, self.recommended)

    @property
    def may_begin_anew(self) -> bool:
        """Whether what arrived corrupt can be written once more."""
        return self.rewinds or not self.in_order

    @property
    def start(self) -> int:
        """The first byte of the version that is wanted."""
        return 0 if self.wanted is None else self.wanted.start


@frozen
class Downloaded:
    """A finished download: `length` bytes, of which `reused` came with an earlier run, and the others in `pieces`.
    `headers` are those of the first answer.
    """

    version: Known
    length: int
    reused: int
    pieces: int
    checked: Checked | Unchecked
    headers: DownloadReply | None


Filled = Result[Downloaded, B2Error]


@define(eq=False)
class Work:
    """A download under way, shared by all that fetch pieces of it. `there` is what is finished, by first byte, `prefix`
    up to where it has no gap, `hashed` up to where it was hashed; whoever takes the one element of `turn` hashes on.
    `fetching` are the first bytes of the pieces that are on their way. Places are counted from the first wanted byte.
    Watchers have been told of `told` bytes; the next `untold` bytes are not told of, because they were when they came
    for the first time.
    """

    job: Download
    temp: Temp
    retry: RetryPolicy
    known: Known | None
    headers: DownloadReply | None = None
    rest: deque[ByteRange] = field(factory=deque)
    there: dict[int, int] = field(factory=dict)
    prefix: int = 0
    hashed: int = 0
    turn: deque[None] = field(factory=lambda: deque((None,)))
    fetching: set[int] = field(factory=set)
    journal: Iterator[int] | None = None
    pieces: int = 1
    failed: bool = False
    untold: int = 0
    told: int = 0

    def hear(self, headers: DownloadReply) -> B2Error | None:
        """The headers of an answer: from the first on, everything is of the same version."""
        if self.known is None:
            info = dict(headers.file_info)
            self.known = Known(
                headers.file_id,
                headers.total_length,
                content_sha1_of(headers.content_sha1, info),
                mod_time_of(info, headers.upload_timestamp),
            )
        elif self.known.sha1 is None and headers.file_id == self.known.file_id:
            sha1 = content_sha1_of(headers.content_sha1, dict(headers.file_info))
            self.known = evolve(self.known, sha1=sha1)
        self.headers = self.headers or headers
        if (headers.file_id, headers.total_length) != (self.known.file_id, self.known.size):
            return Corrupt("the download", f"version {self.known.file_id}", f"version {headers.file_id}")
        return None

    def call(self, bytes_: ByteRange | None) -> FetchCall:
        """The request for these bytes of the version; None for all."""
        http = None if bytes_ is None else bytes_.http()
        file = self.known.file_id if self.known is not None else self.job.file
        if isinstance(file, NamedFile):
            return DownloadFileByName(file.bucket_name, file.file_name, http, server_side_encryption=self.job.key)
        return DownloadFileById(file, http, server_side_encryption=self.job.key)

    def is_of(self, journal: Journal) -> bool:
        """Whether what the journal tells of is this version."""
        return self.known is not None and (journal.file_id, journal.size) == (self.known.file_id, self.known.size)

    @property
    def length(self) -> int:
        """How many bytes are wanted, once the size is known."""
        assert self.known is not None, "the size is known from the first answer on"
        return self.sizes.of(self.known.size)

    @property
    def piece(self) -> int:
        """How long the pieces are."""
        return piece_size(0 if self.known is None else self.known.size, self.job.recommended)

    @property
    def checked(self) -> Checked | Unchecked:
        """What will be compared at the end, as far as is known by now."""
        if self.known is None:
            return how_to_check(None, whole=True, verify=self.job.verify)
        return how_to_check(self.known.sha1, whole=self.length == self.known.size, verify=self.job.verify)

    @property
    def first_crc(self) -> int | None:
        """The CRC-32 that a piece begins with, if it needs one."""
        return 0 if self.job.resumes and not isinstance(self.checked, Checked) else None

    @property
    def sizes(self) -> Sizes:
        """What tells the length from the size."""
        return Sizes(self.job.label, self.job.wanted)

    def news(self, count: int) -> int:
        """How many of so many bytes that came are to be told of."""
        old = min(self.untold, count)
        self.untold -= old
        self.told += count - old
        return count - old


@define(eq=False)
class Part:
    """The bytes from `start` to `stop` on their way; `got` of them came, with this CRC-32 if it needs one, and this
    SHA-1 if they came in one go.
    """

    start: int
    stop: int
    crc: int | None
    got: int = 0
    sha1: str | None = None
    problem: B2Error | None = None

    def take(self, fetched: Fetched) -> None:
        """Count what came."""
        self.sha1 = fetched.sha1 if self.got == 0 else None if fetched.length else self.sha1
        self.got += fetched.length
        self.crc = fetched.crc
