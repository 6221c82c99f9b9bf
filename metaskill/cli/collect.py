"""usage: metaskill collect ENV --policy=NAME --episodes=N [flags]

Collects whole episodes into a data set: a folder with a manifest and shards, which
`metaskill.offline.dataset.read_dataset` reads and which is there only when it is whole.

  --policy=NAME       who acts: random; run:FOLDER for the policy of a trained run; on the
                      arm, by scripted experts, expert (does what is asked for), noisy (with
                      noise, so that some fail) or play (one random subtask after the other)
  --episodes=N        how many (default: 1000)
  --output=FOLDER     where to; nothing may be there (default: data/ENV-NAME)
  --worlds=N          worlds side by side; each batch of them is a shard (default: 256)
  --option=NAME=VALUE an option of the environment, such as --option=episode_length=200; may be
                      given several times
  --randomization=NAME  what varies from episode to episode (default: none)
  --observation=NAME  which observation is kept (default: state)
  --noise=S           of run:FOLDER: standard deviation of noise on the actions (default: 0)
  --member=N          of run:FOLDER: member of the population (default: the best of the last
                      evaluation)
  --engine=NAME       auto, native or mjx (default: auto)
  --seed=N            seed of everything (default: 0)
  --take-over         write into a folder although a process on another machine, which has
                      ended, left its lock there
"""

import pathlib
from typing import Any

import jax
from absl import flags

from metaskill.cli.experiments import open_run
from metaskill.cli.flags import define_seed, define_take_over, named_values, parse
from metaskill.envs.policy import Noisy
from metaskill.errors import UserError
from metaskill.learner import acts
from metaskill.offline.dataset import require_free
from metaskill.offline.policies import CollectingPolicy
from metaskill.report.curves import best_member
from metaskill.skills.option_env import OptionEnv
from metaskill.training.collection import (
    Actor,
    Collected,
    CollectionConfig,
    collect_into,
    make_actor,
)
from metaskill.training.lock import locked
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import restore

_RUN = "run:"


def run(arguments: list[str]) -> None:
    """Collect, write, and say what there is."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("policy", None, "who acts", flag_values=values)
        flags.DEFINE_integer("episodes", 1000, "how many", lower_bound=1, flag_values=values)
        flags.DEFINE_string("output", None, "where to", flag_values=values)
        flags.DEFINE_integer("worlds", 256, "side by side", lower_bound=1, flag_values=values)
        flags.DEFINE_multi_string("option", [], "of the environment", flag_values=values)
        flags.DEFINE_string("randomization", "none", "what varies", flag_values=values)
        flags.DEFINE_string("observation", "state", "what is kept", flag_values=values)
        flags.DEFINE_float("noise", 0.0, "on actions", lower_bound=0.0, flag_values=values)
        flags.DEFINE_integer("member", None, "member", lower_bound=0, flag_values=values)
        flags.DEFINE_string("engine", "auto", "auto, native or mjx", flag_values=values)
        define_seed(values, "seed")
        define_take_over(values)

    (name,), values = parse(arguments, ["ENV"], define)
    if not values.policy:
        raise UserError("say who acts by --policy=NAME: `metaskill collect --help` lists them.")
    config = CollectionConfig(
        env=EnvConfig(
            name, values.engine, named_values("option", values.option), values.randomization
        ),
        policy=values.policy,
        episodes=values.episodes,
        worlds=values.worlds,
        observation=values.observation,
        noise=values.noise,
        seed=values.seed,
    )
    short = values.policy.removeprefix(_RUN).rstrip("/").rpartition("/")[2]
    folder = pathlib.Path(values.output or f"data/{name}-{short}")
    actor = _choose(values, config)  # Refuses a wrong configuration before anything is written.
    require_free(folder)
    with locked(folder, values["take-over"].value):
        say_collected(collect_into(folder, config, actor))
    print(folder)


def say_collected(collected: Collected) -> None:
    """Print what there is now."""
    n_episodes = len(collected.manifest.lengths)
    print(
        f"{n_episodes} episodes with {collected.manifest.steps} steps in "
        f"{collected.seconds:.1f} s; mean return {collected.total_reward / n_episodes:.4g}"
    )
    if collected.n_broken:
        print(f"the simulation of {collected.n_broken} others broke: they were left out")


def _choose(values: Any, config: CollectionConfig) -> Actor:
    """Return who acts, and where: a run's policy acts in the environment that it learned in."""
    if not values.policy.startswith(_RUN):
        if values.noise or values.member is not None:
            raise UserError("--noise and --member belong to --policy=run:FOLDER: leave them out.")
        return make_actor(config)
    env, sample_context = config.env.make()
    folder, _, experiment = open_run(values.policy.removeprefix(_RUN))
    learner, population, _ = restore(experiment, folder)
    if not acts(learner):
        raise UserError(f"{folder.path} has no policy that acts, so it can collect nothing.")
    if learner.env.name != env.name:
        raise UserError(
            f"{folder.path} learned in {learner.env.name}, not in {env.name}: name that one."
        )
    if isinstance(learner.env, OptionEnv):
        raise UserError(
            f"{folder.path} acts by options, and its actions are not {env.name}'s own: name "
            "another run."
        )
    if values.option or values.randomization != "none":
        raise UserError(
            "a run's policy acts in the run's own environment: leave --option and "
            "--randomization out."
        )
    member = best_member(folder.metrics_file, experiment.trainer, learner.headline, values.member)
    state = jax.tree.map(lambda leaf: leaf[member], population)
    policy = CollectingPolicy(Noisy(learner.policy(state), values.noise))
    return Actor(learner.env, getattr(learner, "sample_context", sample_context), policy)
