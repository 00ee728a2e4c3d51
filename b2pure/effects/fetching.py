"""The content of a download: pieces fetched side by side into a temporary file, written down, hashed, and proven.

Rules. A piece that breaks off is gone on with where it stopped. What is finished is written down (`plan.download`), so
that a later run need not fetch it again. While pieces arrive, one program at a time hashes the whole close behind them.
A target that cannot be written twice (`in_order`) gets the bytes in one stretch.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from returns.result import Failure, Result, Success

from b2pure.effects.download_job import Downloaded, Filled, Part, Work
from b2pure.effects.effect import All, CutTemp, Emit, Fetch, HashTemp, Sleep, WriteTemp
from b2pure.effects.events import BytesMoved, Sized
from b2pure.effects.program import Program, ok, perform
from b2pure.effects.requests import with_token
from b2pure.model.account import Authorization
from b2pure.model.errors import B2Error, Corrupt, Rejected, Transport
from b2pure.model.limits import MAX_FILE_SIZE
from b2pure.model.ranges import ByteRange
from b2pure.plan.download import (
    MAX_RECORDS,
    Checked,
    Found,
    Journal,
    Mark,
    Piece,
    believed,
    cut,
    gaps,
    journal_header,
    journal_record,
    piece_size,
    record_place,
)

__all__ = ["fill_once"]

_FAR_BEHIND: Final = 4
"""So many pieces may wait to be hashed before all but one of those who fetch wait as well: what is left at the end is
hashed while nobody has anything else to do.
"""
_PAUSE_SECONDS: Final = 0.004


def fill_once(work: Work, left: Journal | None, found: Found) -> Program[Filled]:
    """The content, once: gone on with where `left` tells of a run before, of which `found` is there."""
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


def _tell_size(work: Work, reused: int) -> Program[None]:
    """A sync knows the sizes of its files; who watches a single download does not."""
    work.told += reused
    if work.job.alone:
        yield from perform(Emit(Sized(work.job.label, work.length, reused)))


def _missing(work: Work) -> tuple[ByteRange, ...]:
    done = (ByteRange(start, stop) for start, stop in work.there.items())
    return gaps(ByteRange(0, work.length), done)


def _fetch_first(work: Work) -> Program[Result[str | None, B2Error]]:
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


def _begin_journal(work: Work) -> Program[None]:
    if work.job.resumes and work.known is not None:
        header = journal_header(work.known.file_id, work.length)
        if header is not None:
            written = yield from perform(WriteTemp(work.temp, work.length, header))
            work.journal = count() if ok(written) else None


def _fetch_rest(work: Work) -> Program[Result[None, B2Error]]:
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


def _fetch_pieces(work: Work) -> Program[Result[None, B2Error]]:
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


def _far_ahead(work: Work) -> bool:
    """Whether somebody hashes who falls behind, and could have this one's share of the processor: another fetches."""
    return bool(work.fetching) and not work.turn and work.prefix - work.hashed > _FAR_BEHIND * work.piece


def _finished(work: Work, part: Part) -> Program[None]:
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


def _hash_what_is_there(work: Work) -> Program[None]:
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


def _write_down(work: Work, entry: Piece | Mark) -> Program[None]:
    if work.journal is not None and work.known is not None:
        number = next(work.journal)
        if number < MAX_RECORDS - 1:
            record = journal_record(work.known.file_id, work.length, entry)
            yield from perform(WriteTemp(work.temp, record_place(work.length, number), record))


def _fetch(
    work: Work, start: int, stop: int, *, sha1: bool = False, whole: bool = False, tells_size: bool = False
) -> Program[Result[Part, B2Error]]:
    """The bytes from `start` to `stop`, or to the end of the file, gone on with wherever they break off. `whole` asks
    for them without a range. `tells_size` tells watchers the size as soon as an answer begins.
    """
    part = Part(start, stop, work.first_crc)
    base = work.job.start

    def attempt(token: Authorization) -> Program[Result[Part, B2Error]]:
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


def _verified(work: Work, sha1: str | None, reused: int) -> Program[Filled]:
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
