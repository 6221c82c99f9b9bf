"""A large state, saved beside training: SAC with its replay of a million transitions."""

import dataclasses
import pathlib
import time
from typing import Any

import jax
import numpy as np

from experiments.half_cheetah_sac import CONFIG
from metaskill.results.figure import Figure
from metaskill.training.experiment import TrainerConfig
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import train

REPETITIONS = 3


class _Clock(NoProgress):
    """Remembers when chunks ended."""

    def __init__(self) -> None:
        self.times = [time.perf_counter()]

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        self.times.append(time.perf_counter())


def checkpoint_overhead(scratch: pathlib.Path) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Compare iterations with checkpoints at the default cadence to iterations without."""
    cadence = TrainerConfig(env_steps=1)
    period = cadence.chunks_per_checkpoint
    chunks = 3 * period + 1  # The last chunk always saves; it is not counted.
    iterations = cadence.iterations_per_chunk * chunks
    learner = CONFIG.make_learner()
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for repetition in range(REPETITIONS):
        for name, every in (("with", period), ("without", chunks + 1)):
            trainer = TrainerConfig(
                env_steps=learner.steps_per_iteration * iterations,
                chunks_per_checkpoint=every,
                chunks_per_evaluation=chunks,
            )
            experiment = dataclasses.replace(CONFIG, trainer=trainer)
            run = RunFolder(scratch / f"replay_{name}_{repetition}")
            run.create("replay", experiment)
            clock = _Clock()
            train(experiment, run, clock)
            # Two whole periods, each with a save and the time in which it is written.
            seconds[name].append(clock.times[-2] - clock.times[-2 - 2 * period])
    overheads = [a / b - 1 for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    figure = Figure(
        value=float(np.median(overheads)),
        interval=(min(overheads), max(overheads)),
        seeds=overheads,
        source="half_cheetah_sac, default cadence: time with asynchronous checkpoints over that "
        "without, - 1",
        limit=0.05,
    )
    compared = 2 * period * cadence.iterations_per_chunk
    state = jax.eval_shape(learner.init, jax.random.key(0), CONFIG.hparams)
    n_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.replay))
    return {"checkpoint_overhead": figure}, {
        "seconds_per_iteration": {n: np.median(s) / compared for n, s in seconds.items()},
        "iterations_per_checkpoint": period * cadence.iterations_per_chunk,
        "transitions": CONFIG.sac.replay_capacity,
        "replay_megabytes": n_bytes / 1e6,
    }
