"""Past controls and sensor values of models with delays, in single precision without loss.

MuJoCo keeps them with the times at which they were inserted, and looks for the sample of a
delay ago. Delays are multiples of the time step more often than not: then the last digit of
a double decides which of two samples is the one. So they cross the border, and the time
with them, as three floats that sum to the double.
"""

import mujoco
import numpy as np
from jaxtyping import Float
from mujoco import batch as mujoco_batch

_N_PARTS = 3  # of 24 binary digits each: a double has 53


def initial_history(data: mujoco.MjData) -> Float[np.ndarray, "3 history_and_time"]:
    """Return what a model with delays remembers of the time before a reset."""
    return _split(np.append(data.history, data.time)[None], np.dtype(np.float32))[0]


def write_history(
    batch: mujoco_batch.Batch, parts: Float[np.ndarray, "world 3 history_and_time"]
) -> None:
    """Write the history of each world, and its time, into a batch."""
    exact = parts.astype(np.float64).sum(axis=1)
    batch.bind("history")[...] = exact[:, :-1]
    batch.bind("time")[...] = exact[:, -1]


def read_history(
    batch: mujoco_batch.Batch, dtype: np.dtype
) -> Float[np.ndarray, "world 3 history_and_time"]:
    """Read the history of each world, and its time, from a batch."""
    return _split(np.column_stack([batch.bind("history"), batch.bind("time")]), dtype)


def _split(exact: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Split doubles (axes: world, value) into parts, each what the ones before round off."""
    parts = np.zeros((len(exact), _N_PARTS, exact.shape[1]), dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # Not finite: that world failed.
        for part in range(_N_PARTS):
            parts[:, part] = exact
            exact = exact - parts[:, part]
    return parts
