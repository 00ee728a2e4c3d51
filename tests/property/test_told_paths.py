"""The law of paths: whatever lies below a local source comes over, is left out by a policy, or somebody is told of it.

Rules. Trees are made on a real disk, of everything that a folder may hold: odd names, links, loops, pipes, sockets,
what may not be read. What lies there is found by a naive walk that imports nothing of b2pure: it enters every folder
and every link to one, unless that is on the way to it already.
"""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Final

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.simulated_clock import SimulatedClock
from b2pure.model.policy import ScanPolicies
from b2pure.plan.plan import SyncPlan
from b2pure.plan.reasons import Excluded, Unknown, UnusableName
from b2pure.shell.client import Client
from b2pure.shell.serve import serve_in_thread
from b2pure.testing import simulated_b2
from b2pure.v1 import (
    AbstractAction,
    B2Api,
    B2UploadAction,
    InMemoryAccountInfo,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
    exception,
    parse_sync_folder,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX file system")

BUCKET: Final = "bucket"
NOW: Final = 1_700_000_000_000
_NUMBERS = count()

# --- trees ------------------------------------------------------------------------------------------------------------

_NAMES = st.sampled_from(
    (
        *(b"a", b"b", b"a-b", b"a.t", b"a0", b"~", b" ", b"\xc3\xa4", b"a\xcc\x88", b"\xf0\x9f\x8c\x8a"),
        *(b"c\x01", b"d\nd", b"e\x7f", b"\xff", b"\xff_", b"a\xfe.t", rb"\xff", b"back\\slash", b"C:", b"..."),
        *(b"l" * 255, b"m" * 250, b".b2pure-0123456789abcdef0123456789abcdef"),
    )
)
_KINDS = st.sampled_from(("file",) * 5 + ("pipe", "socket", "secret", "nowhere", "itself", "up", "sibling"))
Tree = dict[bytes, Any]
_TREES: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(_NAMES, _KINDS, min_size=1, max_size=4),
    lambda below: st.dictionaries(_NAMES, _KINDS | below, max_size=4),
    max_leaves=12,
)
_DEEP: st.SearchStrategy[Tree] = st.builds(
    lambda depth, tree: {b"deep" * 60 + b"%d" % depth: _nested(depth, tree)}, st.integers(1, 5), _TREES
)


def _nested(depth: int, tree: Tree) -> Tree:
    return tree if depth == 0 else {b"n" * 240: _nested(depth - 1, tree)}


def build(tree: Tree, where: bytes) -> None:
    """Make it on the disk. What the file system does not take is not there."""
    os.makedirs(where, exist_ok=True)
    os.chmod(where, 0o755)
    for name, kind in tree.items():
        path = os.path.join(where, name)
        with suppress(OSError):
            if isinstance(kind, dict):
                build(kind, path)
            else:
                _make(kind, path, where, tree)


def _make(kind: str, path: bytes, where: bytes, tree: Tree) -> None:
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            back = os.open(".", os.O_RDONLY)
            os.chdir(where)  # a socket's address is short
            try:
                with socket.socket(socket.AF_UNIX) as made:
                    made.bind(os.path.basename(path))
            finally:
                os.fchdir(back)
                os.close(back)
        case "nowhere":
            os.symlink(b"there is nothing", path)
        case "itself":
            os.symlink(os.path.basename(path), path)
        case "up":
            os.symlink(b"..", path)
        case "sibling":
            os.symlink(min(tree), path)
        case _:
            with open(path, "wb") as file:
                file.write(kind.encode())
            os.chmod(path, 0o600 if kind == "secret" else 0o644)


def lying_in(root: bytes) -> list[bytes]:
    """Every path that is no folder, relative to the root, with `/` between; a folder that cannot be entered is one."""
    found: list[bytes] = []

    def walk(path: bytes, above: tuple[tuple[int, int], ...]) -> None:
        status = os.stat(path)
        above = (*above, (status.st_dev, status.st_ino))
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            with suppress(OSError):
                other = os.stat(inner)
                if os.path.isdir(inner) and (other.st_dev, other.st_ino) not in above:
                    walk(inner, above)
                    continue
            found.append(os.path.relpath(inner, root))

    walk(root, ())
    return found


def shown(path: bytes) -> str:
    """How a path that may be no text is written for people."""
    return path.decode("utf-8", "backslashreplace")


@contextmanager
def somebody_else() -> Iterator[None]:
    """As a user who may not read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def folder_of(tree: Tree) -> Iterator[str]:
    made = tempfile.mkdtemp()
    os.chmod(made, 0o755)
    root = os.path.join(made, "root")  # a link out of it leads to what is above, which holds nothing else
    try:
        build(tree, os.fsencode(root))
        yield root
    finally:
        shutil.rmtree(made)


# --- what a policy leaves out -----------------------------------------------------------------------------------------


@frozen
class Left:
    """Regexes and links that take no part, and a naive way to say so."""

    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    links: bool = False

    @property
    def policies(self) -> ScanPolicies:
        return ScanPolicies(
            exclude_dir_regexes=self.folders, exclude_file_regexes=self.files, exclude_all_symlinks=self.links
        )

    @property
    def manager(self) -> ScanPoliciesManager:
        return ScanPoliciesManager(self.folders, self.files, exclude_all_symlinks=self.links)

    def out(self, root: str, path: bytes) -> bool:
        """Whether the path, or a folder above it, is meant. A link may be a folder's or a file's."""
        steps = path.split(b"/")
        above = [b"/".join(steps[: end + 1]) for end in range(len(steps))]
        linked = [os.path.islink(os.path.join(os.fsencode(root), step)) for step in above]
        if self.links and any(linked):
            return True
        folders = above if linked[-1] or os.path.isdir(os.path.join(os.fsencode(root), path)) else above[:-1]
        return any(re.match(regex, shown(each)) for regex in self.folders for each in folders) or any(
            re.match(regex, shown(path)) for regex in self.files
        )


LEFT = st.builds(
    Left,
    st.sampled_from(((), ("a$",), (r".*a\.t", "b"))),
    st.sampled_from(((), (r".*\.t",), (".*a",))),
    st.booleans(),
)


@frozen
class Came:
    """What came of a run: names that are there now, and names that somebody was told of."""

    there: set[str]
    told: list[str] = field(factory=list)

    def covers(self, path: bytes) -> bool:
        """Whether the path is among them, or lies below a folder that somebody was told of."""
        steps = shown(path).split("/")
        above = ["/".join(steps[: end + 1]) for end in range(len(steps))]
        return shown(path) in self.there or any(name.rstrip("_") in map(_stem, above) for name in self.told)


def _stem(name: str) -> str:
    return name.rstrip("_")  # two names that are shown alike are told apart so


OURS: Final = re.compile(r"(.*/)?\.b2pure-[0-9a-f]{32}\Z")


def check(root: str, left: Left, came: Came) -> None:
    for path in lying_in(os.fsencode(root)):
        known = came.covers(path) or left.out(root, path) or OURS.match(shown(path))
        assert known, (path, sorted(came.there), came.told)


# --- the functional face ----------------------------------------------------------------------------------------------


def functional(root: str, left: Left) -> Came:
    world = simulated_b2(BUCKET)
    report = Client(world.api, SimulatedClock()).sync(
        root, f"b2://{BUCKET}", scan=left.policies, allow_empty_source=True
    )
    assert not report.failed
    assert not report.refused
    for each in report.skipped:
        assert isinstance(each.sync.reason, Unknown | UnusableName)
    return Came(set(world.contents(BUCKET)), [each.sync.path for each in report.skipped])


@given(_TREES | _DEEP, LEFT)
def test_every_path_below_the_source_of_a_sync_comes_over_or_is_left_out_or_told(tree: Tree, left: Left) -> None:
    with folder_of(tree) as root, somebody_else():
        check(root, left, functional(root, left))


@given(_TREES | _DEEP, LEFT)
def test_every_path_below_the_source_stands_in_a_plan_or_needs_nothing(tree: Tree, left: Left) -> None:
    """Also those that a policy leaves out, where it is one of times or versions; and nothing stands there twice."""
    with folder_of(tree) as root, somebody_else():
        world = simulated_b2(BUCKET)
        plan: SyncPlan = Client(world.api, SimulatedClock()).plan_sync(
            root, f"b2://{BUCKET}", scan=left.policies, allow_empty_source=True, include_quiet=True
        )
        named = [group.path for group in plan.groups()]
        excluded = {group.path for group in plan.groups() if isinstance(group.reason, Excluded)}
        assert len(named) == len(set(named))
        check(root, left, Came(set(named) - excluded, named))


# --- the numbered interface -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api() -> Iterator[B2Api]:
    simulator = simulated_b2(BUCKET).simulator
    server = serve_in_thread(simulator)
    try:
        api = B2Api(InMemoryAccountInfo())
        api.authorize_account(server.url, simulator.master_key_id, simulator.master_key)
        yield api
    finally:
        server.close()


class _Lines(logging.Handler):
    """What the log was told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def logged() -> Iterator[list[str]]:
    handler, log = _Lines(), logging.getLogger("b2pure.shell.v1")
    log.addHandler(handler)
    propagates, log.propagate = log.propagate, False
    try:
        yield handler.lines
    finally:
        log.removeHandler(handler)
        log.propagate = propagates


def is_told(root: str, path: bytes, lines: list[str]) -> bool:
    """Whether a line begins with the path, or a folder above it, and goes on with a reason."""
    steps = shown(path).split("/")
    above = ["/".join(steps[: end + 1]) for end in range(len(steps))]
    starts = [f"{before}{_escaped(name)}" for name in above for before in ("", f"{root}/", f"WARNING: {root}/")]
    return any(
        line.startswith(start) and re.match("_*(: | could not)", line[len(start) :])
        for start in starts
        for line in lines
    )


def _escaped(name: str) -> str:
    return re.sub("[\x00-\x1f\x7f]", lambda found: found.group().encode("unicode_escape").decode(), name)


Way = Callable[[B2Api, str, Left, str, Any], set[str]]


def synced(api: B2Api, root: str, left: Left, dest: str, reporter: Any) -> set[str]:
    source, to = parse_sync_folder(root, api), parse_sync_folder(dest, api)
    with suppress(exception.IncompleteSync, exception.EnvironmentEncodingError):
        Synchronizer(4, left.manager, allow_empty_source=True).sync_folders(source, to, NOW, reporter)
    return {file.name for file in to.all_files(None)}


def _name_of(action: AbstractAction) -> str:
    assert isinstance(action, B2UploadAction)
    return action.relative_name


def acted(api: B2Api, root: str, left: Left, dest: str, reporter: Any) -> set[str]:
    source, to = parse_sync_folder(root, api), parse_sync_folder(dest, api)
    found: set[str] = set()
    synchronizer = Synchronizer(4, allow_empty_source=True)
    with suppress(exception.IncompleteSync, exception.EnvironmentEncodingError, exception.UnSyncableFilename):
        for action in synchronizer.make_folder_sync_actions(source, to, NOW, reporter, left.manager):
            found.add(_name_of(action))
    return found


def listed(api: B2Api, root: str, left: Left, dest: str, reporter: Any) -> set[str]:
    return {file.name for file in parse_sync_folder(root, api).all_files(reporter, left.manager)}


def reported(api: B2Api, way: Way, root: str, left: Left, *, heard: bool) -> tuple[set[str], list[str]]:
    """What came of it, and the lines that a reporter wrote, or the log where there was none."""
    dest, out = f"b2://{BUCKET}/{next(_NUMBERS)}", io.StringIO()
    with logged() as lines, suppress(exception.CommandError):
        if not heard:
            return way(api, root, left, dest, None), lines
        with SyncReport(out, no_progress=True) as report:
            there = way(api, root, left, dest, report)
        assert not lines
        return there, out.getvalue().splitlines()
    return set(), lines


@pytest.mark.parametrize("heard", [True, False], ids=["reporter", "none"])
@pytest.mark.parametrize("way", [synced, acted, listed])
@given(tree=_TREES | _DEEP, left=LEFT)
def test_every_path_comes_over_in_the_numbered_interface_or_is_left_out_or_told(
    api: B2Api, way: Way, heard: bool, tree: Tree, left: Left
) -> None:
    """To the reporter, or to the log."""
    with folder_of(tree) as root, somebody_else():
        there, lines = reported(api, way, root, left, heard=heard)
        for path in lying_in(os.fsencode(root)):
            known = shown(path) in there or left.out(root, path) or OURS.match(shown(path))
            assert known or is_told(root, path, lines), (path, sorted(there), lines)


@pytest.mark.parametrize("acts", [False, True])
def test_without_a_reporter_what_could_not_be_read_is_an_exception_when_all_else_is_done(
    api: B2Api, acts: bool
) -> None:
    source, to = {b"a": "file", b"b": "nowhere", b"c": "file"}, f"b2://{BUCKET}/{next(_NUMBERS)}"
    names: list[str] = []

    def act() -> None:
        folder, dest = parse_sync_folder(root, api), parse_sync_folder(to, api)
        if acts:
            names.extend(map(_name_of, Synchronizer(4).make_folder_sync_actions(folder, dest, NOW, None)))
        else:
            Synchronizer(4).sync_folders(folder, dest, NOW, None)

    with folder_of(source) as root, logged() as lines:
        with pytest.raises(exception.IncompleteSync, match="1 local paths could not be read"):
            act()
        there = [file.name for file in parse_sync_folder(to, api).all_files(None)]
    assert (names if acts else there) == ["a", "c"]
    assert lines == [f"{root}/b: broken symlink: it leads to nothing"]
