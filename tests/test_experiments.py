"""What experiments compute from their runs."""

import numpy as np
import pytest

from experiments.half_cheetah_dr import FLOOR, GRID, inside_ranges, make_figures
from metaskill.rl.grid_returns import GridReturns


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
