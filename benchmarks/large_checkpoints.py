"""A large state, saved beside training: SAC with its replay of a million transitions."""

import dataclasses
import pathlib
import shutil
import time
from typing import Any

import jax
import numpy as np

from experiments.half_cheetah_sac import CONFIG
from metaskill.results.figure import Figure
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.experiment import TrainerConfig
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import train

REPETITIONS = 3
SECONDS_OF_ITERATION = 0.035
SECONDS_GUESSED = 2.5 * TrainerConfig(env_steps=1).seconds_per_checkpoint


class _Clock(NoProgress):
    """Remembers when chunks ended."""

    def __init__(self) -> None:
        self.times = [time.perf_counter()]

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        self.times.append(time.perf_counter())


def checkpoint_overhead(scratch: pathlib.Path) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Compare iterations with checkpoints at the default cadence to iterations without."""
    cadence = TrainerConfig(env_steps=1)
    learner = CONFIG.make_learner()
    chunk = cadence.iterations_per_chunk
    # Long enough for some checkpoints, by a guess; the settings say how many there were.
    chunks = round(SECONDS_GUESSED / SECONDS_OF_ITERATION / chunk)
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    saves = []
    for repetition in range(REPETITIONS):
        for name, every in (("with", cadence.chunks_per_checkpoint), ("without", chunks + 1)):
            trainer = TrainerConfig(
                env_steps=learner.steps_per_iteration * chunk * chunks,
                chunks_per_checkpoint=every,
                chunks_per_evaluation=chunks,
                checkpoints_kept=chunks,
            )
            experiment = dataclasses.replace(CONFIG, trainer=trainer)
            run = RunFolder(scratch / f"replay_{name}_{repetition}")
            run.create("replay", experiment)
            clock = _Clock()
            train(experiment, run, clock)
            # Without the last chunk, which always saves.
            seconds[name].append(clock.times[-2] - clock.times[1])
            if every <= chunks:
                saves.append(len(Checkpoints(run.checkpoints).iterations()) - 1)
            shutil.rmtree(run.path)
    overheads = [a / b - 1 for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    figure = Figure(
        value=float(np.median(overheads)),
        interval=(min(overheads), max(overheads)),
        seeds=overheads,
        source="half_cheetah_sac, default cadence: time with asynchronous checkpoints over that "
        "without, - 1",
        limit=0.05,
    )
    compared = (chunks - 2) * chunk
    state = jax.eval_shape(learner.init, jax.random.key(0), CONFIG.hparams)
    n_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.replay))
    return {"checkpoint_overhead": figure}, {
        "seconds_per_iteration": {n: np.median(s) / compared for n, s in seconds.items()},
        "iterations": compared,
        "checkpoints": saves,
        "transitions": CONFIG.sac.replay_capacity,
        "replay_megabytes": n_bytes / 1e6,
    }
