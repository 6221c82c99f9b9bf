"""Numbers over two sizes, as a table with colours."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes


def draw_table(axes: Axes, cells: Mapping[tuple[int, int], float], names: tuple[str, str]) -> None:
    """Draw a number for every pair of sizes, from 0 (dark) to 1 (bright).

    Args:
        axes: Where.
        cells: The numbers by pairs; all combinations.
        names: What the first of a pair is, by row, and the second, by column.
    """
    rows, columns = (sorted({pair[index] for pair in cells}) for index in (0, 1))
    table = np.array([[cells[row, column] for column in columns] for row in rows])
    axes.imshow(table, vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        colour = "white" if value < 0.6 else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    axes.set_yticks(range(len(rows)), [str(row) for row in rows])
    axes.set_xticks(range(len(columns)), [str(column) for column in columns])
    axes.set_ylabel(names[0])
    axes.set_xlabel(names[1])
