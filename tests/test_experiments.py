"""What experiments compute from their runs, and whether their recorded results are still theirs."""

import copy
import json
import pathlib
from typing import Any

import numpy as np
import pytest

import experiments
from experiments.half_cheetah_dr import FLOOR, GRID, inside_ranges, make_figures
from metaskill.cli.experiments import find_baselines, find_borrowed, find_experiment
from metaskill.rl.grid_returns import GridReturns
from metaskill.training.run_folder import as_json

RESULTS = sorted((pathlib.Path(experiments.__path__[0]) / "results").glob("*.json"))
# Where another run's files lie, and how often a run is written down, change no figure.
BOOKKEEPING = {"folder", "run", "chunks_per_checkpoint", "seconds_per_checkpoint"}


def constant(cells: float, nominal: float) -> GridReturns:
    """Three seeds with the same return in every cell."""
    n_cells = int(np.prod([len(axis.values) for axis in GRID]))
    cuts = tuple(np.full((3, len(axis.values)), cells) for axis in GRID)
    nominals = np.full(3, nominal)
    return GridReturns(GRID, np.full((3, n_cells), cells), cuts, nominals, (1.0,) * len(GRID))


def test_the_grid_of_half_cheetah_dr_is_held_out() -> None:
    assert inside_ranges("none").mean() == 0.0
    assert inside_ranges("locomotion").mean() == pytest.approx(0.5**4)
    # Of dactyl's ranges only friction's has fewer than all values: 1.2.
    assert inside_ranges("dactyl").mean() == pytest.approx(0.25)


def test_figures_of_half_cheetah_dr() -> None:
    returns = {
        "locomotion": constant(900.0, 1800.0),
        "none": constant(600.0, 2000.0),
        "dactyl": constant(300.0, 1000.0),
    }
    figures = make_figures(returns)
    assert figures["dr_p10_gain"].value == pytest.approx(1.5)
    assert figures["dr_p10_gain"].passed
    assert figures["dr_nominal_ratio"].value == pytest.approx(0.9)
    assert figures["dr_nominal_ratio"].passed
    assert figures["dr_dactyl_p10_gain"].value == pytest.approx(0.5)
    assert figures["dr_dactyl_p10_gain"].passed is None
    assert figures["dr_none_p10_inside"].value == 600.0
    returns["none"] = constant(-50.0, 2000.0)
    assert make_figures(returns)["dr_p10_gain"].value == pytest.approx(900.0 / (FLOOR * 2000.0))
    # Two failures do not make a success.
    returns = {name: constant(-50.0, -40.0) for name in returns}
    assert not make_figures(returns)["dr_p10_gain"].passed
    assert not make_figures(returns)["dr_nominal_ratio"].passed


def changed(recorded: Any, now: Any, path: str = "config") -> list[str]:
    """Name the fields whose values differ, and those that one side alone has."""
    if not (isinstance(recorded, dict) and isinstance(now, dict)):
        return [] if recorded == now else [f"{path}: {recorded!r} recorded, {now!r} now"]
    alone = [f"{path}.{name} is on one side only" for name in sorted(recorded.keys() ^ now.keys())]
    return alone + [
        difference
        for name in sorted(recorded.keys() & now.keys() - BOOKKEEPING)
        for difference in changed(recorded[name], now[name], f"{path}.{name}")
    ]


def test_changed_fields_are_named() -> None:
    recorded = {"meta": {"hidden": [64]}, "folder": "a"}
    assert changed(recorded, {"meta": {"hidden": [64]}, "folder": "b"}) == []
    found = changed(recorded, {"meta": {"hidden": [32]}, "folder": "a"})
    assert found == ["config.meta.hidden: [64] recorded, [32] now"]
    assert changed(recorded, {"folder": "a"}) == ["config.meta is on one side only"]
    assert changed({}, {"new": 1}) == ["config.new is on one side only"]


def configurations(name: str) -> dict[str, Any]:
    """Return the configuration of each run of an experiment, as records hold them."""
    borrowed = {run: find_experiment(other) for run, other in find_borrowed(name).items()}
    configs = {"main": find_experiment(name), **find_baselines(name), **borrowed}
    return {run: as_json(config) for run, config in configs.items()}


def recorded_runs(file: pathlib.Path) -> dict[str, Any]:
    """Return the configurations of a record's runs."""
    runs = json.loads(file.read_text())["settings"]["runs"]
    return {run: record["config"] for run, record in runs.items()}


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_results_are_of_the_experiment_as_it_is(file: pathlib.Path) -> None:
    """A figure that its experiment would not come to again has to be measured anew."""
    configs = configurations(file.stem)
    runs = recorded_runs(file)
    assert runs
    for run, recorded in runs.items():
        assert changed(recorded, configs[run]) == []


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_a_value_that_drifted_is_seen(file: pathlib.Path) -> None:
    """Whichever value of a record is broken, the test above fails."""
    for recorded in recorded_runs(file).values():
        for path in leaves(recorded):
            broken = copy.deepcopy(recorded)
            *groups, last = path
            inside = broken
            for group in groups:
                inside = inside[group]
            inside[last] = "broken"
            assert len(changed(broken, recorded)) == (0 if BOOKKEEPING & {*path} else 1)


def leaves(record: dict[str, Any]) -> list[tuple[str, ...]]:
    """List the paths of a record's values."""
    found: list[tuple[str, ...]] = []
    for name, value in record.items():
        inside = leaves(value) if isinstance(value, dict) and value else [()]
        found += [(name, *path) for path in inside]
    return found
