"""Statistics of results files."""

import numpy as np
import pytest

from metaskill.results.figure import Figure, measured, over_seeds
from metaskill.statistics import bootstrap_interval, interquartile_mean


def test_interquartile_mean_trims_a_quarter_on_each_side() -> None:
    assert interquartile_mean(np.array([100.0, 2.0, 3.0, -50.0])) == 2.5
    # Of three values 3/4 are trimmed on each side: weights 1/4, 1, 1/4.
    expected = (0.25 * 0 + 1 * 3 + 0.25 * 9) / 1.5
    assert interquartile_mean(np.array([9.0, 0.0, 3.0])) == pytest.approx(expected)
    assert interquartile_mean(np.array([4.0])) == 4.0


def test_the_interval_contains_the_mean_and_shrinks_to_a_point() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0, 3.0])
    low, high = bootstrap_interval(values)
    assert 1.0 <= low < interquartile_mean(values) < high <= 7.0
    assert bootstrap_interval(np.full(3, 2.0)) == (2.0, 2.0)


def test_bars() -> None:
    assert over_seeds([1.0, 2.0, 3.0], "here", required=1.9).passed
    assert not measured(0.89, "here", required=0.9).passed
    assert measured(14.0, "here", limit=15.0).passed
    assert measured(14.0, "here").passed is None


def test_a_figure_is_read_back_as_it_was_written() -> None:
    for figure in (measured(2.0, "a bar", required=1.0), measured(2.0, "no bar")):
        assert Figure.from_json(figure.as_json()) == figure
