"""The compiled programs of a run, and when each is due."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.learner import Learner
from metaskill.training.experiment import TrainerConfig


class Chunks:
    """A learner's functions over a population, in chunks of iterations."""

    def __init__(self, learner: Learner, config: TrainerConfig):
        """Prepare the programs; nothing is compiled yet."""
        self._config = config
        self.seeds = range(config.seed, config.seed + config.population)
        self.headline = learner.headline
        self.steps_per_iteration = learner.steps_per_iteration
        steps_per_chunk = learner.steps_per_iteration * config.iterations_per_chunk
        self.env_steps_per_chunk = steps_per_chunk * config.population
        self.total_iterations = (
            math.ceil(config.env_steps / steps_per_chunk) * config.iterations_per_chunk
        )
        step = jax.vmap(learner.step)

        def run(state: Any) -> tuple[Any, dict[str, jax.Array]]:
            return jax.lax.scan(
                lambda state, _: step(state), state, None, length=config.iterations_per_chunk
            )

        self._run = jax.jit(run, donate_argnums=0)
        self._init = jax.jit(jax.vmap(learner.init, in_axes=(0, None)))
        self._evaluate = jax.jit(jax.vmap(learner.evaluate))

    def init(self, hparams: Any) -> Any:
        """Return the untrained population."""
        return self._init(self._keys(), hparams)

    def compile(self, state: Any) -> Callable[[Any], tuple[Any, dict[str, jax.Array]]]:
        """Compile the chunk: from a state, which it consumes, to the next and its metrics."""
        return self._run.lower(state).compile()

    def evaluate(self, state: Any, iteration: int) -> dict[str, np.ndarray]:
        """Evaluate every member, with keys that depend on seed and iteration alone."""
        keys = jax.vmap(lambda key: jax.random.fold_in(key, iteration))(self._keys())
        return {name: np.asarray(v) for name, v in self._evaluate(state, keys).items()}

    def is_due(self, iteration: int, every_chunks: int) -> bool:
        """Say whether something that happens every so many chunks happens now."""
        return iteration % (self._config.iterations_per_chunk * every_chunks) == 0

    def _keys(self) -> jax.Array:
        return jax.vmap(jax.random.key)(jnp.asarray(self.seeds))
