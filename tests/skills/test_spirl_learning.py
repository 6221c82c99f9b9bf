"""SPiRL in the plane: skills from walks lead a policy to a goal that random actions never see."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context, State
from metaskill.envs.point_mass import PointMass
from metaskill.offline.collect import collect
from metaskill.offline.dataset import write_dataset
from metaskill.offline.learner import FittingConfig
from metaskill.offline.policies import CollectingPolicy
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.exploration import draw_from_prior, roll_out
from metaskill.skills.guide import guide_by_skills
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.spirl import GuidanceConfig, GuidedHparams, GuidedSAC
from metaskill.skills.spirl_model import EmbeddingConfig, EmbeddingHparams
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import TrainerConfig

GOAL = jnp.array([1.2, 0.9])


class SparsePoint(PointMass):
    """Rewards nothing but coming within 0.3 of the goal, 15 straight steps away.

    That ends an episode, and so does the time limit, with no future: nobody ever acts beyond
    it, so nothing would be known of the values there.
    """

    def nominal_context(self) -> Context:
        return Context(reward={"goal": GOAL})

    def step(self, state: State, action: jax.Array) -> State:
        after = super().step(state, action)
        reached = after.metrics["distance"] < 0.3
        return dataclasses.replace(
            after,
            reward=jnp.float32(reached),
            terminated=reached | after.truncated,
            truncated=jnp.zeros((), bool),
        )


ENV = SparsePoint(episode_length=20)


def walk(state, memory, key):
    """Straight away in the direction of the context's goal, not quite steadily."""
    goal = state.context.reward["goal"]
    return goal / jnp.linalg.norm(goal) + 0.1 * jax.random.normal(key, (2,)), memory


def some_direction(key: jax.Array) -> Context:
    return Context(reward={"goal": jax.random.normal(key, (2,))})


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> OptionEnv:
    folder = pathlib.Path(tmp_path_factory.mktemp("walks"), "data")
    batches = collect(ENV, some_direction, CollectingPolicy(walk), jax.random.key(0), 256)
    write_dataset(folder, "point_mass", (batch.episodes for batch in batches))
    experiment = DataExperiment(
        DataConfig(str(folder)),
        TrainerConfig(env_steps=1),
        embedding=EmbeddingConfig(2, 5, lstm_size=16, prior_hidden=(32, 32)),
        fitting=FittingConfig(batch_size=64, updates_per_iteration=2000),
        hparams=EmbeddingHparams(learning_rate=3e-3),
    )
    learner = experiment.make_learner()
    state = jax.jit(learner.init)(jax.random.key(0), experiment.hparams)
    state, _ = jax.jit(learner.step)(state)
    error = float(jax.jit(learner.evaluate)(state, jax.random.key(1))["eval/action_error"])
    # The walks' own noise, which no skill of two numbers holds, is 0.01; their actions' 0.5.
    assert error < 0.05
    guide = guide_by_skills(learner.model, state.params, state.statistics, 4.0)
    return OptionEnv(GuidedOptions(ENV, guide))


@pytest.mark.slow
def test_the_prior_walks_where_random_actions_stand(guided: OptionEnv) -> None:
    keys = jax.random.split(jax.random.key(0), 256)
    context = guided.nominal_context()

    def walk_on(key: jax.Array) -> jax.Array:
        choose = draw_from_prior(guided)
        return roll_out(guided, key, context, choose, lambda state: state.physics.qpos)

    paths = jax.jit(jax.vmap(walk_on))(keys)
    distances = np.linalg.norm(paths[:, -1], axis=-1)
    random = 0.1 * np.random.default_rng(0).uniform(-1, 1, (256, 20, 2)).sum(axis=1)
    assert np.mean(distances) > 3.0 * np.mean(np.linalg.norm(random, axis=-1))


@pytest.mark.slow
def test_it_finds_a_reward_that_is_far_away(guided: OptionEnv) -> None:
    sac = SACConfig(
        num_envs=16,
        rollout_length=4,
        updates_per_iteration=16,
        batch_size=128,
        replay_capacity=20_000,
        warm_up_steps=512,
        policy_hidden=(32, 32),
        critic_hidden=(64, 64),
        num_eval_episodes=16,
    )
    hparams = GuidedHparams(
        policy_learning_rate=1e-3,
        critic_learning_rate=1e-3,
        entropy_learning_rate=3e-3,
        entropy_weight=0.1,
        target_divergence=1.0,  # Less than the way takes, or it would not bind.
    )
    learner = GuidedSAC(guided, sac, GuidanceConfig())
    state = jax.jit(learner.init)(jax.random.key(0), hparams)
    evaluate = jax.jit(learner.evaluate)
    before = float(evaluate(state, jax.random.key(1))["eval/return"])
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: learner.step(s), s, length=400))
    state, metrics = run(state)
    after = float(evaluate(state, jax.random.key(1))["eval/return"])
    divergence = float(jnp.mean(metrics["divergence_over_target"][-20:]))
    assert before == 0.0
    assert after > 0.9
    assert divergence == pytest.approx(1.0, abs=0.2)
