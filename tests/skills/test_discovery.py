"""Skill discovery as a learner: it learns in the plane, and says how well."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig, DiscoveryHparams
from metaskill.skills.model import FitConfig
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

EXPERIMENT = SkillExperiment(
    env=EnvConfig("point_mass", options={"episode_length": 20}),
    trainer=TrainerConfig(env_steps=1),
    space=SkillSpace("one_hot", 3),
    algorithm="diayn",
    diayn=DIAYNConfig(hidden=(32,), fit=FitConfig(16, 256)),
    ppo=PPOConfig(
        num_envs=64,
        rollout_length=20,
        num_minibatches=4,
        policy_hidden=(16,),
        value_hidden=(16,),
        distribution="gaussian",
        initial_std=0.5,
    ),
    discovery=DiscoveryConfig(3, 2),
    hparams=DiscoveryHparams(PPOHparams(learning_rate=5e-3), model_learning_rate=3e-3),
)


def test_three_skills_in_the_plane_are_soon_told_apart() -> None:
    learner = EXPERIMENT.make_learner()
    evaluate = jax.jit(learner.evaluate)
    state = jax.jit(learner.init)(jax.random.key(0), EXPERIMENT.hparams)
    before = evaluate(state, jax.random.key(1))
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: learner.step(s), s, None, length=60))
    state, metrics = run(state)
    after = evaluate(state, jax.random.key(1))
    assert abs(float(before["eval/skill_reward"])) < 0.3
    assert float(after["eval/skill_reward"]) > 0.8 * np.log(3)
    assert float(after["eval/discriminator_accuracy"]) > 0.9
    assert float(after["eval/position_deviation"]) < 0.01  # Nothing is random in the plane.
    assert float(after["eval/action_sensitivity"]) > 3 * float(before["eval/action_sensitivity"])
    assert float(after["eval/skill_reward_share"]) == pytest.approx(
        float(after["eval/skill_reward"]) / np.log(3)
    )
    assert float(metrics["intrinsic_reward"][-1]) > float(metrics["intrinsic_reward"][0])
    assert learner.headline.metric in after
    assert learner.headline.running in metrics


def test_the_models_step_size_is_data() -> None:
    learner = EXPERIMENT.make_learner()
    rates = jnp.array([1e-3, 1e-4])
    hparams = dataclasses.replace(EXPERIMENT.hparams, model_learning_rate=rates)
    axes = jax.tree.map(lambda _: None, EXPERIMENT.hparams)
    axes = dataclasses.replace(axes, model_learning_rate=0)
    states = jax.vmap(learner.init, in_axes=(None, axes))(jax.random.key(0), hparams)
    np.testing.assert_allclose(states.intrinsic.learning_rate, rates)


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'dads'"):
        dataclasses.replace(EXPERIMENT, algorithm="dds").make_learner()
