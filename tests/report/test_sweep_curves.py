"""Curves over seeds."""

import numpy as np
from matplotlib import pyplot as plt

from metaskill.report.sweep import draw_curves


def test_a_curve_is_the_interquartile_mean_in_its_interval() -> None:
    figure, axes = plt.subplots()
    points = {2e6: [1.0, 2.0, 3.0, 100.0], 1e6: [4.0, 4.0, 4.0, 4.0]}
    draw_curves(axes, {"one": points, "nothing": {}}, ["C0", "C1"])
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xydata(), [[1.0, 4.0], [2.0, 2.5]])
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    at_two = corners[np.isclose(corners[:, 0], 2.0), 1]
    assert at_two.min() >= 1.0
    assert at_two.max() > 2.5
    assert line.get_label() == "one"
    plt.close(figure)
