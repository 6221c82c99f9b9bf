"""Worlds that blow up while others go on."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.learner import Metrics
from metaskill.results.figure import Figure, measured
from metaskill.rl.ppo import PPO, PPOState
from metaskill.rl.ppo_config import PPOConfig
from metaskill.statistics import bootstrap_interval, interquartile_mean
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.metrics import read_rows
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import train

SEEDS = 5
POISONED_PPO = PPOConfig(
    num_envs=200,
    rollout_length=20,
    num_epochs=4,
    num_minibatches=4,
    policy_hidden=(32, 32),
    value_hidden=(32, 32),
    num_eval_episodes=16,
)


class Poisoned(PPO):
    """PPO in which one world in a hundred holds NaN at the start of every iteration."""

    def step(self, state: PPOState) -> tuple[PPOState, Metrics]:
        """Poison some worlds, then go on as always."""
        n_worlds = self.config.num_envs
        order = jax.random.permutation(jax.random.fold_in(state.key, 1), n_worlds)
        chosen = order < n_worlds // 100
        world = state.workers.state
        physics = dataclasses.replace(
            world.physics, qpos=jnp.where(chosen[:, None], jnp.nan, world.physics.qpos)
        )
        workers = dataclasses.replace(
            state.workers, state=dataclasses.replace(world, physics=physics)
        )
        return super().step(dataclasses.replace(state, workers=workers))


@dataclasses.dataclass(frozen=True)
class PoisonedExperiment(PPOExperiment):
    """The same experiment, poisoned."""

    def make_learner(self) -> PPO:
        """Build it."""
        env, sample_context = self.env.make()
        return Poisoned(env, self.ppo, sample_context)


def nan_worlds_survived(scratch: pathlib.Path) -> tuple[dict[str, Figure], dict[str, Any]]:
    """Train with and without poison, in closed form and in simulation."""
    figures, settings = {}, {}
    environments = {
        "point_mass": (EnvConfig("point_mass", options={"episode_length": 40}), 600_000),
        "half_cheetah": (EnvConfig("half_cheetah", "native", {"episode_length": 100}), 400_000),
    }
    for name, (env, env_steps) in environments.items():
        trainer = TrainerConfig(env_steps=env_steps, population=SEEDS)
        sound, _ = _returns(PPOExperiment(env, trainer, POISONED_PPO), scratch / f"sound_{name}")
        returns, counts = _returns(
            PoisonedExperiment(env, trainer, POISONED_PPO), scratch / f"poisoned_{name}"
        )
        expected = POISONED_PPO.num_envs // 100
        value = interquartile_mean(returns)
        survived = bool(np.all(counts == expected)) and np.min(sound) <= value <= np.max(sound)
        figures[f"nan_worlds_survived_{name}"] = measured(
            float(survived),
            "1 if every blown-up world was counted and the return lies among normal runs'",
            required=1.0,
        )
        settings[name] = {
            "normal_returns": sound.tolist(),
            "normal_interval": bootstrap_interval(sound),
            "returns": returns.tolist(),
            "failed_worlds_per_iteration": sorted(set(counts.tolist())),
            "expected_per_iteration": expected,
        }
    value = min(figure.value for figure in figures.values())
    figures["nan_worlds_survived"] = measured(value, "all of these", required=1.0)
    return figures, settings


def _returns(experiment: PPOExperiment, path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    run = RunFolder(path)
    run.create("nan_worlds", experiment)
    outcome = train(experiment, run, NoProgress())
    failed = [row["failed_worlds"] for row in read_rows(run.metrics_file)]
    return outcome.evaluation["eval/return"].astype(float), np.array(failed)
