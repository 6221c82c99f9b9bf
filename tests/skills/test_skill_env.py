"""Episodes with a skill: what the policy is told, and when the skill changes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Env, see
from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Reactive
from metaskill.errors import UserError
from metaskill.skills.execution import execute
from metaskill.skills.skill_env import SkillEnv, told
from metaskill.skills.space import SkillSpace

SPACE = SkillSpace("box", 2)


def test_the_skill_is_observed_beside_the_state(point_mass: Env, key) -> None:
    env = SkillEnv(point_mass, SPACE)
    skill = jnp.array([0.5, -0.5])
    state = env.reset(key, told(env.nominal_context(), skill))
    state = env.step(state, jnp.array([1.0, 0.0]))
    np.testing.assert_allclose(state.obs["state"], [0.1, 0.0])
    np.testing.assert_allclose(state.obs["position"], [0.1, 0.0])
    np.testing.assert_allclose(see(state.obs, ("state", "skill")), [0.1, 0.0, 0.5, -0.5])
    sizes = {name: value.shape[-1] for name, value in state.obs.items()}
    assert sizes == env.observation_sizes


def test_a_new_episode_has_a_new_skill_and_steps_keep_it(key) -> None:
    env = SkillEnv(PointMass(episode_length=3), SPACE)
    sample = env.sampler(lambda _: env.env.nominal_context())
    step = jax.jit(auto_reset(env, sample))
    state = env.reset(key, sample(key))
    seen = [state.obs["skill"]]
    for _ in range(6):
        state, _ = step(state, jnp.zeros(2))
        seen.append(state.obs["skill"])
    assert len({tuple(np.asarray(skill).tolist()) for skill in seen}) == 3
    np.testing.assert_array_equal(seen[0], seen[2])
    assert not np.array_equal(seen[2], seen[3])


def test_in_practice_skills_may_change_within_an_episode(key) -> None:
    env = SkillEnv(PointMass(episode_length=2000), SPACE, redraw_probability=0.1)
    state = env.reset(key, env.nominal_context())

    def step(state, _):
        after = env.step(state, jnp.zeros(2))
        return after, (state.obs["skill"], after.obs["skill"], after.context.reward["skill"])

    _, (before, after, told_now) = jax.lax.scan(step, state, None, length=1000)
    changed = np.any(np.asarray(before != after), axis=1)
    assert np.mean(changed) == pytest.approx(0.1, abs=0.03)
    np.testing.assert_array_equal(told_now, after)
    np.testing.assert_array_equal(before[1:], after[:-1])
    assert np.abs(np.asarray(after)).max() <= 1.0


def test_the_world_is_the_one_without_skills(ant: Ant, key) -> None:
    env = SkillEnv(ant, SPACE)
    action = jnp.full(ant.action_size, 0.3)
    alone = jax.jit(lambda: ant.step(ant.reset(key, ant.nominal_context()), action))()
    told_one = jax.jit(lambda: env.step(env.reset(key, env.nominal_context()), action))()
    np.testing.assert_array_equal(alone.physics.qpos, told_one.physics.qpos)
    np.testing.assert_array_equal(alone.obs["state"], told_one.obs["state"])
    assert float(alone.reward) == pytest.approx(float(told_one.reward))


def test_the_ants_policy_does_not_see_where_it_is(ant: Ant, key) -> None:
    env = SkillEnv(ant, SPACE)
    state = env.reset(key, env.nominal_context())
    moved = state.physics.qpos.at[:2].add(7.0)
    seen = ant.observe(state.physics)["state"]
    elsewhere = ant.observe(dataclasses.replace(state.physics, qpos=moved))["state"]
    np.testing.assert_array_equal(seen, elsewhere)


def test_a_skill_can_be_changed_on_the_way(point_mass: Env, key) -> None:
    env = SkillEnv(point_mass, SPACE)
    state = env.reset(key, env.nominal_context())
    other = jnp.array([0.25, 0.75])
    state = env.step(env.with_skill(state, other), jnp.ones(2))
    np.testing.assert_array_equal(state.obs["skill"], other)
    np.testing.assert_array_equal(state.context.reward["skill"], other)


def test_an_execution_stands_still_once_its_episode_is_over(key) -> None:
    class Ending(PointMass):
        def step(self, state, action):
            after = super().step(state, action)
            return dataclasses.replace(after, terminated=after.step >= 2)

    env = SkillEnv(Ending(episode_length=5), SPACE)
    execution = execute(
        env,
        lambda _: env.env.nominal_context(),
        Reactive(lambda _: jnp.array([1.0, 0.0])),
        jnp.zeros(2),
        key,
    )
    np.testing.assert_array_equal(execution.alive, [True, True, False, False, False])
    np.testing.assert_allclose(execution.positions[:, 0], [0.1, 0.2, 0.2, 0.2, 0.2], atol=1e-6)


def test_an_environment_without_a_place_is_refused() -> None:
    class Nowhere:
        name = "nowhere"

        def __init__(self) -> None:
            self.observation_sizes = {"state": 2}

    with pytest.raises(UserError, match="nowhere has no 'state' or no position"):
        SkillEnv(Nowhere(), SPACE)


def test_an_impossible_probability_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="no probability"):
        SkillEnv(point_mass, SPACE, redraw_probability=1.5)
