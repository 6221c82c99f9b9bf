"""The prior, acting."""

import jax
import jax.numpy as jnp
from guides import skill_guide

from metaskill.envs.point_mass import PointMass
from metaskill.skills.exploration import executed_by_prior
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv


def test_rolling_out_the_prior() -> None:
    env = OptionEnv(GuidedOptions(PointMass(episode_length=10), skill_guide("open_loop")[2]))

    def roll(key: jax.Array, from_prior: bool) -> jax.Array:
        return executed_by_prior(env, key, env.nominal_context(), from_prior)

    keys = jax.random.split(jax.random.key(0), 8)
    proposed = jax.vmap(lambda key: roll(key, True))(keys)
    uniform = jax.vmap(lambda key: roll(key, False))(keys)
    assert proposed.shape == uniform.shape == (8, 3, 2)
    assert bool(jnp.any(proposed != uniform))
    assert float(jnp.max(jnp.abs(proposed))) <= 1.0 + 1e-6
