"""How a policy stands contexts other than the nominal one: statistics of its returns."""

import dataclasses

import numpy as np
from jaxtyping import Float

from metaskill.rl.grid_returns import GridReturns
from metaskill.tasks.context_grid import Axis


@dataclasses.dataclass(frozen=True)
class Robustness:
    """What the returns of one policy over a grid come to.

    Attributes:
        nominal: Return in the nominal context.
        mean: Mean over the cells.
        p10: 10th percentile over the cells.
        cvar10: Mean of the worst tenth of the cells.
        worst: The smallest return of a cell.
        worst_cell: That cell's value on each axis.
        threshold: The return below which the policy counts as broken; None for none.
        breaks: For each axis the first value, going `down` and `up` from the nominal
            one with all other parameters nominal, at which the return is below the
            threshold; None where it never is.
    """

    nominal: float
    mean: float
    p10: float
    cvar10: float
    worst: float
    worst_cell: dict[str, float]
    threshold: float | None
    breaks: dict[str, dict[str, float | None]]


def summarize(returns: GridReturns, member: int, threshold: float | None = None) -> Robustness:
    """Return the statistics of one member of the population.

    Args:
        returns: The returns of all.
        member: Which one.
        threshold: The return below which a policy counts as broken: by default half of the
            nominal return. Half of a negative one would be more and not less, so with
            such returns nothing breaks unless a threshold is given.
    """
    cells, nominal = returns.cells[member], float(returns.nominal[member])
    if threshold is None and nominal > 0:
        threshold = nominal / 2
    worst = int(np.argmin(cells))
    place = np.unravel_index(worst, [len(axis.values) for axis in returns.axes])
    return Robustness(
        nominal=nominal,
        mean=float(np.mean(cells)),
        p10=float(np.percentile(cells, 10)),
        cvar10=tail_mean(cells, 0.1),
        worst=float(cells[worst]),
        worst_cell={axis.name: axis.values[i] for axis, i in zip(returns.axes, place, strict=True)},
        threshold=threshold,
        breaks={
            axis.name: _breaks(axis, cut[member], start, nominal, threshold)
            for axis, cut, start in zip(
                returns.axes, returns.cuts, returns.nominal_values, strict=True
            )
        },
    )


def tail_mean(values: Float[np.ndarray, " cell"], share: float) -> float:
    """Return the mean of the smallest values: their conditional value at risk.

    Where the share cuts through a value, as much of it counts as lies inside; of fewer
    than 1 / share values, the smallest alone.
    """
    size = share * len(values)
    weights = np.clip(size - np.arange(len(values)), 0.0, 1.0)
    return float(np.sum(weights * np.sort(values)) / np.sum(weights))


def _breaks(
    axis: Axis,
    cut: Float[np.ndarray, " value"],
    start: float,
    nominal: float,
    threshold: float | None,
) -> dict[str, float | None]:
    """Walk from the nominal value to either end of an axis."""
    points = [p for p in zip(axis.values, cut, strict=True) if not np.isclose(p[0], start)]
    walks = {
        "down": [point for point in reversed(points) if point[0] < start],
        "up": [point for point in points if point[0] > start],
    }
    return {
        direction: next(
            (v for v, r in [(start, nominal), *walk] if threshold is not None and r < threshold),
            None,
        )
        for direction, walk in walks.items()
    }
