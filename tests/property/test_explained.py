"""Laws of explanations: what is said of a path is what the plan does with it, and why.

Rules. The folders are real and have whatever a folder can have; the plan is made by the scan of all, the explanation
by a look at the one path.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trees_support import TREES, made

from b2pure.model.files import SkippedPath
from b2pure.model.names import printable
from b2pure.model.policy import CompareVersionMode, Delete, NoDelete, ScanPolicies, SyncPolicy
from b2pure.plan.actions import FileSync
from b2pure.plan.codec import canonical
from b2pure.plan.explain import Explanation
from b2pure.plan.reasons import Excluded, Nowhere, Unknown
from b2pure.plan.scan import compile_scan
from b2pure.shell.client import Client
from b2pure.shell.folders import LocalFolderOnDisk, Role
from b2pure.shell.scan import ScanFailed, scan
from b2pure.testing import SimulatedB2, simulated_b2

printable("\n")  # loads its codec, which somebody else who looks may not be able to

STORED: Final = st.lists(
    st.sampled_from(["a", "a/in", "b", "ä", "ä/dir/in", "x\\xe4", "\\xff/in", "only", "b/dir/up/in"]), unique=True
)
POLICIES: Final = st.builds(
    SyncPolicy,
    keep=st.sampled_from([NoDelete(), Delete()]),
    compare=st.sampled_from(CompareVersionMode),
    allow_empty_source=st.just(True),
    filter_sides=st.sampled_from(["both", "source"]),
    scan=st.builds(
        ScanPolicies,
        exclude_all_symlinks=st.booleans(),
        exclude_file_regexes=st.sampled_from([(), (".*in$",), ("a",)]),
        exclude_dir_regexes=st.sampled_from([(), ("ä",)]),
    ),
)


def world_with(names: list[str]) -> tuple[SimulatedB2, Client]:
    world = simulated_b2("bucket")
    for name in names:
        world.put("bucket", name, name.encode(), 1_600_000_000_123)
    return world, Client(world.api, world.clock, workers=1)


def excused(sync: FileSync, said: Explanation) -> bool:
    """A plan has no word for what only the destination has and cannot use; an explanation has."""
    return isinstance(sync.reason, Nowhere) and isinstance(said.reason, Unknown | Excluded) and not said.stages


@settings(max_examples=max(20, settings().max_examples // 2))
@given(TREES, STORED, POLICIES, st.booleans())
@example({b"\xff": "folder", b"x\xe4": "file", b"a": "pipe"}, ["\\xff/in", "x\\xe4", "a"], SyncPolicy(), True)
@example(
    {b"a": "folder"}, [], SyncPolicy(allow_empty_source=True, scan=ScanPolicies(exclude_file_regexes=("a",))), False
)
@example({b"a": "link to nothing", b"b": "folder for nobody"}, ["a/in", "b/dir/up/in"], SyncPolicy(keep=Delete()), True)
def test_an_explanation_says_what_the_plan_does(
    tree: Mapping[bytes, str], stored: list[str], policy: SyncPolicy, up: bool
) -> None:
    with made(tree) as root:
        sides: tuple[Path | str, Path | str] = (root, "b2://bucket") if up else ("b2://bucket", root)
        _, client = world_with(stored)
        for sync in list(client.plan_sync(*sides, policy, include_quiet=True)):
            said = client.explanation(*sides, sync.path, policy)
            assert (said.path, said.reason, said.stages) == (sync.path, sync.reason, sync.stages) or excused(sync, said)
            assert said.text() == client.explain(*sides, sync.path, policy)
            told = msgspec.json.decode(canonical(said))
            assert (told["path"], told["type"], told["why"]) == (sync.path, "explanation", said.why)


@given(TREES, POLICIES, st.booleans())
def test_of_what_is_not_there_that_is_said(tree: Mapping[bytes, str], policy: SyncPolicy, up: bool) -> None:
    """Whatever the filters would say of its name."""
    with made(tree) as root:
        sides: tuple[Path | str, Path | str] = (root, "b2://bucket") if up else ("b2://bucket", root)
        _, client = world_with(["other"])
        for path in ("not there", "not/there.in", "ä.not", "no\udcff", "no\ud800", "\udcff\ud800"):
            said = client.explanation(*sides, path, policy)
            assert (said.reason, said.stages, said.remarks) == (Nowhere(), (), ())


ROLES: Final[tuple[Role, ...]] = ("source", "destination")


@given(TREES, st.booleans(), st.sampled_from(ROLES))
def test_a_look_finds_what_a_scan_finds(tree: Mapping[bytes, str], exclude_symlinks: bool, role: Role) -> None:
    """Also what is said of what lies below a folder that nobody could read."""
    scanner = compile_scan(ScanPolicies(exclude_all_symlinks=exclude_symlinks))
    with made(tree) as root:
        look = LocalFolderOnDisk(str(root)).look
        for item in scan(root, exclude_symlinks=exclude_symlinks, stay_inside=role == "destination", ahead=None):
            assert look(item.path, scanner, role) == item
            if isinstance(item, SkippedPath) and item.subtree:
                assert look(item.path + "/below/it", scanner, role) == item


def test_a_look_at_a_destination_that_is_not_there_finds_nothing(tmp_path: Path) -> None:
    folder = LocalFolderOnDisk(str(tmp_path / "nothing"))
    assert folder.look("a", compile_scan(ScanPolicies()), "destination") is None
    with pytest.raises(ScanFailed):
        folder.look("a", compile_scan(ScanPolicies()), "source")
