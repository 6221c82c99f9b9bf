"""Worlds with physics of their own, drawn anew for each episode."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Context
from metaskill.envs.mjcf import load_brax_model
from metaskill.physics.parameters import ParamSpec

PARAMETERS = (
    ParamSpec("mass", "body_mass", "scale"),
    ParamSpec("friction", "geom_friction", "scale", columns=(0,)),
)


@pytest.fixture(scope="module")
def heavy_ant() -> Ant:
    return Ant(engine="native", episode_length=4, parameters=PARAMETERS)


def context_of(env: Ant, mass: jax.Array) -> Context:
    nominal = env.nominal_context()
    return Context(physics={**nominal.physics, "mass": mass}, reward=nominal.reward)


def test_a_scaled_world_is_the_world_of_a_scaled_model(heavy_ant: Ant) -> None:
    """Against `mj_step` on a model whose masses and inertias were scaled by MuJoCo's own means."""
    state = heavy_ant.reset(jax.random.key(0), context_of(heavy_ant, jnp.float32(2.0)))
    model = load_brax_model("ant")
    model.body_mass[:] *= 2.0
    model.body_inertia[:] *= 2.0
    mujoco.mj_setConst(model, mujoco.MjData(model))
    step = jax.jit(heavy_ant.step)
    for t in range(3):
        action = jax.random.uniform(jax.random.key(t), (8,), minval=-1.0)
        data = mujoco.MjData(model)
        data.qpos[:], data.qvel[:] = state.physics.qpos, state.physics.qvel
        data.qacc_warmstart[:], data.ctrl[:] = state.physics.qacc_warmstart, action
        mujoco.mj_step(model, data, heavy_ant.n_substeps)
        state = step(state, action)
        np.testing.assert_allclose(state.physics.qpos, data.qpos, atol=1e-5)
        np.testing.assert_allclose(state.physics.qvel, data.qvel, atol=1e-4, rtol=1e-4)


def test_every_world_and_episode_has_its_own_draw_and_keeps_it(heavy_ant: Ant) -> None:
    def sample_context(key: jax.Array) -> Context:
        return context_of(heavy_ant, jax.random.uniform(key, minval=0.5, maxval=2.0))

    step = jax.jit(jax.vmap(auto_reset(heavy_ant, sample_context)))
    keys = jax.random.split(jax.random.key(0), 5)
    states = jax.jit(jax.vmap(heavy_ant.reset))(keys, jax.vmap(sample_context)(keys))
    nominal = heavy_ant.model.body_mass
    draws = []
    for _ in range(8):
        mass = states.context.physics["mass"]
        draws.append(np.asarray(mass))
        np.testing.assert_allclose(
            states.model_leaves["body_mass"], mass[:, None] * np.float32(nominal), rtol=1e-5
        )
        np.testing.assert_allclose(
            states.model_leaves["body_subtreemass"][:, 0], mass * np.float32(nominal.sum()),
            rtol=1e-4,
        )  # fmt: skip
        states, _ = step(states, jnp.zeros((5, 8)))
    assert len(np.unique(np.concatenate(draws))) == 10
    np.testing.assert_array_equal(draws[0], draws[3])
    assert step._cache_size() == 1


def test_without_parameters_there_is_nothing_to_carry(ant: Ant) -> None:
    state = jax.eval_shape(ant.reset, jax.random.key(0), ant.nominal_context())
    assert state.model_leaves == {}
    assert state.context.physics == {}
