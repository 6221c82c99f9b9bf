"""usage: metaskill eval RUN [flags]

Runs whole episodes with the deterministic policy of a run's last checkpoint and prints
the result as JSON, one value a member of the population.

  --seed=N   seed of the episodes (default: 0)
  --best     the checkpoint with the best eval/return, not the last
"""

import json

import jax
import numpy as np
from absl import flags

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import parse
from metaskill.training.trainer import restore


def run(arguments: list[str]) -> None:
    """Evaluate every member."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_integer("seed", 0, "seed of the episodes", flag_values=values)
        flags.DEFINE_bool("best", False, "the best checkpoint", flag_values=values)

    (path,), values = parse(arguments, ["RUN"], define)
    folder, name, config = open_run(path)
    learner, state, iteration = restore(config, folder, values.best)
    keys = jax.random.split(jax.random.key(values.seed), config.trainer.population)
    metrics = jax.jit(jax.vmap(learner.evaluate))(state, keys)
    record = {
        "experiment": name,
        "iteration": iteration,
        **{key: np.asarray(value).round(4).tolist() for key, value in metrics.items()},
    }
    print(json.dumps(record, indent=2))
