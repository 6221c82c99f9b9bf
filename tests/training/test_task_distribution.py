"""The front door of the task distribution: context, randomization and family, one on another."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.cli.experiments import find_experiment
from metaskill.cli.flags import override
from metaskill.errors import UserError
from metaskill.training.task_distribution import (
    NO_FAMILY,
    EnvConfig,
    FamilyConfig,
    make_tasks,
    make_world,
)

RUNNER = EnvConfig("half_cheetah", "native", {"objective": "velocity"})
VELOCITIES = FamilyConfig("goal_velocity")


def with_context(env: EnvConfig, **reward: object) -> EnvConfig:
    return dataclasses.replace(env, context={"reward": reward})


def test_a_reward_gets_from_the_command_line_to_ppo() -> None:
    """What the learner's worlds are rewarded for is what the flag says."""
    flags = [
        "--config.env.name=half_cheetah",
        "--config.env.options={'objective': 'velocity', 'episode_length': 5}",
        "--config.env.context.reward.target_velocity=2.5",
        "--config.ppo.num_envs=2",
        "--config.ppo.rollout_length=4",
        "--config.ppo.num_minibatches=1",
    ]
    _, config = override(flags, find_experiment("demo"))
    learner = config.make_learner()
    state = jax.jit(learner.init)(jax.random.key(0), config.hparams)
    np.testing.assert_array_equal(state.workers.state.context.reward["target_velocity"], 2.5)


def test_ppo_may_learn_on_a_family() -> None:
    env, sample = make_world(RUNNER, VELOCITIES)
    drawn = [float(sample(key).reward["target_velocity"]) for key in jax.random.split(KEY, 3)]
    assert len(set(drawn)) == 3
    assert all(0.0 <= velocity <= 2.0 for velocity in drawn)
    assert env.nominal_context().reward.keys() == sample(KEY).reward.keys()


KEY = jax.random.key(0)


def test_each_part_stands_on_those_before_it() -> None:
    env = dataclasses.replace(RUNNER, randomization="locomotion")
    made, tasks = make_tasks(env, VELOCITIES)
    first, second = (tasks.sample(key) for key in jax.random.split(KEY))
    for name in made.nominal_context().physics:
        assert float(first.physics[name]) != float(second.physics[name])
    assert float(first.reward["target_velocity"]) != float(second.reward["target_velocity"])


def test_without_a_family_the_sampler_is_the_randomizations() -> None:
    env = dataclasses.replace(RUNNER, randomization="locomotion")
    _, sample = make_world(env, NO_FAMILY)
    _, own = env.make()
    jax.tree.map(np.testing.assert_array_equal, sample(KEY), own(KEY))


@pytest.mark.parametrize(
    ("env", "family", "message"),
    [
        (with_context(RUNNER, target_velocity=1.0), VELOCITIES, "goal_velocity sets it"),
        (with_context(RUNNER, control_cost=1.0), VELOCITIES, "control_cost is given, and the task"),
        (with_context(RUNNER, tarket_velocity=1.0), NO_FAMILY, "did you mean 'target_velocity'"),
        (
            dataclasses.replace(
                RUNNER, randomization="locomotion", context={"physics": {"friction": 1.0}}
            ),
            NO_FAMILY,
            "context.physics.friction",
        ),
        (
            dataclasses.replace(
                EnvConfig("arm_reach", "native"), context={"reward": {"goal": [0.0, 0.0, 0.0]}}
            ),
            NO_FAMILY,
            "draws it for each episode|does not exist",
        ),
    ],
)
def test_an_entry_is_set_once(env: EnvConfig, family: FamilyConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_world(env, family)


def test_skills_and_meta_learning_have_the_same_door() -> None:
    _, config = override(
        ["--config.env.context.reward.goal=(0.25, 0.0)", "--config.family.name=nominal"],
        find_experiment("nav2d_maml"),
    )
    learner = config.make_learner()
    np.testing.assert_allclose(learner.family.sample(KEY).reward["goal"], jnp.array([0.25, 0.0]))
    _, config = override(["--config.env.context.reward.goal=(0.25, 0)"], find_experiment("demo"))
    with pytest.raises(UserError, match=r"goal does not exist"):
        config.make_learner()
