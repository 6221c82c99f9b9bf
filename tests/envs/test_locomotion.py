"""The robots' rewards, terminations and observations."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.env import State
from metaskill.envs.registry import make

OBSERVATION_SIZES = {
    "ant": 27,
    "half_cheetah": 17,
    "half_cheetah_hurdles": 17,
    "hopper": 11,
    "humanoid": 22 + 23 + 13 * 16,
    "point_mass": 2,
    "walker2d": 17,
}


@pytest.mark.parametrize("name", OBSERVATION_SIZES)
def test_shapes_and_a_random_step(name: str) -> None:
    env = make(name, engine="native")
    further = {"task_state": 18} if name == "half_cheetah_hurdles" else {}
    assert env.observation_sizes == {"state": OBSERVATION_SIZES[name], **further}
    context = env.nominal_context()
    state = jax.jit(env.reset)(jax.random.key(0), context)
    after = jax.jit(env.step)(state, jnp.full(env.action_size, 0.3))
    assert after.obs["state"].shape == (OBSERVATION_SIZES[name],)
    assert jnp.isfinite(after.reward)
    assert int(after.step) == 1
    assert jax.tree.structure(state) == jax.tree.structure(after)
    assert not after.done


@pytest.fixture(scope="module")
def reset_and_step(ant: Ant):
    return jax.jit(ant.reset), jax.jit(ant.step)


def with_qpos(state: State, index: int, value: float) -> State:
    physics = dataclasses.replace(state.physics, qpos=state.physics.qpos.at[index].set(value))
    return dataclasses.replace(state, physics=physics)


def test_ant_reward_is_velocity_plus_health_minus_control(ant: Ant, reset_and_step) -> None:
    reset, step = reset_and_step
    before = reset(jax.random.key(0), ant.nominal_context())
    action = jnp.linspace(-1.5, 1.0, 8)  # Beyond the limits: it is clipped.
    after = step(before, action)
    velocity = (after.physics.qpos[0] - before.physics.qpos[0]) / 0.05
    control = 0.5 * jnp.sum(jnp.square(jnp.clip(action, -1, 1)))
    assert after.reward == pytest.approx(float(velocity + 1.0 - control), rel=1e-5)
    assert after.metrics["x_velocity"] == pytest.approx(float(velocity))


def test_the_task_is_in_the_context_so_one_program_serves_them_all(ant: Ant) -> None:
    directional = Ant(engine="native", objective="direction")
    state = directional.reset(jax.random.key(0), directional.nominal_context())
    step = jax.jit(directional.step)
    rewards = []
    for direction in ([1.0, 0.0], [-1.0, 0.0]):
        context = directional.nominal_context()
        context.reward["direction"] = jnp.array(direction)
        after = step(dataclasses.replace(state, context=context), jnp.zeros(8))
        rewards.append(float(after.metrics["reward_objective"]))
    assert rewards[0] == pytest.approx(-rewards[1])
    assert step._cache_size() == 1


def test_falling_terminates_and_time_truncates(ant: Ant, reset_and_step) -> None:
    reset, step = reset_and_step
    state = reset(jax.random.key(0), ant.nominal_context())
    fallen = step(with_qpos(state, 2, 5.0), jnp.zeros(8))
    assert fallen.terminated
    assert not fallen.truncated
    assert fallen.metrics["reward_healthy"] == 0.0
    late = step(dataclasses.replace(state, step=jnp.int32(ant.episode_length - 1)), jnp.zeros(8))
    assert late.truncated
    assert not late.terminated


def test_an_episode_that_falling_does_not_terminate_ends_by_time_alone() -> None:
    ant = Ant(engine="native", episode_length=1, terminate_when_unhealthy=False)
    state = ant.reset(jax.random.key(0), ant.nominal_context())
    step = jax.jit(ant.step)
    fallen = step(with_qpos(state, 2, 5.0), jnp.zeros(8))
    assert not fallen.terminated
    assert fallen.truncated
    assert fallen.metrics["reward_healthy"] == 0.0
    broken = step(with_qpos(state, 3, float("nan")), jnp.zeros(8))
    assert broken.terminated


def test_a_failed_simulation_terminates_with_reward_zero(ant: Ant, reset_and_step) -> None:
    reset, step = reset_and_step
    state = reset(jax.random.key(0), ant.nominal_context())
    after = step(with_qpos(state, 3, float("nan")), jnp.zeros(8))
    assert after.terminated
    assert after.reward == 0.0
    assert after.metrics["failed"] == 1.0
    assert jnp.all(jnp.isfinite(after.obs["state"]))


def test_initial_quaternions_are_unit_and_draws_differ(ant: Ant) -> None:
    keys = jax.random.split(jax.random.key(0), 16)
    states = jax.vmap(ant.reset, in_axes=(0, None))(keys, ant.nominal_context())
    norms = jnp.linalg.norm(states.physics.qpos[:, 3:7], axis=-1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-6)
    assert len(np.unique(np.asarray(states.physics.qpos[:, 8]))) == 16


def test_humanoid_actions_span_its_control_range() -> None:
    humanoid = make("humanoid", engine="native")
    state = humanoid.reset(jax.random.key(0), humanoid.nominal_context())
    after = jax.jit(humanoid.step)(state, jnp.ones(17))
    assert after.metrics["reward_control"] == pytest.approx(-0.1 * 17 * 0.4**2)
