"""Pictures of adaptation: how fast learners become good at a task that is new to them."""

import contextlib
import io
from collections.abc import Iterator, Mapping

import matplotlib

matplotlib.use("Agg")  # No display is ever needed.

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from metaskill.statistics import bootstrap_interval, interquartile_mean


@contextlib.contextmanager
def picture(
    n_panels: int, width: float = 9.0, height: float = 3.6, rows: int = 1
) -> Iterator["Panels"]:
    """Yield panels side by side to draw on; their PNG can be taken at the end.

    Args:
        n_panels: How many in a row.
        width: Of the picture, inches.
        height: Of the picture, inches.
        rows: How many rows of them.
    """
    figure, axes = plt.subplots(rows, n_panels, figsize=(width, height), layout="constrained")
    try:
        yield Panels(figure, list(np.ravel(axes)))
    finally:
        plt.close(figure)


class Panels:
    """A picture's panels."""

    def __init__(self, figure: plt.Figure, axes: list[Axes]):
        """Keep the figure and its axes, from left to right, row by row."""
        self._figure = figure
        self.axes = axes

    def png(self) -> bytes:
        """Return the picture as it is now."""
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def draw_adaptation(axes: Axes, curves: Mapping[str, np.ndarray], label: str) -> None:
    """Draw a measure against inner steps.

    Args:
        axes: Where.
        curves: For each learner the measure (axes: seed, step); the line is the
            interquartile mean over seeds, the band its 95 % bootstrap interval.
        label: What the measure is.
    """
    for name, values in curves.items():
        steps = np.arange(values.shape[1])
        means = [interquartile_mean(column) for column in values.T]
        low, high = zip(*(bootstrap_interval(column, 1000) for column in values.T), strict=True)
        (line,) = axes.plot(steps, means, "o-", markersize=3, label=name)
        axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xlabel("inner steps on a new task")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
