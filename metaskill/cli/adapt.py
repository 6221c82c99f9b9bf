"""usage: metaskill adapt RUN [flags]

Takes the policy of a meta-learning run to a task, lets it adapt there by inner steps, each
on fresh episodes, and prints the return after each. The adapted policy is written as a run
of its own, which `metaskill render` and `metaskill eval` understand.

  --task=NAME=VALUE   what the task is; once for each of the family's parameters, such as
                      --task=goal_x=0.3. Those not given are drawn from the held-out tasks.
  --steps=N           inner steps (default: 3)
  --seed=N            seed of the draws and the episodes (default: 0)
  --member=N          member of the population (default: the best of the last evaluation)
  --best              the checkpoint with the best eval/return, not the last
  --workdir=FOLDER    where to write the adapted policy (default: RUN-adapted)
  --take-over         write into a folder although a process on another machine, which has
                      ended, left its lock there
"""

import ast
import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jaxtyping import Array, PRNGKeyArray

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import define_seed, define_take_over, parse
from metaskill.errors import UserError, nearest
from metaskill.meta.maml_rl import MAMLRL
from metaskill.meta.maml_rl_state import MAMLRLState
from metaskill.report.curves import best_member
from metaskill.tasks.family import TaskFamily, context_of
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.experiment import Experiment
from metaskill.training.lock import locked
from metaskill.training.prepared import PreparedState, own_parts
from metaskill.training.run_folder import RunFolder, write_json
from metaskill.training.trainer import restore


def run(arguments: list[str]) -> None:
    """Adapt, print the curve, and write the policy."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_multi_string("task", [], "a parameter", flag_values=values)
        flags.DEFINE_integer("steps", 3, "inner steps", lower_bound=1, flag_values=values)
        define_seed(values, "seed")
        flags.DEFINE_integer("member", None, "member", lower_bound=0, flag_values=values)
        flags.DEFINE_bool("best", False, "the best checkpoint", flag_values=values)
        flags.DEFINE_string("workdir", None, "where to write", flag_values=values)
        define_take_over(values)

    (path,), values = parse(arguments, ["RUN"], define)
    folder, name, config = open_run(path)
    learner, population, iteration = restore(config, folder, values.best)
    member = best_member(folder.metrics_file, config.trainer, learner.headline, values.member)
    whole = jax.tree.map(lambda leaf: leaf[member], population)
    learner, own = own_parts(learner, whole)
    if not isinstance(learner, MAMLRL):
        raise UserError(
            f"{folder.path} holds no meta-learned policy: `metaskill list` says which "
            "experiments learn one."
        )
    task_key, key = jax.random.split(jax.random.key(values.seed))
    parameters = choose_task(learner.family, values.task, task_key)
    state: MAMLRLState = own

    adapted_run = RunFolder(pathlib.Path(values.workdir or f"{folder.path}-adapted"))
    if adapted_run.config_file.exists():
        raise UserError(
            f"{adapted_run.path} holds a run already: choose another --workdir, or delete that "
            "folder."
        )
    with locked(adapted_run.path, values["take-over"].value):
        adapted_run.create(name, _of_one_member(config, member), resume="never")
        task = context_of(learner.family.nominal, learner.family.to_reward(parameters))
        policies, returns = jax.jit(learner.adapt_to, static_argnums=3)(
            state, task, key, values.steps
        )

        task_text = ", ".join(f"{key} = {np.round(value, 4)}" for key, value in parameters.items())
        print(f"task: {task_text or 'the only one'}")
        print("inner steps   return (mean and standard deviation of the episodes)")
        for step, episodes in enumerate(np.asarray(returns)):
            print(f"{step:>11}   {episodes.mean():.4g} ± {episodes.std():.2g}")

        last = jax.tree.map(lambda leaf: leaf[-1], policies)
        adapted: Any = dataclasses.replace(state, params={**state.params, "policy": last})
        if isinstance(whole, PreparedState):
            adapted = dataclasses.replace(whole, own=adapted)
        with Checkpoints(adapted_run.checkpoints) as checkpoints:
            checkpoints.save(Checkpoint(jax.tree.map(lambda leaf: leaf[None], adapted), iteration))
        write_json(
            adapted_run.path / "adaptation.json",
            {
                "from": str(folder.path),
                "member": member,
                "task": {name: np.asarray(value).tolist() for name, value in parameters.items()},
                "returns": np.asarray(returns).mean(axis=1).tolist(),
            },
        )
    print(f"adapted policy: {adapted_run.path}")


def choose_task(family: TaskFamily, texts: list[str], key: PRNGKeyArray) -> dict[str, Array]:
    """Return a task's parameters: those that are given, and for the others a held-out draw.

    Raises:
        UserError: If a parameter does not exist, is given twice, or cannot be read.
    """
    drawn = family.held_out.sample(key)
    given: dict[str, Array] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--task={text} has no value: write --task=NAME=VALUE.")
        if name not in drawn:
            hint = nearest(name, drawn) if drawn else "it has one task only."
            raise UserError(f"the tasks of {family.name} have no parameter {name!r}: {hint}")
        if name in given:
            raise UserError(f"--task gives {name} twice: leave one out.")
        given[name] = _number(name, value, drawn[name])
    return {**drawn, **given}


def _number(name: str, text: str, like: Array) -> Array:
    try:
        value: Any = np.asarray(ast.literal_eval(text), np.float32)
    except (ValueError, SyntaxError, TypeError, OverflowError) as error:
        raise UserError(f"--task={name}={text}: {text!r} is no number.") from error
    if value.shape != like.shape or not np.all(np.isfinite(value)):
        raise UserError(f"--task={name}={text}: give finite numbers, as in {like.tolist()}.")
    return jnp.asarray(value, like.dtype)


def _of_one_member(config: Experiment, member: int) -> Experiment:
    trainer = dataclasses.replace(config.trainer, seed=config.trainer.seed + member, population=1)
    return dataclasses.replace(config, trainer=trainer)  # type: ignore[type-var]
