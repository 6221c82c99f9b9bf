"""HalfCheetah's hurdles."""

import dataclasses

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.half_cheetah_hurdles import HEIGHT, SPACING, HalfCheetahHurdles


@pytest.fixture(scope="module")
def env() -> HalfCheetahHurdles:
    return HalfCheetahHurdles(engine="native", episode_length=20)


@pytest.fixture(scope="module")
def run(env: HalfCheetahHurdles):
    return jax.jit(lambda state: env.step(state, jnp.zeros(env.action_size)))


def at(env: HalfCheetahHurdles, x: float, x_velocity: float = 0.0):
    state = env.reset(jax.random.key(0), env.nominal_context())
    qpos = jnp.asarray(env.model.qpos0, jnp.float32).at[0].set(x)
    qvel = jnp.zeros(env.model.nv).at[0].set(x_velocity)
    physics = dataclasses.replace(state.physics, qpos=qpos, qvel=qvel)
    return dataclasses.replace(state, physics=physics, obs=env.observe(physics))


def test_who_passes_a_hurdle_is_rewarded_once(env: HalfCheetahHurdles, run) -> None:
    passing = run(at(env, SPACING - 0.05, 4.0))
    assert float(passing.reward) == 1.0
    assert float(run(passing).reward) == 0.0
    assert float(run(at(env, 0.2, 4.0)).reward) == 0.0


def test_the_next_hurdle_is_seen_beside_what_skills_see(env: HalfCheetahHurdles) -> None:
    obs = at(env, 1.25).obs
    np.testing.assert_allclose(obs["task_state"], [*obs["state"], 1.75], rtol=1e-6)
    assert env.observation_sizes == {"state": 17, "task_state": 18}


def test_hurdles_stand_in_the_way(env: HalfCheetahHurdles) -> None:
    """A foot in a hurdle touches it; the floor between them is free."""
    model = env.model
    data = mujoco.MjData(model)
    hurdle = model.geom("hurdle_1").id
    assert data.ncon == 0
    assert model.geom_pos[hurdle][0] == SPACING
    assert model.geom_pos[hurdle][2] + model.geom_size[hurdle][0] == pytest.approx(HEIGHT)
    mujoco.mj_forward(model, data)
    foot = model.geom("ffoot").id
    data.qpos[0] += SPACING - data.geom_xpos[foot][0]
    data.qpos[1] += HEIGHT - data.geom_xpos[foot][2]
    mujoco.mj_forward(model, data)
    touching = {frozenset(pair) for pair in data.contact.geom[: data.ncon].tolist()}
    assert frozenset((hurdle, foot)) in touching
