"""Timing things against each other: in turns, so that noise hits them alike."""

import time
from collections.abc import Callable, Mapping

import mujoco
import numpy as np
from jax.typing import ArrayLike
from mujoco import batch as mujoco_batch


def seconds_in_turns(
    runs: dict[str, Callable[[], object]], rounds: int = 7
) -> dict[str, np.ndarray]:
    """Time several functions, one call of each a round, after a warm-up call of each.

    Returns:
        Seconds by name (axis: round).
    """
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def ratio(limit_seconds: np.ndarray, seconds: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Return how close a speed comes to its limit: median over rounds, and quartiles."""
    ratios = limit_seconds / seconds
    low, high = np.percentile(ratios, [25, 75])
    return float(np.median(ratios)), (float(low), float(high))


class RawBatch:
    """`mujoco.batch` as its documentation uses it: the limit of the native engine."""

    def __init__(
        self,
        model: mujoco.MjModel,
        states: np.ndarray,
        fields: Mapping[str, ArrayLike] | None = None,
        activations: np.ndarray | None = None,
    ):
        """Prepare worlds at some states.

        Args:
            model: The model.
            states: Positions and velocities, one row a world.
            fields: What of the model varies, by name (leading axis: world). Where a fixture
                stands decides what is touched, and so what there is to compute.
            activations: Of the actuators, one row a world, where they have any.
        """
        self._batch = mujoco_batch.Batch(model, len(states))
        for name, values in (fields or {}).items():
            field = self._batch.expand(name)
            field[...] = np.reshape(values, field.shape)
        self._start = states
        self._activations = activations
        self._nq = model.nq

    def run(self, controls: np.ndarray, n_substeps: int) -> np.ndarray:
        """Step from the start under controls (axes: time, world, actuator); return qpos."""
        self._batch.reset(stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        qpos = self._batch.bind("qpos")
        qpos[...] = self._start[:, : self._nq]
        self._batch.bind("qvel")[...] = self._start[:, self._nq :]
        if self._activations is not None:
            self._batch.bind("act")[...] = self._activations
        ctrl = self._batch.bind("ctrl")
        for control in controls:
            ctrl[...] = control
            self._batch.step(nstep=n_substeps)
        return qpos
