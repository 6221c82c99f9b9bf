"""usage: metaskill eval RUN [flags]

Runs whole episodes with the deterministic policy of a run's last checkpoint and prints
the result as JSON, one value a member of the population.

  --seed=N   seed of the episodes (default: 0)
  --best     the checkpoint with the best eval/return, not the last

With --grid, given once for each axis, it runs them over all combinations of values of the
environment's parameters instead, everything else nominal; prints statistics of the
returns, and writes grid.json and grid.png:

  --grid=physics.mass=0.5:1.5:5          5 values from 0.5 to 1.5
  --grid=physics.damping=log:0.25:4:5    the same, logarithmic
  --grid=reward.forward_weight=1,2       these values
  --randomization=NAME   whose parameters and interface the environment gets (default: what
                         the run was trained with; if that is none, locomotion)
  --threshold=R          the return below which a policy counts as broken (default: half of
                         the nominal return, where that is positive)
  --episodes=N           episodes of each cell (default: 1)
  --output=FOLDER        where to write (default: RUN)
"""

import json
from typing import Any

import jax
import numpy as np
from absl import flags

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import define_seed, parse
from metaskill.cli.grid import GridOptions, evaluate_on_grid, parse_axis
from metaskill.errors import UserError
from metaskill.training.trainer import restore

_OF_GRIDS = ("randomization", "threshold", "episodes", "output")


def run(arguments: list[str]) -> None:
    """Evaluate every member."""

    def define(values: flags.FlagValues) -> None:
        define_seed(values, "seed of the episodes")
        flags.DEFINE_bool("best", False, "the best checkpoint", flag_values=values)
        flags.DEFINE_multi_string("grid", [], "an axis", flag_values=values)
        flags.DEFINE_string("randomization", None, "whose parameters", flag_values=values)
        flags.DEFINE_float("threshold", None, "broken below", flag_values=values)
        flags.DEFINE_integer("episodes", 1, "of each cell", lower_bound=1, flag_values=values)
        flags.DEFINE_string("output", None, "folder", flag_values=values)

    (path,), values = parse(arguments, ["RUN"], define)
    for name in _OF_GRIDS:
        if values[name].present and not values.grid:
            raise UserError(f"--{name} belongs to a grid: add --grid=NAME=VALUES.")
    record = evaluate_on_grid(path, _options(values)) if values.grid else _evaluate(path, values)
    print(json.dumps(record, indent=2))


def _evaluate(path: str, values: flags.FlagValues) -> dict[str, Any]:
    folder, name, config = open_run(path)
    learner, state, iteration = restore(config, folder, values.best)
    keys = jax.random.split(jax.random.key(values.seed), config.trainer.population)
    metrics = jax.jit(jax.vmap(learner.evaluate))(state, keys)
    return {
        "experiment": name,
        "iteration": iteration,
        **{key: np.asarray(value).round(4).tolist() for key, value in metrics.items()},
    }


def _options(values: flags.FlagValues) -> GridOptions:
    return GridOptions(
        axes=tuple(parse_axis(text) for text in values.grid),
        **{name: values[name].value for name in ("seed", "best", *_OF_GRIDS)},
    )
