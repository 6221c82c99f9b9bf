"""A guide's actions, executed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from guides import LARGEST, LENGTH, STATISTICS, shaken, skill_guide

from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Reactive
from metaskill.envs.runner import begin_in, policy_keys
from metaskill.errors import UserError
from metaskill.networks.normalizer import init_statistics, normalize
from metaskill.skills.cloning import BehaviorCloning, CloningConfig
from metaskill.skills.guide import guide_by_actions
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv, follow_controller


@pytest.fixture(scope="module")
def env() -> OptionEnv:
    return OptionEnv(GuidedOptions(PointMass(episode_length=10), skill_guide("open_loop")[2]))


@pytest.mark.parametrize("decoder", ["open_loop", "closed_loop"])
def test_an_action_is_executed_for_its_control_steps(decoder: str, key) -> None:
    model, params, guide = skill_guide(decoder)
    inner = PointMass(episode_length=10)
    env = OptionEnv(GuidedOptions(inner, guide))
    action = jnp.array([0.5, -0.2, 0.1])
    after = env.step(env.reset(key, env.nominal_context()), action)
    state, total = inner.reset(key, inner.nominal_context()), 0.0
    planned = None if model.is_closed_loop else model.plan(params, LARGEST * action)
    for t in range(LENGTH):
        seen = normalize(STATISTICS, state.obs["state"])
        chosen = planned[t] if planned is not None else model.react(params, seen, LARGEST * action)
        state = inner.step(state, chosen)
        total += float(state.reward)
    np.testing.assert_allclose(after.physics.qpos, state.physics.qpos, atol=1e-6)
    np.testing.assert_allclose(
        after.obs["state"], normalize(STATISTICS, state.obs["state"]), atol=1e-5
    )
    assert float(after.reward) == pytest.approx(total, rel=1e-5)
    assert int(after.step) == LENGTH


def test_an_episode_ends_within_an_action(env: OptionEnv, key) -> None:
    assert env.episode_length == 3
    step = jax.jit(auto_reset(env, lambda _: env.nominal_context()))
    state = env.reset(key, env.nominal_context())
    ended = []
    for _ in range(6):
        state, outcome = step(state, jnp.zeros(3))
        ended.append((bool(outcome.truncated), int(outcome.step)))
    assert ended == [(False, 4), (False, 8), (True, 10)] * 2


def test_single_actions_are_executed_as_they_are(key) -> None:
    model = BehaviorCloning(CloningConfig(hidden=(8,)), 2, 2)
    params = shaken(model.init(jax.random.key(0)))
    guide = guide_by_actions(model, params, STATISTICS)
    inner = PointMass(episode_length=10)
    env = OptionEnv(GuidedOptions(inner, guide))
    assert (env.length, env.action_size, env.episode_length) == (1, 2, 10)
    action = jnp.array([0.3, -0.6])
    after = env.step(env.reset(key, env.nominal_context()), action)
    alone = inner.step(inner.reset(key, inner.nominal_context()), action)
    np.testing.assert_array_equal(after.physics.qpos, alone.physics.qpos)


def test_guided_courses_are_looked_at_within_actions(env: OptionEnv, key) -> None:
    """What is filmed of a guided policy is every control step."""
    first, action = env.reset(key, env.nominal_context()), jnp.array([0.5, -0.2, 0.1])
    policy = Reactive(lambda _: action)
    start, keys = begin_in(first, policy, key), policy_keys(key, env.episode_length)
    course = follow_controller(env, policy, start, keys, lambda state, _: state.physics.qpos)
    assert course.trace.shape == (10, 2)
    after = env.step(first, action)
    np.testing.assert_allclose(course.trace[LENGTH - 1], after.physics.qpos, atol=1e-6)
    assert not np.any(np.all(course.trace[1:] == course.trace[:-1], axis=-1))


def test_what_does_not_go_together_is_refused(env: OptionEnv) -> None:
    guide = env.options.guide
    with pytest.raises(UserError, match="no observation 'stat'"):
        GuidedOptions(PointMass(), guide, "stat")
    with pytest.raises(UserError, match="option of 4 control steps does not fit"):
        OptionEnv(GuidedOptions(PointMass(episode_length=3), guide))
    other = dataclasses.replace(guide, statistics=init_statistics(3))
    with pytest.raises(UserError, match="observes 2 numbers as 'state', and the data had 3"):
        GuidedOptions(PointMass(), other)
