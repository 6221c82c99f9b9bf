"""Curves over seeds: a metric against steps, with intervals; of a sweep, a curve a setting."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from metaskill.report.adaptation import picture
from metaskill.statistics import bootstrap_interval, interquartile_mean

Points = Mapping[float, Sequence[float]]
"""The values of a setting's seeds, by steps."""

_MOST_POINTS = 60


def plot_sweep(curves: Mapping[str, Points], metric: str, step_unit: str) -> bytes:
    """Draw a metric of every setting, as a PNG."""
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.9, len(curves)))
    with picture(1, width=9.0, height=4.2) as panels:
        axes = panels.axes[0]
        draw_curves(axes, curves, list(colours))
        axes.set_xlabel(f"{step_unit} (millions)")
        axes.set_ylabel(metric)
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return panels.png()


def draw_curves(axes: Axes, curves: Mapping[str, Points], colours: Sequence[Any]) -> None:
    """Draw curves against millions of steps.

    The line is the interquartile mean over the seeds that are still there, the band its 95 %
    bootstrap interval.
    """
    for (name, points), colour in zip(curves.items(), colours, strict=True):
        steps = np.array(sorted(points))
        if len(steps) > _MOST_POINTS:
            steps = steps[np.linspace(0, len(steps) - 1, _MOST_POINTS).round().astype(int)]
        if not len(steps):
            continue
        values = [np.array(points[step]) for step in steps]
        low, high = zip(*(bootstrap_interval(column, 200) for column in values), strict=True)
        means = [interquartile_mean(column) for column in values]
        axes.plot(steps / 1e6, means, "o-", color=colour, markersize=3, label=name)
        axes.fill_between(steps / 1e6, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.grid(alpha=0.3)
