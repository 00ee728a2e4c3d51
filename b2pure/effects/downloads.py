"""Downloading one version, or a range of it: to a temporary file, verified, then renamed over the old file.

What stood at the final name stays whole until the new content is whole and verified: size always, SHA-1 wherever B2 or
the uploader recorded one. A long file is fetched in pieces, some at once; a piece that breaks off is gone on with where
it stopped, and what is finished is written down (`plan.download`), so that a later run need not fetch it again. While
pieces arrive, the whole is hashed close behind them. Once a byte has come, everything else comes from the same version,
by its id. A target that cannot be written twice (`in_order`) gets the bytes in one stretch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Final

from attrs import define, evolve, field, frozen
from returns.result import Failure, Result, Success

from b2pure.effects.effect import (
    All,
    CrcTemp,
    CreateTemp,
    CutTemp,
    Discard,
    Draw,
    Emit,
    Fetch,
    Fetched,
    HashTemp,
    Keep,
    Publish,
    ReadTail,
    Sizes,
    Sleep,
    Stat,
    Temp,
    WriteTemp,
)
from b2pure.effects.events import BytesMoved, Sized
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import with_token
from b2pure.model.account import Authorization
from b2pure.model.calls import DownloadFileById, DownloadFileByName, FetchCall
from b2pure.model.errors import B2Error, Corrupt, LocalFailure, Rejected, Transport
from b2pure.model.files import FileVersion, LocalFact
from b2pure.model.ids import FileId
from b2pure.model.limits import MAX_FILE_SIZE, RECOMMENDED_PART_SIZE
from b2pure.model.protection import SseC
from b2pure.model.ranges import ByteRange
from b2pure.model.replies import DownloadReply
from b2pure.plan.actions import DownloadAction
from b2pure.plan.download import (
    MAX_RECORDS,
    TAIL_SIZE,
    Checked,
    Found,
    Journal,
    Mark,
    Piece,
    Unchecked,
    believed,
    cut,
    gaps,
    how_to_check,
    journal_header,
    journal_record,
    piece_size,
    read_journal,
    record_place,
)
from b2pure.plan.listing import content_sha1_of, mod_time_of
from b2pure.plan.resume import may_go_on_later
from b2pure.plan.retry import GiveUp, RetryAfter, RetryPolicy, RetryState, step_retry

__all__ = ["Download", "Downloaded", "Known", "NamedFile", "download", "download_file", "download_over"]


_FAR_BEHIND: Final = 4
"""So many pieces may wait to be hashed before all but one of those who fetch wait as well: what is left at the end is
hashed while nobody has anything else to do.
"""
_PAUSE_SECONDS: Final = 0.004


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


def download(
    action: DownloadAction,
    retry: RetryPolicy,
    streams: int,
    key: SseC | None = None,
    recommended: int = RECOMMENDED_PART_SIZE,
) -> Program[Result[None, B2Error]]:
    """Bring the version of a sync to the local path. On any failure the path is as it was."""
    source = action.source
    job = Download(
        action.path,
        action.path,
        source.file_id,
        _known_of(source),
        key=key,
        expect=action.expect,
        recommended=recommended,
        streams=streams,
    )
    return (yield from download_file(job, retry)).map(lambda _: None)


def _known_of(version: FileVersion) -> Known:
    return Known(version.file_id, version.size, version.sha1, version.mod_time_millis)


def download_file(job: Download, retry: RetryPolicy) -> Program[Filled]:
    """The file. On any failure what was at its path is as it was."""
    created = yield from perform(CreateTemp(job.path, job.resumes or job.alone))
    if not ok(created):
        return Failure(created.failure())
    temp = created.unwrap()
    filled, reusable = yield from _fill(job, temp, retry)
    if not ok(filled):
        error = filled.failure()
        later = reusable and may_go_on_later(error) and not isinstance(error, LocalFailure)
        yield from perform(Keep(temp) if later else Discard(temp))
        return filled
    got = filled.unwrap()
    mod_time = job.mod_time_millis if job.mod_time_millis is not None else got.version.mod_time_millis
    published = yield from perform(Publish(temp, mod_time, job.expect, got.length))
    if not ok(published):
        return Failure(published.failure())
    if got.pieces == 1 and not got.reused:  # others tell of each piece
        yield from perform(Emit(BytesMoved(job.label, got.length)))
    return filled


def download_over(job: Download, retry: RetryPolicy) -> Program[Filled]:
    """The file, over whatever is at its path when the download begins."""
    found = yield from perform(Stat(job.path))
    if not ok(found):
        return Failure(found.failure())
    return (yield from download_file(evolve(job, expect=found.unwrap(), alone=True), retry))


def _fill(job: Download, temp: Temp, retry: RetryPolicy) -> Program[tuple[Filled, bool]]:
    """The content into the temporary file, again from the start if it arrives corrupt; and whether a later run could
    use what is there after a failure.
    """
    state = RetryState()
    left, found = (yield from _left_over(job, temp)) if temp.kept else (None, _NOTHING)
    told = 0
    while True:
        work = _Work(job, temp, retry, job.known, untold=told, told=told)
        result = yield from _fill_once(work, left, found)
        told = work.told
        if ok(result) or not job.may_begin_anew or not isinstance(result.failure(), Corrupt):
            return result, work.journal is not None and bool(work.there)
        if job.resumes or job.in_place or job.rewinds:
            yield from perform(CutTemp(temp, 0))
        jitter = yield from perform(Draw())
        state, decision = step_retry(retry, state, result.failure(), "other", jitter)
        if isinstance(decision, GiveUp):
            return result, False
        if isinstance(decision, RetryAfter) and left is None:
            yield from perform(Sleep(decision.seconds))
        left = None


# -- what an earlier run left


_NOTHING: Final = Found(0, True, ())


def _left_over(job: Download, temp: Temp) -> Program[tuple[Journal | None, Found]]:
    """What is there already, and what the file itself shows of it; else it is emptied."""
    journal = None
    if job.resumes:
        read = yield from perform(ReadTail(temp, TAIL_SIZE))
        journal = read_journal(*read.unwrap()) if ok(read) else None
    wanted = job.file if isinstance(job.file, str) else None
    if journal is not None and wanted in (None, journal.file_id):
        return journal, (yield from _looked_at(temp, journal))
    yield from perform(CutTemp(temp, 0))
    return None, _NOTHING


def _looked_at(temp: Temp, journal: Journal) -> Program[Found]:
    right, all_right = 0, True
    for mark in sorted(journal.marks, key=lambda mark: mark.until):
        digest = yield from perform(HashTemp(temp, mark.until))
        all_right = ok(digest) and Mark.of(mark.until, digest.unwrap()) == mark
        if not all_right:
            yield from perform(HashTemp(temp, right))  # so that it goes on from there
            break
        right = mark.until
    by_crc = []
    for piece in journal.pieces:
        if piece.crc is not None:
            crc = yield from perform(CrcTemp(temp, piece.range))
            by_crc += [piece] if ok(crc) and crc.unwrap() == piece.crc else []
    return Found(right, all_right, tuple(by_crc))


# -- the content


@define(eq=False)
class _Work:
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
class _Part:
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


def _fill_once(work: _Work, left: Journal | None, found: Found) -> Program[Filled]:
    sha1: str | None = None
    reused = 0
    if left is not None and not believed(left, found, checked=True):  # nothing to go on with
        yield from perform(CutTemp(work.temp, 0))
        left = None
    if work.known is None and left is not None:  # one byte, which is there already, tells whether it is this version
        peeked = yield from _fetch(work, 0, 1)
        if not ok(peeked) and not _is_empty(peeked.failure()):
            return Failure(peeked.failure())
    checked = isinstance(work.checked, Checked)
    pieces = () if left is None or not work.is_of(left) else believed(left, found, checked=checked)
    if left is not None and not pieces:
        yield from perform(CutTemp(work.temp, 0))
        left = None
    if left is None:
        if work.known is not None:
            yield from _tell_size(work, 0)
        first = yield from _fetch_first(work)
        if not ok(first):
            return Failure(first.failure())
        sha1 = first.unwrap()
    else:
        work.there = {piece.start: piece.stop for piece in pieces}
        work.journal = count(left.records)
        missing = _missing(work)
        work.prefix = missing[0].start if missing else work.length
        work.hashed = found.right
        reused = work.length - sum(gap.length for gap in missing)
        yield from _tell_size(work, reused)
    fetched = yield from _fetch_rest(work)
    if not ok(fetched):
        return Failure(fetched.failure())
    return (yield from _verified(work, sha1, reused))


def _tell_size(work: _Work, reused: int) -> Program[None]:
    """A sync knows the sizes of its files; who watches a single download does not."""
    work.told += reused
    if work.job.alone:
        yield from perform(Emit(Sized(work.job.label, work.length, reused)))


def _missing(work: _Work) -> tuple[ByteRange, ...]:
    done = (ByteRange(start, stop) for start, stop in work.there.items())
    return gaps(ByteRange(0, work.length), done)


def _fetch_first(work: _Work) -> Program[Result[str | None, B2Error]]:
    """The first piece, or all where that is known to be little; its SHA-1 if it is all there is."""
    job = work.job
    if work.known is not None and job.wanted is not None and not work.length:
        told = f"the file has {work.known.size} bytes, none of them in the range that was asked for"
        return Failure(Rejected(416, "range_not_satisfiable", told))
    if work.known is not None:
        piece = piece_size(work.known.size, job.recommended)
        stop = work.length if work.length < 2 * piece or job.in_order else None
        if stop is None:
            yield from _begin_journal(work)
            return Success(None)
        fetched = yield from _fetch(work, 0, stop, sha1=job.verify, whole=job.wanted is None)
    elif job.in_order:
        stop = MAX_FILE_SIZE if job.wanted is None else job.wanted.length
        everything = job.wanted is None
        fetched = yield from _fetch(work, 0, stop, sha1=job.verify, whole=everything, tells_size=job.alone)
    else:
        piece = piece_size(0, job.recommended)
        stop = 2 * piece if job.wanted is None else min(2 * piece, job.wanted.length)
        fetched = yield from _fetch(work, 0, stop, sha1=job.verify, tells_size=job.alone)
        if not ok(fetched) and _is_empty(fetched.failure()) and job.wanted is None:
            fetched = yield from _fetch(work, 0, 0, sha1=job.verify, whole=True, tells_size=job.alone)
    if not ok(fetched):
        return Failure(fetched.failure())
    part = fetched.unwrap()
    if part.got < work.length:
        yield from _begin_journal(work)
    if part.got:
        yield from _finished(work, part)
    return Success(part.sha1 if part.got == work.length else None)


def _is_empty(error: B2Error) -> bool:
    """How B2 refuses the first bytes of a file that has none."""
    return isinstance(error, Rejected) and error.status == 416


def _begin_journal(work: _Work) -> Program[None]:
    if work.job.resumes and work.known is not None:
        header = journal_header(work.known.file_id, work.length)
        if header is not None:
            written = yield from perform(WriteTemp(work.temp, work.length, header))
            work.journal = count() if ok(written) else None


def _fetch_rest(work: _Work) -> Program[Result[None, B2Error]]:
    for gap in _missing(work):
        work.rest.extend(cut(gap, work.piece))
    if not work.rest:
        return Success(None)
    work.pieces = len(work.rest) + bool(work.there)
    workers = min(work.job.streams, len(work.rest))
    results: tuple[Result[None, B2Error] | None, ...] = yield from perform(
        All(_fetch_pieces(work) for _ in range(workers))
    )
    for result in results:
        if result is not None and not ok(result):
            return Failure(result.failure())
    return Success(None)


def _fetch_pieces(work: _Work) -> Program[Result[None, B2Error]]:
    """One piece after the other, as long as there are some."""
    while not work.failed:
        while _far_ahead(work):
            yield from perform(Sleep(_PAUSE_SECONDS))
        try:
            piece = work.rest.popleft()
        except IndexError:
            break
        work.fetching.add(piece.start)
        fetched = yield from _fetch(work, piece.start, piece.stop)
        work.fetching.discard(piece.start)
        if not ok(fetched):
            work.failed = True
            return Failure(fetched.failure())
        yield from _finished(work, fetched.unwrap())
    return Success(None)


def _far_ahead(work: _Work) -> bool:
    """Whether somebody hashes who falls behind, and could have this one's share of the processor: another fetches."""
    return bool(work.fetching) and not work.turn and work.prefix - work.hashed > _FAR_BEHIND * work.piece


def _finished(work: _Work, part: _Part) -> Program[None]:
    """A piece is there: write that down, and hash what is there without a gap."""
    stop = part.start + part.got
    yield from _write_down(work, Piece(ByteRange(part.start, stop), part.crc))
    work.there[part.start] = stop
    while work.prefix in work.there:
        work.prefix = work.there[work.prefix]
    if part.got == work.length:
        return
    news = work.news(part.got)
    if news:
        yield from perform(Emit(BytesMoved(work.job.label, news)))
    if isinstance(work.checked, Checked):
        yield from _hash_what_is_there(work)


def _hash_what_is_there(work: _Work) -> Program[None]:
    """Hash close behind what came, unless somebody else does. What cannot be read is told of when all is there."""
    try:
        work.turn.pop()
    except IndexError:
        return
    while (until := min(work.prefix, work.hashed + work.piece)) > work.hashed:
        digest = yield from perform(HashTemp(work.temp, until))
        work.hashed = until
        if ok(digest):
            yield from _write_down(work, Mark.of(until, digest.unwrap()))
    work.turn.append(None)


def _write_down(work: _Work, entry: Piece | Mark) -> Program[None]:
    if work.journal is not None and work.known is not None:
        number = next(work.journal)
        if number < MAX_RECORDS - 1:
            record = journal_record(work.known.file_id, work.length, entry)
            yield from perform(WriteTemp(work.temp, record_place(work.length, number), record))


def _fetch(
    work: _Work, start: int, stop: int, *, sha1: bool = False, whole: bool = False, tells_size: bool = False
) -> Program[Result[_Part, B2Error]]:
    """The bytes from `start` to `stop`, or to the end of the file, gone on with wherever they break off. `whole` asks
    for them without a range. `tells_size` tells watchers the size as soon as an answer begins.
    """
    part = _Part(start, stop, work.first_crc)
    base = work.job.start

    def attempt(token: Authorization) -> Program[Result[_Part, B2Error]]:
        end = part.stop if work.known is None else min(part.stop, work.length)
        if part.got and part.got >= end - part.start:
            return Success(part)  # all came, only the end of the answer was lost
        left = None if whole and not part.got else ByteRange(base + part.start + part.got, base + end)
        fetched = yield from perform(
            Fetch(
                work.call(left),
                token,
                work.temp,
                part.start + part.got,
                part.crc,
                sha1 and not part.got,
                end - part.start - part.got,
                part.got,
                work.sizes if tells_size and work.known is None else None,
            )
        )
        part.take(fetched)
        part.problem = None if fetched.headers is None else work.hear(fetched.headers)
        if part.problem is not None:
            return Success(part)  # which nothing that is sent again can mend
        if fetched.error is not None:
            return Failure(fetched.error)
        if part.got < min(part.stop, work.length) - part.start:
            return Failure(Transport("broken", "the body ended before the range that was asked for"))
        return Success(part)

    result = yield from with_token(attempt, work.retry)
    return result.bind(lambda part: Success(part) if part.problem is None else Failure(part.problem))


def _verified(work: _Work, sha1: str | None, reused: int) -> Program[Filled]:
    version, checked = work.known, work.checked
    assert version is not None
    if isinstance(checked, Checked):
        if sha1 is None:
            digest = yield from perform(HashTemp(work.temp, work.length))
            if not ok(digest):
                return Failure(digest.failure())
            sha1 = digest.unwrap()
        if sha1 != checked.sha1:
            return Failure(Corrupt("the download", f"SHA-1 {checked.sha1}", f"SHA-1 {sha1}"))
    return Success(Downloaded(version, work.length, reused, work.pieces, checked, work.headers))
