"""What experiments compute from their runs, and whether their recorded results are still theirs."""

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
    """Name the fields that both know and whose values differ; fields come and go."""
    if not (isinstance(recorded, dict) and isinstance(now, dict)):
        return [] if recorded == now else [f"{path}: {recorded!r} recorded, {now!r} now"]
    return [
        difference
        for name in recorded.keys() & now.keys() - BOOKKEEPING
        for difference in changed(recorded[name], now[name], f"{path}.{name}")
    ]


def test_changed_fields_are_named() -> None:
    recorded = {"meta": {"hidden": [64], "gone": 1}, "folder": "a"}
    assert changed(recorded, {"meta": {"hidden": [64], "new": 2}, "folder": "b"}) == []
    found = changed(recorded, {"meta": {"hidden": [32]}})
    assert found == ["config.meta.hidden: [64] recorded, [32] now"]


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_results_are_of_the_experiment_as_it_is(file: pathlib.Path) -> None:
    """A figure that its experiment would not come to again has to be measured anew."""
    name = file.stem
    borrowed = {run: find_experiment(other) for run, other in find_borrowed(name).items()}
    configs = {"main": find_experiment(name), **find_baselines(name), **borrowed}
    for run, record in json.loads(file.read_text())["settings"].get("runs", {}).items():
        assert changed(record["config"], as_json(configs[run])) == []
