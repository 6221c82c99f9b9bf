"""What a guide does without learning, seen at every control step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from guides import LENGTH, skill_guide

from metaskill.envs.point_mass import PointMass
from metaskill.skills.exploration import (
    DRAWS,
    draw_from_prior,
    draw_uniformly,
    explore,
    roll_out,
)
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv


@pytest.fixture(scope="module")
def env() -> OptionEnv[GuidedOptions]:
    return OptionEnv(GuidedOptions(PointMass(episode_length=10), skill_guide("open_loop")[2]))


def test_rolling_out_looks_at_every_control_step(env: OptionEnv[GuidedOptions]) -> None:
    """Two skills of four steps, and a third that the episode's end cuts."""
    context, key = env.nominal_context(), jax.random.key(0)
    choose = draw_from_prior(env)
    seen = roll_out(env, key, context, choose, lambda world: (world.step, world.physics.qpos))
    np.testing.assert_array_equal(seen[0], np.arange(1, 11))
    reset_key, act_key = jax.random.split(key)
    state = env.reset(reset_key, context)
    for index, each in enumerate(jax.random.split(act_key, 3)):
        state = env.step(state, choose(state, each))
        after = min(LENGTH * (index + 1), 10) - 1
        np.testing.assert_allclose(seen[1][after], state.physics.qpos, atol=1e-6)


def test_draws_differ(env: OptionEnv[GuidedOptions]) -> None:
    def roll(key: jax.Array, choose) -> jax.Array:
        return roll_out(env, key, env.nominal_context(), choose, lambda world: world.physics.qpos)

    keys = jax.random.split(jax.random.key(0), 8)
    proposed = jax.vmap(lambda key: roll(key, draw_from_prior(env)))(keys)
    uniform = jax.vmap(lambda key: roll(key, draw_uniformly(env)))(keys)
    assert proposed.shape == uniform.shape == (8, 10, 2)
    assert bool(jnp.any(proposed != uniform))
    assert float(jnp.max(jnp.abs(proposed))) <= 1.0 + 1e-6


def test_all_ways_to_draw_are_compared_in_the_same_states(env: OptionEnv[GuidedOptions]) -> None:
    context = env.nominal_context()
    found = jax.jit(lambda key: explore(env, key, context, 2, 3, 5))(jax.random.key(0))
    assert list(found) == list(DRAWS) == ["prior", "standard", "uniform"]
    start = env.reset(jax.random.key(0), context).physics.qpos
    for exploration in found.values():
        assert exploration.proposed.shape == (2, 3, LENGTH + 1, 2)
        assert exploration.paths.shape == (5, 10, 2)
        np.testing.assert_array_equal(exploration.proposed[0, :, 0], jnp.tile(start, (3, 1)))
        np.testing.assert_array_equal(
            exploration.proposed[:, :, 0], found["prior"].proposed[:, :, 0]
        )
    ways = np.stack([exploration.proposed[0, 0] for exploration in found.values()])
    assert np.all(np.any(ways[1:] != ways[:1], axis=(1, 2)))
    # A state further on, and more than one action in it.
    assert np.any(found["prior"].proposed[1, 0, 0] != start)
    assert np.any(found["prior"].proposed[0, 0] != found["prior"].proposed[0, 1])
