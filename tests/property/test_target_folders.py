"""Laws of the folder that a sync down goes into: it is made by a run that begins, and by no other.

Rules. The folders are real, and looked at without the client. Some of the paths to them have no folder above, either.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.faults import Answer, FailNth
from b2pure.effects.report import Report
from b2pure.plan.failures import PlanFailed
from b2pure.shell.client import Client
from b2pure.testing import SimulatedB2, simulated_b2

NAMES = st.lists(st.sampled_from(["a", "b/c", "b/d", "e"]), unique=True)
REFUSALS = st.sampled_from([Answer(401, "unauthorized"), Answer(400, "bad_request"), Answer(403, "access_denied")])
PLACES = st.sampled_from(["target", "deep/er/target"])


def world_with(names: list[str], *faults: FailNth) -> SimulatedB2:
    world = simulated_b2("bucket", faults=faults)
    for name in names:
        world.simulator.put(world.bucket_id("bucket"), name, name.encode())
    return world


def synced(world: SimulatedB2, target: Path, source: str = "b2://bucket") -> Report:
    return Client(world.api, world.clock, workers=2).sync(source, target, allow_empty_source=True)


def found_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@given(NAMES, PLACES)
def test_a_sync_down_that_ends_well_has_made_its_folder(names: list[str], place: str) -> None:
    """Also when there is nothing to come, as b2sdk does."""
    with TemporaryDirectory() as above:
        assert synced(world_with(names), Path(above, place)).ok
        assert Path(above, place).is_dir()
        assert found_in(Path(above, place)) == {name: name.encode() for name in names}


@given(NAMES, PLACES, REFUSALS)
def test_a_sync_down_whose_source_cannot_be_listed_makes_nothing(names: list[str], place: str, why: Answer) -> None:
    with TemporaryDirectory() as above:
        report = synced(world_with(names, FailNth("b2_list_file_versions", 1, why, times=None)), Path(above, place))
        assert report.refused
        assert list(Path(above).iterdir()) == []


@given(NAMES, PLACES, REFUSALS)
def test_a_plan_of_what_cannot_be_listed_makes_nothing(names: list[str], place: str, why: Answer) -> None:
    with TemporaryDirectory() as above:
        world = world_with(names, FailNth("b2_list_file_versions", 1, why, times=None))
        with pytest.raises(PlanFailed):
            list(Client(world.api, world.clock).plan_sync("b2://bucket", Path(above, place)))
        assert list(Path(above).iterdir()) == []


@given(NAMES, PLACES)
def test_a_plan_is_applied_into_a_folder_that_is_made(names: list[str], place: str) -> None:
    with TemporaryDirectory() as above:
        client = Client((world := world_with(names)).api, world.clock, workers=2)
        plan = client.plan_sync("b2://bucket", Path(above, place), allow_empty_source=True)
        assert len(list(plan)) == len(names)
        assert list(Path(above).iterdir()) == []
        assert client.apply(plan).ok
        assert found_in(Path(above, place)) == {name: name.encode() for name in names}
        assert Path(above, place).is_dir()


def test_a_sync_of_nothing_that_nobody_allowed_makes_no_folder(tmp_path: Path) -> None:
    world = world_with([])
    assert Client(world.api, world.clock).sync("b2://bucket", tmp_path / "target").refused
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_not_there_makes_no_folder(tmp_path: Path) -> None:
    assert synced(world_with(["a"]), tmp_path / "target", "b2://nothing").refused
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [[], ["a"]])
@pytest.mark.parametrize("place", ["file", "file/target"])
def test_a_file_in_the_way_of_the_folder_is_told_and_stays(tmp_path: Path, names: list[str], place: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    report = synced(world_with(names), tmp_path / place)
    assert len(report.refused) == 1
    assert not report.actions
    assert "; choose another" in report.refused[0]
    assert found_in(tmp_path) == {"file": b"mine"}
