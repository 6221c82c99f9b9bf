"""The compiled programs of a run, and when each is due."""

import math
from typing import Any

import jax
import numpy as np

from metaskill.learner import Learner
from metaskill.training.experiment import TrainerConfig
from metaskill.training.population import Population, keys_of, stacked_hparams


class Chunks:
    """A learner's functions over populations, in chunks of iterations.

    Members differ in data only, so populations of one size share one program.
    """

    def __init__(self, learner: Learner, config: TrainerConfig):
        """Prepare the programs; nothing is compiled yet."""
        self.config = config
        self.headline = learner.headline
        self.steps_per_iteration = learner.steps_per_iteration
        self.steps_per_chunk = learner.steps_per_iteration * config.iterations_per_chunk
        self.total_iterations = (
            math.ceil(config.env_steps / self.steps_per_chunk) * config.iterations_per_chunk
        )
        step = jax.vmap(learner.step)

        def run(state: Any) -> tuple[Any, dict[str, jax.Array]]:
            return jax.lax.scan(
                lambda state, _: step(state), state, None, length=config.iterations_per_chunk
            )

        self._run = jax.jit(run, donate_argnums=0)
        self._init = jax.jit(jax.vmap(learner.init))
        self._evaluate = jax.jit(jax.vmap(learner.evaluate))
        self._compiled: dict[int, jax.stages.Compiled] = {}

    def init(self, population: Population) -> Any:
        """Return the untrained population."""
        return self._init(keys_of(population), stacked_hparams(population))

    def template(self, population: Population) -> Any:
        """Return the shapes of the population's state, without computing it."""
        return jax.eval_shape(self._init, keys_of(population), stacked_hparams(population))

    def compile(self, population: Population) -> jax.stages.Compiled:
        """Compile the chunk: from a state, which it consumes, to the next and its metrics."""
        size = len(population)
        if size not in self._compiled:
            self._compiled[size] = self._run.lower(self.template(population)).compile()
        return self._compiled[size]

    def evaluate(self, state: Any, population: Population, iteration: int) -> dict[str, np.ndarray]:
        """Evaluate every member, with keys that depend on seed and iteration alone."""
        keys = jax.vmap(lambda key: jax.random.fold_in(key, iteration))(keys_of(population))
        return {name: np.asarray(v) for name, v in self._evaluate(state, keys).items()}

    def is_due(self, iteration: int, every_chunks: int) -> bool:
        """Say whether something that happens every so many chunks happens now."""
        return iteration % (self.config.iterations_per_chunk * every_chunks) == 0
