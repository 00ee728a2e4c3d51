"""What is made of the results of the benchmarks: figures, verdicts, tables, the page. Nothing is measured here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.page import BEGIN, END, PLOTS, replaced, section
from benchmarks.results import Machine, Metric, Run, Sample, Workload, from_json, to_json
from benchmarks.tables import aligned, markdown, verdict_rows, workload_rows
from benchmarks.targets import TARGETS, Target, summary, verdicts

ROOT: Final = Path(__file__).parents[2]
NUMBERS = st.floats(0.001, 1000)
SAMPLES = st.builds(
    Sample,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.none() | NUMBERS,
    st.integers(1, 10**6).map(float),
    st.none() | st.integers(1, 10**12),
)


def sample(
    wall: float, *, cpu: float = 1.0, peak: float = 50.0, amount: float = 100.0, moved: int | None = None
) -> Sample:
    return Sample(wall, cpu, peak, 0.5, amount, moved)


def workload(key: str = "small", **clients: tuple[Sample, ...]) -> Workload:
    return Workload(
        key, "a hundred files", "files", 100.0, {name.replace("_", ", "): each for name, each in clients.items()}
    )


def run_of(*workloads: Workload) -> Run:
    machine = Machine(2, "Linux x86_64", "3.11.1")
    return Run("2026-01-31", "make bench", machine, {"b2pure": "1", "b2sdk": "2"}, "3 rounds", 90.0, workloads)


@given(
    st.dictionaries(
        st.sampled_from(["b2pure", "b2sdk", "rclone"]), st.lists(SAMPLES, min_size=1, max_size=3), min_size=1
    )
)
def test_results_are_what_they_were_when_they_were_kept(samples: dict[str, list[Sample]]) -> None:
    """And so is all that is made of them."""
    made = Workload("scan", "ä", "files", 10.0, {name: tuple(each) for name, each in samples.items()})
    run = run_of(made)
    again = from_json(to_json(run))
    assert to_json(again) == to_json(run)
    assert list(again.workloads[0].samples) == list(samples)
    assert section(again, "pictures") == section(run, "pictures")


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.lists(NUMBERS, min_size=1, max_size=5))
def test_a_figure_lies_between_its_rounds_and_a_ratio_has_an_opposite(ours: list[float], theirs: list[float]) -> None:
    made = workload(b2pure=tuple(map(sample, ours)), b2sdk=tuple(map(sample, theirs)))
    rate = made.rate("b2pure")
    assert rate.least <= rate.median <= rate.most
    assert (rate.least, rate.most) == (100 / max(ours), 100 / min(ours))
    metrics: tuple[Metric, ...] = ("rate", "cpu", "memory")
    for metric in metrics:
        one, other = made.better("b2pure", "b2sdk", metric), made.better("b2sdk", "b2pure", metric)
        assert one is not None
        assert other is not None
        assert one * other == pytest.approx(1)


def test_who_gets_fewer_files_has_his_seconds_counted_up() -> None:
    made = workload(b2pure=(sample(2.0, cpu=1.0),), rclone=(sample(2.0, cpu=1.0, amount=20.0),))
    assert (made.rate("rclone").median, made.wall("rclone"), made.cpu("rclone").median) == (10.0, 10.0, 5.0)
    assert made.server_cpu("rclone") == 2.5
    assert made.peak("rclone") == made.peak("b2pure")
    assert (made.better("b2pure", "rclone", "rate"), made.better("b2pure", "rclone", "cpu")) == (5.0, 5.0)


def test_a_verdict_is_of_the_best_of_the_peers_and_of_what_was_measured_alone() -> None:
    made = workload(
        "noop",
        b2pure=(sample(1.0, peak=60.0),),
        b2sdk=(sample(11.0, peak=50.0),),
        rclone=(sample(3.0),),
        **{"rclone_fast list": (sample(2.0),)},
    )
    found = verdicts([made])
    assert [(each.target.metric, each.peer, each.reached) for each in found] == [
        ("rate", "b2sdk", True),
        ("rate", "rclone, fast list", False),
        ("memory", "b2sdk", False),
    ]
    told = summary(made, found)
    assert told == (
        "speed NOT reached (b2pure has 2.00 times rclone, fast list's speed, 2.5 wanted), "
        "memory NOT reached (b2sdk's peak memory is 0.83 times that of b2pure, 1 wanted)"
    )
    told = " | ".join(aligned(verdict_rows(found)).split("\n")[2:])
    assert all(each in told for each in ("11.00x faster", "10x faster", "2.00x faster", "1.20x more", "not more"))
    ours, theirs, *_ = workload_rows(made)[1:]
    assert (ours[3], theirs[3], theirs[6], theirs[8]) == ("-", "11.00x faster", "1.00x less", "1.20x more")
    assert verdicts([workload("noop", b2pure=(sample(1.0),))]) == ()


def test_a_target_is_reached_from_its_very_ratio_on() -> None:
    target = Target("small", "rate", 2, ("b2sdk",))
    (at,) = verdicts([workload(b2pure=(sample(1.0),), b2sdk=(sample(2.0),))], [target])
    (below,) = verdicts([workload(b2pure=(sample(1.0),), b2sdk=(sample(1.99),))], [target])
    assert (at.word, below.word) == ("reached", "NOT reached")


def test_a_plan_of_another_object_is_not_compared() -> None:
    made = workload("emerge-patch", b2pure=(sample(1.0, moved=10**9),), b2sdk=(sample(2.0),))
    assert [each.target.metric for each in verdicts([made])] == ["rate", "memory"]
    assert [row[-1] for row in workload_rows(made)] == ["plan moves", "1.0 GB", "another object"]


def test_each_workload_has_a_target_for_its_memory() -> None:
    workloads = {target.workload for target in TARGETS}
    assert {target.workload for target in TARGETS if target.metric == "memory"} == workloads


def test_both_kinds_of_tables_have_all_cells() -> None:
    made = workload(b2pure=(sample(1.0),), b2sdk=(sample(2.0),))
    for rows in (workload_rows(made), verdict_rows(verdicts([made]))):
        lines, page = aligned(rows).splitlines(), markdown(rows).splitlines()
        assert len(lines) == len(page) == len(rows) + 1
        assert {line.count("|") for line in page} == {len(rows[0]) + 1}
        for row, line, told in zip(rows[1:], lines[2:], page[2:], strict=True):
            assert all(cell in line and cell in told for cell in row)


def test_the_section_of_a_page_is_replaced_and_nothing_else() -> None:
    page = f"# Head\n\n{BEGIN}\nold\n{END}\n\nfoot\n"
    once = replaced(page, "new\n")
    assert once == f"# Head\n\n{BEGIN}\n\nnew\n\n{END}\n\nfoot\n"
    assert replaced(once, "new\n") == once
    with pytest.raises(ValueError, match="no place"):
        replaced("# Head", "new")


def test_the_page_tells_of_the_results_beside_it() -> None:
    """Of them alone; before the first full run, of none."""
    page, kept = (ROOT / "docs/performance.md").read_text(), ROOT / "docs/performance/results.json"
    if not kept.exists():
        assert "No full run is written down yet" in page
        return
    run = from_json(kept.read_bytes())
    assert run.command == "make bench"
    assert replaced(page, section(run, "performance")) == page
    assert all((kept.parent / f"{name}.png").exists() for name in PLOTS)


def test_the_plots_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.plots import plot

    made = workload(b2pure=(sample(1.0), sample(2.0)), b2sdk=(sample(2.0),))
    plot(run_of(made, evolve(made, title="another")), tmp_path / "pictures")
    pictures = {path.stem: path.read_bytes() for path in (tmp_path / "pictures").iterdir()}
    assert pictures.keys() == PLOTS.keys()
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
