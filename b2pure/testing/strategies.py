"""Hypothesis strategies for the values that planners take: names, histories, trees, pairs of trees, policies.

Rules. Everything is drawn from small alphabets, so that names collide, times tie and sizes agree: that is where
planners are wrong. Times lie around `NOW_MILLIS`, at and beside whole days before it, where keep-days decide. Trees
hold tuples, in B2's order, and every file id occurs once in a tree. The simplest values come first, so that what
Hypothesis reports after shrinking is short: few files, named `a`, one version each.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1
from typing import Final, Literal, TypeVar

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError as error:  # an extra: production has no need of it
    raise ImportError("b2pure.testing needs Hypothesis: pip install 'b2pure[testing]'") from error

from attrs import frozen

from b2pure.model.files import (
    B2Item,
    B2Path,
    B2Tree,
    FileVersion,
    LocalItem,
    LocalPath,
    LocalTree,
    SkippedPath,
    SkipWhy,
    VersionAction,
)
from b2pure.model.ids import FileId
from b2pure.model.limits import MILLIS_PER_DAY
from b2pure.model.names import b2_name_problem, local_path_problem
from b2pure.model.policy import (
    CompareVersionMode,
    Delete,
    FilterSides,
    KeepDays,
    KeepOrDelete,
    NewerFileSyncMode,
    NoDelete,
    RetentionClock,
    ScanPolicies,
    SyncPolicy,
    UploadMode,
)

__all__ = [
    "NOW_MILLIS",
    "SyncDirection",
    "b2_pairs",
    "b2_trees",
    "down_pairs",
    "file_names",
    "histories",
    "keep_policies",
    "local_trees",
    "pairs_of_trees",
    "scan_policies",
    "sync_policies",
]

NOW_MILLIS: Final = 1_700_000_000_000
"""The moment that drawn times lie around, in milliseconds since the epoch. Give it to planners as `now_millis`."""

SyncDirection = Literal["up", "down", "copy"]

_Entry = TypeVar("_Entry", bound=LocalItem | B2Item)

# --- names -----------------------------------------------------------------------------------------------------------

_STEMS: Final = (
    "a", "b", "A", "B", "ab", "a b", "ä",  # case pairs, prefixes of each other
    "\u00e9", "e\u0301",  # one letter to a reader, two names to B2 (NFC, NFD)
    "自", "\uff61", "\U00010400",  # the last two sort the other way round in UTF-16
)  # fmt: skip
_ENDS: Final = ("0", ".txt", "-b", "!", "~", " 1")
"""What sorts around `/` and `0`: `!` and `-` and `.` before, `0` and `~` after."""
_TAILED: Final = (*(s + end for s in _STEMS[:4] for end in _ENDS), "\u00e9.txt", "e\u0301.txt", "自0")
_FOLDERS: Final = ("", "", "a/", "a/a/", "A/", "b/", "ab/", "a b/a/", "\u00e9/", "e\u0301/b/", "自/", "\U00010400/a/")
_NEAR_SLASH: Final = "aA0!-. ~é自\uff61\U00010400"


def _is_usable(name: str) -> bool:
    return b2_name_problem(name) is None and local_path_problem(name) is None


def _is_folder(segment: str) -> bool:
    return not segment.endswith(_ENDS)


def file_names(*, clashing: bool = True) -> SearchStrategy[str]:
    """Names that B2 and a POSIX folder both take, of one to four segments: prefixes of each other, case pairs, NFC and
    NFD forms, code points around `/` and `0`, code points that UTF-16 would sort otherwise.

    With `clashing=False` no name drawn is the folder of another one drawn (`a` and `a/b`, which B2 can hold side by
    side and a local folder cannot).
    """
    free = st.text(_NEAR_SLASH, min_size=1, max_size=3)
    if clashing:
        files = st.sampled_from((*_STEMS, *_TAILED))
        free_folders, free_files = free, free
    else:
        # No segment is good for both: files end as no folder does.
        files = st.sampled_from(_TAILED)
        free_folders, free_files = free.filter(_is_folder), st.builds(str.__add__, free, st.sampled_from(_ENDS))
    known = st.builds(str.__add__, st.sampled_from(_FOLDERS), files)
    odd = st.builds(_join, st.lists(free_folders, max_size=3), free_files).filter(_is_usable)
    return st.one_of(known, known, odd)


def _join(folders: list[str], file: str) -> str:
    return "/".join((*folders, file))


# --- contents and times ----------------------------------------------------------------------------------------------


@frozen
class _Fact:
    """Content and time of a file, wherever it lies."""

    size: int
    sha1: str
    mod_time_millis: int


_SMALL: Final = tuple((size, sha1(b"%d" % i).hexdigest()) for i, size in enumerate((0, 1, 1, 100, 101)))
"""(size, SHA-1) of some contents, two of them of one size."""
_LARGE: Final = tuple(
    (size, sha1(b"%d" % size).hexdigest()) for size in (104_999_999, 105_000_000, 5_000_000_000, 5_000_000_001)
)
"""Contents at the edges of a single upload, a single copy and a large file."""

_DAYS: Final = (0, 1, 5, 10, 11, 15, 25, 400)
_GAPS: Final = (MILLIS_PER_DAY, 1, 0, MILLIS_PER_DAY // 2, 5 * MILLIS_PER_DAY, 10 * MILLIS_PER_DAY, 1000)


_MOMENTS: Final = (
    *(NOW_MILLIS - days * MILLIS_PER_DAY + beside for days in _DAYS for beside in (0, -1, 1, 500)),
    0,
    1,
    999_999_999_999,
)


def _moments() -> SearchStrategy[int]:
    """Milliseconds since the epoch: at, just before and just after whole days before `NOW_MILLIS`, and long before."""
    return st.sampled_from(_MOMENTS)


def _contents(large: bool) -> SearchStrategy[tuple[int, str]]:
    return st.sampled_from((*_SMALL, *_LARGE) if large else _SMALL)


def _facts(large: bool) -> SearchStrategy[_Fact]:
    return st.builds(lambda content, time: _Fact(content[0], content[1], time), _contents(large), _moments())


# --- histories -------------------------------------------------------------------------------------------------------


@frozen
class _Shape:
    """What one version of a history is made from, but for its modification time. `back` is the time since the version
    above it (since the history's last moment, for the newest).
    """

    back: int
    action: VersionAction
    content: tuple[int, str]
    knows_sha1: bool


_Seed = tuple[_Shape, int | None]


def _seeds(hides: bool, large: bool) -> SearchStrategy[_Seed]:
    actions: tuple[VersionAction, ...] = ("upload", "upload", "hide") if hides else ("upload",)
    contents = (*_SMALL, *_LARGE) if large else _SMALL
    # One draw for a whole shape: trees hold many versions, and each draw costs.
    shapes = [
        _Shape(back, action, content, knows_sha1)
        for content in contents
        for back in _GAPS
        for action in actions
        for knows_sha1 in (False, True)
    ]
    return st.tuples(st.sampled_from(shapes), st.sampled_from((None, *_MOMENTS)))


def histories(
    *,
    min_size: int = 1,
    max_size: int = 5,
    hides: bool = True,
    out_of_order: bool = False,
    large: bool = False,
) -> SearchStrategy[tuple[FileVersion, ...]]:
    """The versions of one file, newest first, as b2_list_file_versions gives them: hide markers (not with
    `hides=False`), equal upload times, gaps of whole days. File ids are `v0`, `v1`, ... from the newest on.

    Upload times never grow going back, unless `out_of_order`. Modification times are any, or the upload time, as for
    an uploader that declared none. With `large` some sizes need a large file.
    """
    last = st.sampled_from((0, 1, MILLIS_PER_DAY, 10 * MILLIS_PER_DAY, 30 * MILLIS_PER_DAY))
    seeds = st.lists(_seeds(hides, large), min_size=min_size, max_size=max_size)
    if not out_of_order:
        return st.builds(lambda back, rows: _history(NOW_MILLIS - back, rows), last, seeds)
    return st.builds(
        lambda rows, times: tuple(map(_at_time, _history(NOW_MILLIS, rows), times)),
        seeds,
        st.lists(_moments(), min_size=max_size, max_size=max_size),
    )


def _history(last: int, seeds: Iterable[_Seed]) -> tuple[FileVersion, ...]:
    versions = []
    uploaded = last
    for number, (shape, modified) in enumerate(seeds):
        uploaded -= shape.back
        versions.append(_version(FileId(f"v{number}"), shape, uploaded, modified))
    return tuple(versions)


def _version(file_id: FileId, shape: _Shape, uploaded: int, modified: int | None) -> FileVersion:
    if shape.action == "hide":  # a marker has no content, and no time but B2's
        return FileVersion(file_id, "hide", 0, uploaded, uploaded)
    size, digest = shape.content
    known = digest if shape.knows_sha1 else None
    return FileVersion(file_id, "upload", size, uploaded if modified is None else modified, uploaded, known)


def _at_time(version: FileVersion, uploaded: int) -> FileVersion:
    modified = uploaded if version.mod_time_millis == version.upload_timestamp else version.mod_time_millis
    return FileVersion(version.file_id, version.action, version.size, modified, uploaded, version.sha1)


def _with_id(version: FileVersion, file_id: str) -> FileVersion:
    return FileVersion(
        FileId(file_id),
        version.action,
        version.size,
        version.mod_time_millis,
        version.upload_timestamp,
        version.sha1,
    )


def _showing(versions: tuple[FileVersion, ...], fact: _Fact) -> tuple[FileVersion, ...]:
    """The history with `fact` as its newest version's content and time."""
    top = versions[0]
    known = fact.sha1 if top.sha1 is not None or top.action == "hide" else None
    shown = FileVersion(top.file_id, "upload", fact.size, fact.mod_time_millis, top.upload_timestamp, known)
    return (shown, *versions[1:])


def _hiding(versions: tuple[FileVersion, ...]) -> tuple[FileVersion, ...]:
    """The history with a hide marker as its newest version."""
    top = versions[0]
    return (FileVersion(top.file_id, "hide", 0, top.upload_timestamp, top.upload_timestamp), *versions[1:])


# --- trees -----------------------------------------------------------------------------------------------------------


def local_trees(
    *, max_files: int = 6, clashing: bool = False, skipped: bool = False, large: bool = False
) -> SearchStrategy[LocalTree]:
    """Local folders: up to `max_files` files, no file also a folder unless `clashing` (then the tree is one that only
    a planner has to bear). With `skipped` some paths are ones that a scan could not use, folders among them.
    """
    files = st.lists(st.tuples(file_names(clashing=clashing), _facts(large)), max_size=max_files, unique_by=_first)
    local: SearchStrategy[list[LocalItem]] = files.map(lambda rows: [_local(path, fact) for path, fact in rows])
    trees = local.map(lambda items: LocalTree(_in_order(items)))
    if not skipped:
        return trees
    return st.builds(lambda tree, extra: LocalTree(_in_order(_with_skipped(tree, extra))), trees, _skipped_paths())


def b2_trees(
    *,
    max_files: int = 6,
    clashing: bool = True,
    skipped: bool = False,
    hides: bool = True,
    out_of_order: bool = False,
    large: bool = False,
    prefix: str = "",
) -> SearchStrategy[B2Tree]:
    """Buckets: up to `max_files` names, each with one of `histories(...)`. File ids are unique in the tree. With
    `skipped` some paths are ones that could not be used.
    """
    past = histories(hides=hides, out_of_order=out_of_order, large=large)
    files = st.lists(st.tuples(file_names(clashing=clashing), past), max_size=max_files, unique_by=_first)
    paths: SearchStrategy[list[B2Item]] = files.map(_b2_paths)
    trees = paths.map(lambda items: B2Tree(_in_order(items), prefix))
    if not skipped:
        return trees
    return st.builds(lambda tree, extra: B2Tree(_in_order(_with_skipped(tree, extra)), prefix), trees, _skipped_paths())


def _first(row: tuple[str, object]) -> str:
    return row[0]


def _local(path: str, fact: _Fact) -> LocalItem:
    return LocalPath(path, fact.size, fact.mod_time_millis)


def _b2_paths(rows: list[tuple[str, tuple[FileVersion, ...]]]) -> list[B2Item]:
    return [_b2(path, versions, f"d{number}") for number, (path, versions) in enumerate(rows)]


def _b2(path: str, versions: tuple[FileVersion, ...], id_prefix: str) -> B2Item:
    return B2Path(path, tuple(_with_id(version, f"{id_prefix}-{version.file_id}") for version in versions))


def _in_order(items: Iterable[_Entry]) -> tuple[_Entry, ...]:
    return tuple(sorted(items, key=lambda item: item.path))


_WHYS: Final[tuple[tuple[SkipWhy, bool], ...]] = (
    ("unreadable", False),
    ("unreadable", True),
    ("broken symlink", True),
    ("not a file", False),
    ("temporary file", False),
)


def _skipped_paths() -> SearchStrategy[list[SkippedPath]]:
    paths = st.builds(
        lambda name, why: SkippedPath(name, why[0], "drawn", subtree=why[1]),
        st.one_of(st.sampled_from([folder[:-1] for folder in _FOLDERS if folder]), file_names()),
        st.sampled_from(_WHYS),
    )
    return st.lists(paths, min_size=1, max_size=3, unique_by=lambda item: item.path)


def _with_skipped(items: Iterable[_Entry], skipped: list[SkippedPath]) -> list[_Entry | SkippedPath]:
    """The items that a scan which stumbles over `skipped` still finds, and what it stumbled over."""
    holes = [skip.path + "/" for skip in skipped if skip.subtree]
    unusable = {skip.path for skip in skipped}

    def found(path: str) -> bool:
        return not any(path.startswith(hole) for hole in holes)

    return [
        *(item for item in items if item.path not in unusable and found(item.path)),
        *(skip for skip in skipped if found(skip.path)),
    ]


# --- pairs of trees --------------------------------------------------------------------------------------------------

_Relation = Literal[
    "same", "source only", "older", "much older", "newer", "other content", "dest only", "hidden", "source hidden"
]
_RELATIONS: Final[tuple[_Relation, ...]] = (
    "same", "source only", "older", "much older", "newer", "other content", "dest only", "hidden", "source hidden",
)  # fmt: skip
_DEST_TIME: Final[dict[_Relation, int]] = {"older": -1, "much older": -MILLIS_PER_DAY, "newer": 1}


@frozen
class _Row:
    """One name of a pair of trees: how the two sides stand to each other, and the histories around that."""

    path: str
    relation: _Relation
    fact: _Fact
    other: tuple[int, str]
    source: tuple[FileVersion, ...]
    dest: tuple[FileVersion, ...]

    def source_versions(self) -> tuple[FileVersion, ...]:
        return _hiding(self.source) if self.relation == "source hidden" else _showing(self.source, self.fact)

    def dest_versions(self) -> tuple[FileVersion, ...]:
        return _hiding(self.dest) if self.relation == "hidden" else _showing(self.dest, self.dest_fact())

    def dest_fact(self) -> _Fact:
        size, digest = self.other if self.relation == "other content" else (self.fact.size, self.fact.sha1)
        return _Fact(size, digest, self.fact.mod_time_millis + _DEST_TIME.get(self.relation, 0))


def _rows(
    direction: SyncDirection, max_files: int, clashing: bool, hides: bool, out_of_order: bool, large: bool
) -> SearchStrategy[list[_Row]]:
    past = histories(max_size=4, hides=hides, out_of_order=out_of_order, large=large)
    none: SearchStrategy[tuple[FileVersion, ...]] = st.just(())
    relations = [r for r in _RELATIONS if hides or r not in ("hidden", "source hidden")]
    row = st.builds(
        _Row,
        path=file_names(clashing=clashing),
        relation=st.sampled_from(relations),
        fact=_facts(large),
        other=_contents(large),
        source=none if direction == "up" else past,
        dest=none if direction == "down" else past,
    )
    return st.lists(row, max_size=max_files, unique_by=lambda r: r.path)


def _local_source(rows: list[_Row]) -> LocalTree:
    here = (row for row in rows if row.relation not in ("dest only", "source hidden"))
    return LocalTree(_in_order(_local(row.path, row.fact) for row in here))


def _local_dest(rows: list[_Row]) -> LocalTree:
    here = (row for row in rows if row.relation not in ("source only", "hidden"))
    return LocalTree(_in_order(_local(row.path, row.dest_fact()) for row in here))


def _b2_source(rows: list[_Row]) -> B2Tree:
    here = ((i, row) for i, row in enumerate(rows) if row.relation != "dest only")
    return B2Tree(_in_order(_b2(row.path, row.source_versions(), f"s{i}") for i, row in here))


def _b2_dest(rows: list[_Row]) -> B2Tree:
    here = ((i, row) for i, row in enumerate(rows) if row.relation != "source only")
    return B2Tree(_in_order(_b2(row.path, row.dest_versions(), f"d{i}") for i, row in here))


def pairs_of_trees(
    *,
    max_files: int = 6,
    clashing: bool = False,
    hides: bool = True,
    out_of_order: bool = False,
    large: bool = False,
) -> SearchStrategy[tuple[LocalTree, B2Tree]]:
    """(source, destination) of a sync from a local folder to B2 that have most names in common: equal, by a
    millisecond or a day older or newer at the destination, hidden there, of other content, or on one side only.
    """
    rows = _rows("up", max_files, clashing, hides, out_of_order, large)
    return rows.map(lambda drawn: (_local_source(drawn), _b2_dest(drawn)))


def down_pairs(
    *,
    max_files: int = 6,
    clashing: bool = False,
    hides: bool = True,
    out_of_order: bool = False,
    large: bool = False,
) -> SearchStrategy[tuple[B2Tree, LocalTree]]:
    """(source, destination) of a sync from B2 to a local folder, as `pairs_of_trees`; some names are hidden at the
    source.
    """
    rows = _rows("down", max_files, clashing, hides, out_of_order, large)
    return rows.map(lambda drawn: (_b2_source(drawn), _local_dest(drawn)))


def b2_pairs(
    *,
    max_files: int = 6,
    clashing: bool = True,
    hides: bool = True,
    out_of_order: bool = False,
    large: bool = False,
) -> SearchStrategy[tuple[B2Tree, B2Tree]]:
    """(source, destination) of a sync from B2 to B2, as `pairs_of_trees`; names may be hidden on either side."""
    rows = _rows("copy", max_files, clashing, hides, out_of_order, large)
    return rows.map(lambda drawn: (_b2_source(drawn), _b2_dest(drawn)))


# --- policies --------------------------------------------------------------------------------------------------------


def keep_policies(
    direction: SyncDirection = "up", *, clocks: tuple[RetentionClock, ...] = (RetentionClock.UPLOAD_TIME,)
) -> SearchStrategy[KeepOrDelete]:
    """What happens to old versions: nothing, deleted at once, or kept for a number of days (0 and fractions among
    them; never for a local destination, which has no versions). `clocks` are the clocks that days may count by.
    """
    now: SearchStrategy[KeepOrDelete] = st.one_of(st.just(NoDelete()), st.just(Delete()))
    if direction == "down":
        return now
    days = st.sampled_from((10, 0, 1, 0.5, 5, 15, 1000))
    return st.one_of(now, st.builds(KeepDays, days, st.sampled_from(clocks)))


_REGEXES: Final = ("a", "a$", r".*\.txt$", "b|A", "a/", "[ab]", ".*0", "é", r"\w", ".*", "", ".*/b")


def scan_policies(*, names: bool = True, times: bool = True) -> SearchStrategy[ScanPolicies]:
    """Filters: by `names` (regexes that fit `file_names()`), by `times` (ends beside the times of the trees)."""
    regexes = st.lists(st.sampled_from(_REGEXES), max_size=2).map(tuple) if names else st.just(())
    ends = st.one_of(st.none(), _moments()) if times else st.none()
    return st.builds(_scan_policies, regexes, regexes, regexes, ends, ends, ends, ends)


def _scan_policies(
    folders: tuple[str, ...],
    excludes: tuple[str, ...],
    includes: tuple[str, ...],
    *times: int | None,
) -> ScanPolicies:
    modified, uploaded = _ordered(*times[:2]), _ordered(*times[2:])
    return ScanPolicies(
        exclude_dir_regexes=folders,
        exclude_file_regexes=excludes,
        include_file_regexes=includes if excludes else (),
        exclude_modified_before=modified[0],
        exclude_modified_after=modified[1],
        exclude_uploaded_before=uploaded[0],
        exclude_uploaded_after=uploaded[1],
    )


def _ordered(before: int | None, after: int | None) -> tuple[int | None, int | None]:
    if before is not None and after is not None and before > after:
        return after, before
    return before, after


def sync_policies(
    direction: SyncDirection = "up",
    *,
    keep: SearchStrategy[KeepOrDelete] | None = None,
    compare: SearchStrategy[CompareVersionMode] | None = None,
    newer: SearchStrategy[NewerFileSyncMode] | None = None,
    scan: SearchStrategy[ScanPolicies] | None = None,
    filter_sides: SearchStrategy[FilterSides] | None = None,
) -> SearchStrategy[SyncPolicy]:
    """Policies that make sense for the direction: no KeepDays for a local destination. Each part is drawn from the
    strategy that is given for it, else from all there is; filters are left out unless `scan` is given. An empty
    source is always allowed, because a drawn tree often is.
    """
    sides: tuple[FilterSides, ...] = ("both", "source")
    return st.builds(
        SyncPolicy,
        keep=keep if keep is not None else keep_policies(direction),
        compare=compare if compare is not None else st.sampled_from(CompareVersionMode),
        compare_threshold_millis=st.sampled_from((0, 1, MILLIS_PER_DAY)),
        compare_threshold_bytes=st.sampled_from((0, 1, 100)),
        newer=newer if newer is not None else st.sampled_from(NewerFileSyncMode),
        scan=scan if scan is not None else st.just(ScanPolicies()),
        filter_sides=filter_sides if filter_sides is not None else st.sampled_from(sides),
        allow_empty_source=st.just(True),
        upload_mode=st.sampled_from(UploadMode),
    )
