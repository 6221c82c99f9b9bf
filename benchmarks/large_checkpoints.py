"""A large state, saved beside training."""

import dataclasses
import pathlib
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from metaskill.learner import RETURN, Learner, Metrics
from metaskill.results.figure import Figure
from metaskill.training.experiment import TrainerConfig
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import train

CAPACITY, WIDTH = 1_000_000, 17 + 6 + 2
REPETITIONS = 3


class Replaying:
    """A learner that does little but hold a replay of a million transitions.

    An iteration costs matrix products, about as many as gradient steps of an off-policy
    learner would, and writes a thousand transitions.
    """

    headline = RETURN
    step_unit = "transitions"
    steps_per_iteration = 1000
    gradient_steps = 60
    hidden = 256

    def init(self, key: PRNGKeyArray, hparams: Any) -> Any:
        """Fill the replay."""
        replay_key, weights_key, key = jax.random.split(key, 3)
        return {
            "replay": jax.random.normal(replay_key, (CAPACITY, WIDTH)),
            "weights": jax.random.normal(weights_key, (self.hidden, self.hidden)) / 16,
            "key": key,
            "iteration": jnp.zeros((), jnp.int32),
        }

    def step(self, state: Any) -> tuple[Any, Metrics]:
        """Write transitions, and multiply."""
        new_key, key = jax.random.split(state["key"])
        new = jax.random.normal(new_key, (self.steps_per_iteration, WIDTH))
        at = (state["iteration"] * self.steps_per_iteration) % CAPACITY
        replay = jax.lax.dynamic_update_slice(state["replay"], new, (at, 0))

        def gradient_step(weights: Array, _: None) -> tuple[Array, None]:
            return jnp.tanh(weights @ weights @ weights @ weights), None

        weights, _ = jax.lax.scan(gradient_step, state["weights"], None, length=self.gradient_steps)
        state = {
            "replay": replay,
            "weights": weights,
            "key": key,
            "iteration": state["iteration"] + 1,
        }
        return state, {"loss": jnp.mean(weights)}

    def evaluate(self, state: Any, key: PRNGKeyArray) -> Metrics:
        """Return a number."""
        return {"eval/return": jnp.mean(state["weights"])}


@dataclasses.dataclass(frozen=True)
class ReplayExperiment:
    """The replay, with or without checkpoints."""

    trainer: TrainerConfig
    hparams: Any = None

    def make_learner(self) -> Learner:
        """Make it."""
        return Replaying()


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
    steps = Replaying.steps_per_iteration * cadence.iterations_per_chunk * chunks
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for repetition in range(REPETITIONS):
        for name, every in (("with", period), ("without", chunks + 1)):
            trainer = TrainerConfig(
                env_steps=steps, chunks_per_checkpoint=every, chunks_per_evaluation=chunks
            )
            run = RunFolder(scratch / f"replay_{name}_{repetition}")
            experiment = ReplayExperiment(trainer)
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
        source="iteration time with asynchronous checkpoints of a 100 MB replay over without, - 1",
        limit=0.05,
    )
    iterations = 2 * period * cadence.iterations_per_chunk
    return {"checkpoint_overhead": figure}, {
        "seconds_per_iteration": {n: np.median(s) / iterations for n, s in seconds.items()},
        "iterations_per_checkpoint": period * cadence.iterations_per_chunk,
        "megabytes": CAPACITY * WIDTH * 4 / 1e6,
    }
