"""Pictures of returns over a grid of contexts."""

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")  # No display is ever needed.

import numpy as np
from jaxtyping import Float
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metaskill.rl.grid_returns import GridReturns

_RETURN = "return of an episode"


def plot_grid(returns: GridReturns, thresholds: Sequence[float | None]) -> bytes:
    """Draw the returns of a population as a PNG.

    Along one axis as lines, over two as a heat map, over more as the sorted returns of
    all cells with a cut along each axis beside them.

    Args:
        returns: The returns.
        thresholds: For each member the return below which it counts as broken.
    """
    n_axes = len(returns.axes)
    if n_axes == 2:
        return _heat_map(returns)
    n_panels = 1 if n_axes == 1 else n_axes + 1
    figure, panels = _panels(n_panels)
    for member, threshold in enumerate(thresholds):
        one, label, colour = slice(member, member + 1), f"member {member}", f"C{member % 10}"
        for index, panel in enumerate(panels[-n_axes:]):
            _draw_cut(panel, returns, index, one, label, colour)
        if n_axes > 1:
            _draw_quantiles(panels[0], returns.cells[one], label, colour)
        for panel in panels:
            if threshold is not None:
                panel.axhline(threshold, color=colour, linewidth=0.8, linestyle=":")
    _finish(panels)
    figure.suptitle("dashed: nominal value; dotted: below it, a policy counts as broken", size=9)
    return _png(figure)


def plot_comparison(surveys: dict[str, GridReturns], cuts: Sequence[str]) -> bytes:
    """Draw the returns of several trainings over one grid as a PNG.

    Args:
        surveys: Returns by the training's name; all over the same grid.
        cuts: Names of the axes to draw cuts along.
    """
    figure, panels = _panels(1 + len(cuts))
    for number, (name, returns) in enumerate(surveys.items()):
        _draw_quantiles(panels[0], returns.cells, name, f"C{number}")
        names = [axis.name for axis in returns.axes]
        for panel, cut in zip(panels[1:], cuts, strict=True):
            _draw_cut(panel, returns, names.index(cut), slice(None), name, f"C{number}")
    _finish(panels)
    figure.suptitle("line: mean over seeds; band: from the worst to the best seed", size=9)
    return _png(figure)


def _draw_quantiles(
    panel: Axes, cells: Float[np.ndarray, "population cell"], label: str, colour: str
) -> None:
    """Draw each member's cells from the worst to the best."""
    share = (np.arange(cells.shape[1]) + 0.5) / cells.shape[1]
    _draw_band(panel, share, np.sort(cells, axis=1), label, colour)
    panel.set_xlabel("share of the grid's cells that are worse")
    panel.set_ylabel(_RETURN)


def _draw_cut(
    panel: Axes, returns: GridReturns, index: int, members: slice, label: str, colour: str
) -> None:
    """Draw returns along one axis through the nominal context, which gets a mark."""
    axis, start = returns.axes[index], returns.nominal_values[index]
    # The nominal value need not be one of the axis' own.
    values = np.array([*axis.values, start])
    heights = np.column_stack([returns.cuts[index], returns.nominal])[members]
    values, order = np.unique(values, return_index=True)
    _draw_band(panel, values, heights[:, order], label, colour, marker="o")
    panel.axvline(start, color="0.6", linewidth=0.8, linestyle="--")
    others = ", all else nominal" if len(returns.axes) > 1 else ""
    panel.set_xlabel(f"{axis.name}{others}")
    panel.set_ylabel(_RETURN)


def _draw_band(
    panel: Axes,
    x: Float[np.ndarray, " point"],
    heights: Float[np.ndarray, "population point"],
    label: str,
    colour: str,
    marker: str | None = None,
) -> None:
    panel.plot(x, heights.mean(0), color=colour, label=label, marker=marker, markersize=3)
    if len(heights) > 1:
        panel.fill_between(x, heights.min(0), heights.max(0), color=colour, alpha=0.2, linewidth=0)


def _heat_map(returns: GridReturns) -> bytes:
    """Draw the mean over the population in each cell, and where the nominal context lies."""
    rows, columns = returns.axes
    heights = returns.cells.mean(0).reshape(len(rows.values), len(columns.values))
    figure, panel = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
    image = panel.imshow(heights, origin="lower", aspect="auto", cmap="viridis")
    members = len(returns.cells)
    figure.colorbar(image, label=_RETURN + (f", mean over {members} members" * (members > 1)))
    panel.set_xticks(range(len(columns.values)), [f"{value:g}" for value in columns.values])
    panel.set_yticks(range(len(rows.values)), [f"{value:g}" for value in rows.values])
    panel.set_xlabel(columns.name)
    panel.set_ylabel(rows.name)
    y, x = (
        np.interp(start, axis.values, range(len(axis.values)), left=np.nan, right=np.nan)
        for axis, start in zip(returns.axes, returns.nominal_values, strict=True)
    )
    if np.isfinite(x + y):
        panel.plot(x, y, "*", color="white", markeredgecolor="black", markersize=14)
        panel.set_title("star: nominal context", fontsize=9)
    return _png(figure)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels side by side, three in a row at most."""
    n_columns = min(count, 3)
    n_rows = -(-count // n_columns)
    size = (max(3.6 * n_columns, 5.0), 3.4 * n_rows)
    figure, grid = plt.subplots(
        n_rows, n_columns, figsize=size, layout="constrained", sharey=True, squeeze=False
    )
    panels = list(grid.ravel())
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def _finish(panels: list[Axes]) -> None:
    for panel in panels:
        panel.grid(alpha=0.3)
        place = panel.get_subplotspec()
        if place is not None and not place.is_first_col():
            panel.set_ylabel("")
    panels[0].legend(frameon=False, fontsize=8)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    return picture.getvalue()
