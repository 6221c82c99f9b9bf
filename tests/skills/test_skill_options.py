"""Controllers over skills, in the plane, where a skill is a direction."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compass import compass_options, in_direction

from metaskill.envs.point_mass import PointMass
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.skill_options import SkillOptions
from metaskill.skills.space import SkillSpace


@pytest.fixture(scope="module")
def options() -> OptionEnv:
    return compass_options()


def test_a_step_is_an_option_and_its_reward_the_sum(options: OptionEnv, key) -> None:
    state = options.reset(key, options.nominal_context())
    np.testing.assert_allclose(state.obs["state"], [0.0, 0.0, 0.0, 0.0, 0.5, 0.5])
    after = options.step(state, jnp.array([0.1, 0.9, -1.0, 0.3]))
    np.testing.assert_allclose(after.obs["state"], [0.0, 0.4, 0.0, 0.4, 0.5, 0.1], atol=1e-6)
    distances = [np.hypot(0.5, 0.5 - 0.1 * t) for t in range(1, 5)]
    assert float(after.reward) == pytest.approx(-sum(distances), rel=1e-5)
    assert int(after.step) == 4
    assert {name: value.shape[-1] for name, value in after.obs.items()} == options.observation_sizes


def test_ppo_learns_to_use_the_skills(options: OptionEnv) -> None:
    """The goal is up and to the right: no one skill leads there."""
    config = PPOConfig(
        num_envs=64,
        rollout_length=9,
        num_minibatches=4,
        policy_hidden=(16,),
        value_hidden=(16,),
        distribution="gaussian",
        initial_std=0.5,
        num_eval_episodes=4,
    )
    ppo = PPO(options, config)
    state = jax.jit(ppo.init)(jax.random.key(0), PPOHparams(learning_rate=1e-2, reward_scale=1.0))
    run = jax.jit(lambda s: jax.lax.scan(lambda s, _: ppo.step(s), s, None, length=60)[0])
    returned = float(jax.jit(ppo.evaluate)(run(state), jax.random.key(1))["eval/return"])
    # Right for four steps, up for four, and then two more in either direction.
    path = [(0.1 * min(t, 4), 0.1 * max(0, t - 4)) for t in range(1, 9)] + [(0.5, 0.4), (0.6, 0.4)]
    best = -sum(np.hypot(0.5 - x, 0.5 - y) for x, y in path)
    one_skill = -sum(np.hypot(0.5, 0.5 - 0.1 * t) for t in range(1, 11))
    assert one_skill < best - 1.0
    assert returned == pytest.approx(best, abs=0.05)


def test_a_robot_without_a_goal_observes_none(key) -> None:
    class Goalless(PointMass):
        def nominal_context(self):
            return dataclasses.replace(super().nominal_context(), reward={"target": jnp.zeros(2)})

        def reset(self, key, context):
            goal = dataclasses.replace(context, reward={**context.reward, "goal": jnp.zeros(2)})
            return super().reset(key, goal)

    env = SkillEnv(Goalless(episode_length=10), SkillSpace("one_hot", 4))
    options = OptionEnv(SkillOptions(env, in_direction, 4))
    assert options.observation_sizes == {"state": 4}
    assert options.reset(key, options.nominal_context()).obs["state"].shape == (4,)


def test_what_only_the_task_takes_is_for_the_controller(key) -> None:
    class WithTask(PointMass):
        def __init__(self):
            super().__init__(episode_length=10)
            self.observation_sizes = {"state": 2, "task_state": 3}

        def _state(self, *args, **kwargs):
            state = super()._state(*args, **kwargs)
            seen = jnp.concatenate([state.obs["state"], jnp.array([7.0])])
            return dataclasses.replace(state, obs={**state.obs, "task_state": seen})

    env = SkillEnv(WithTask(), SkillSpace("one_hot", 4))
    options = OptionEnv(SkillOptions(env, in_direction, 4))
    state = options.reset(key, options.nominal_context())
    assert state.inner.obs["state"].shape == (2,)
    np.testing.assert_allclose(state.obs["state"], [0.0, 0.0, 7.0, 0.0, 0.0, 0.5, 0.5])
    assert options.observation_sizes == {"state": 7}
