"""A finished world goes on at once, with a context of its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Context, Env


def random_goal(key: jax.Array) -> Context:
    return Context(reward={"goal": jax.random.uniform(key, (2,))})


def test_the_outcome_keeps_the_true_last_observation(point_mass: Env) -> None:
    step = jax.jit(auto_reset(point_mass, random_goal))
    state = point_mass.reset(jax.random.key(0), random_goal(jax.random.key(1)))
    for _ in range(9):
        state, outcome = step(state, jnp.ones(2))
        assert not outcome.done
    first_goal = state.context.reward["goal"]
    state, outcome = step(state, jnp.ones(2))
    assert outcome.truncated
    assert not outcome.terminated
    np.testing.assert_allclose(outcome.obs["state"], 1.0, rtol=1e-5)
    np.testing.assert_array_equal(state.obs["state"], 0.0)
    assert int(state.step) == 0
    assert jnp.any(state.context.reward["goal"] != first_goal)


def test_every_world_and_every_episode_draws_its_own_context(point_mass: Env) -> None:
    step = jax.jit(jax.vmap(auto_reset(point_mass, random_goal)))
    keys = jax.random.split(jax.random.key(0), 4)
    states = jax.vmap(point_mass.reset)(keys, jax.vmap(random_goal)(keys))
    goals = []
    for _ in range(3 * point_mass.episode_length):
        states, outcome = step(states, jnp.ones((4, 2)))
        if outcome.done.any():
            goals.append(np.asarray(states.context.reward["goal"]))
    assert len(np.unique(np.concatenate(goals)[:, 0])) == 12


def test_only_the_failed_world_is_reset(ant: Ant) -> None:
    step = jax.jit(jax.vmap(auto_reset(ant, lambda _: ant.nominal_context())))
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(ant.reset, in_axes=(0, None))(keys, ant.nominal_context())
    qvel = states.physics.qvel.at[1, 0].set(jnp.nan)
    states = dataclasses.replace(states, physics=dataclasses.replace(states.physics, qvel=qvel))
    after, outcome = step(states, jnp.zeros((3, 8)))
    assert outcome.metrics["failed"].tolist() == [0.0, 1.0, 0.0]
    assert after.step.tolist() == [1, 0, 1]
    assert jnp.all(jnp.isfinite(after.physics.qvel))


def test_a_world_that_leaves_the_finite_numbers_is_contained_and_reset(point_mass: Env) -> None:
    step = jax.jit(jax.vmap(auto_reset(point_mass, lambda _: point_mass.nominal_context())))
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(point_mass.reset, in_axes=(0, None))(keys, point_mass.nominal_context())
    qpos = states.physics.qpos.at[1].set(jnp.nan)
    states = dataclasses.replace(states, physics=dataclasses.replace(states.physics, qpos=qpos))
    after, outcome = step(states, jnp.ones((3, 2)))
    assert outcome.metrics["not_finite"].tolist() == [0.0, 1.0, 0.0]
    assert outcome.metrics["failed"].tolist() == [0.0, 0.0, 0.0]
    assert outcome.terminated.tolist() == [False, True, False]
    assert float(outcome.reward[1]) == 0.0
    assert after.step.tolist() == [1, 0, 1]
    for numbers in (after.physics.qpos, after.obs, outcome.obs, outcome.reward, outcome.metrics):
        assert jax.tree.all(jax.tree.map(lambda leaf: jnp.all(jnp.isfinite(leaf)), numbers))


@pytest.mark.parametrize("environment", ["point_mass", "ant"])
def test_vmapped_equals_looped(environment: str, request: pytest.FixtureRequest) -> None:
    env = request.getfixturevalue(environment)
    step = auto_reset(env, lambda _: env.nominal_context())
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(env.reset, in_axes=(0, None))(keys, env.nominal_context())
    actions = jax.random.uniform(jax.random.key(2), (3, env.action_size))
    together, _ = jax.jit(jax.vmap(step))(states, actions)
    one = jax.jit(step)
    for i in range(3):
        alone, _ = one(jax.tree.map(lambda leaf, i=i: leaf[i], states), actions[i])
        np.testing.assert_allclose(together.obs["state"][i], alone.obs["state"], atol=1e-6)
