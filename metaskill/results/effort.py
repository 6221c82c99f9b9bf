"""What a run needs until it is good enough: environment steps, or seconds."""

import numpy as np

from metaskill.report.curves import series
from metaskill.results.findings import TrainedRun
from metaskill.training.metrics import read_rows

Curve = tuple[np.ndarray, np.ndarray]
"""Efforts, and what evaluations showed after them."""


def evaluated_curves(run: TrainedRun, metric: str, along: str = "env_steps") -> list[Curve]:
    """Return a metric of a run's evaluations against an effort, by seed.

    Args:
        run: The run.
        metric: What its evaluations showed.
        along: `env_steps` or `seconds`.
    """
    by_seed = series(read_rows(run.folder.metrics_file), metric, along=along)
    return [by_seed[seed] for seed in sorted(by_seed)]


def effort_until(goal: float, efforts: np.ndarray, values: np.ndarray) -> float:
    """Return the effort of the first evaluation of at least a goal; all of it, if none is."""
    reached = values >= goal
    return float(efforts[np.argmax(reached)] if reached.any() else efforts[-1])
