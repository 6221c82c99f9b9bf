"""Every field of a state means the same on every engine: what MuJoCo has, in its shapes."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.physics.engine import DERIVED_FIELDS, Engine
from metaskill.physics.factory import make_engine
from metaskill.physics.state import PhysicsState

# Joints of all types, geoms and sites off their bodies' axes, activations, a mocap body.
MODEL = """
<mujoco>
  <option timestep=".004"/>
  <worldbody>
    <geom type="plane" size="3 3 .1"/><site pos="0 0 1" euler="10 20 30"/>
    <body mocap="true" pos="1 1 1" euler="0 40 0">
      <geom size=".1" contype="0" conaffinity="0"/>
    </body>
    <body pos="0 0 .55"><freejoint/>
      <geom type="box" size=".1 .2 .3" euler="20 0 10" pos=".02 0 0"/><site pos=".1 0 0"/>
      <body pos="0 0 .4"><joint type="ball" damping=".1"/>
        <geom type="capsule" fromto="0 0 0 .2 .1 .3" size=".05"/>
        <body pos=".2 .1 .3" euler="0 30 0">
          <joint name="hinge" axis="0 1 1" range="-40 40" limited="true"/>
          <geom size=".07" pos="0 .1 0"/><site euler="0 0 50"/>
          <body pos="0 .2 0"><joint name="slide" type="slide" axis="1 0 1"/>
            <geom type="capsule" size=".03 .1"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <general joint="hinge" dyntype="filter" dynprm=".1" gainprm="2"/>
    <motor joint="slide"/>
  </actuator>
</mujoco>"""
N_SUBSTEPS = 5


@functools.cache
def built(name: str) -> Engine:
    return make_engine(name, mujoco.MjModel.from_xml_string(MODEL), DERIVED_FIELDS)


@functools.cache
def reset_and_stepped(name: str) -> tuple[PhysicsState, PhysicsState]:
    engine = built(name)
    rng = np.random.default_rng(0)
    qpos = np.float32(engine.model.qpos0 + rng.uniform(-0.2, 0.2, engine.model.nq))
    qvel = np.float32(rng.uniform(-1, 1, engine.model.nv))
    start = jax.jit(lambda *args: engine.reset({}, *args))(qpos, qvel)
    step = jax.jit(lambda state, ctrl: engine.step({}, state, ctrl, N_SUBSTEPS))
    return start, step(start, jnp.float32([0.7, -0.4]))


@functools.cache
def mujocos() -> tuple[mujoco.MjData, mujoco.MjData]:
    """MuJoCo's own data at the reset, and where the control step leads."""
    start = reset_and_stepped("native")[0]
    model = built("native").model
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = start.qpos, start.qvel
    after = mujoco.MjData(model)
    mujoco.mj_copyData(after, model, data)
    mujoco.mj_forward(model, data)
    after.ctrl[:] = np.float32([0.7, -0.4])
    mujoco.mj_step(model, after, N_SUBSTEPS)
    warmstart, time = after.qacc_warmstart.copy(), after.time
    mujoco.mj_forward(model, after)
    after.qacc_warmstart[:], after.time = warmstart, time
    data.qacc_warmstart[:] = 0.0
    return data, after


@pytest.mark.fault(23)
@pytest.mark.parametrize("name", ["native", "mjx"])
@pytest.mark.parametrize("field", DERIVED_FIELDS)
def test_derived_fields_have_mujocos_shapes_and_values(name: str, field: str) -> None:
    for state, data in zip(reset_and_stepped(name), mujocos(), strict=True):
        value, expected = state.derived[field], getattr(data, field)
        assert value.shape == expected.shape
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.fault(23)
@pytest.mark.parametrize("name", ["native", "mjx"])
@pytest.mark.parametrize("field", ["qpos", "qvel", "act", "qacc_warmstart", "time"])
def test_states_are_mujocos(name: str, field: str) -> None:
    for state, data in zip(reset_and_stepped(name), mujocos(), strict=True):
        value, expected = getattr(state, field), getattr(data, field)
        assert value.shape == np.shape(expected)
        assert value.dtype == jnp.float32
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(value, expected, atol=1e-3 * scale)
        assert not state.failed


@pytest.mark.fault(23)
def test_engines_return_the_same_structure() -> None:
    for native, mjx in zip(reset_and_stepped("native"), reset_and_stepped("mjx"), strict=True):
        assert jax.tree.structure(native) == jax.tree.structure(mjx)
        assert jax.tree.map(jnp.shape, native) == jax.tree.map(jnp.shape, mjx)


@pytest.mark.fault(23)
@pytest.mark.parametrize("name", ["native", "mjx"])
def test_positions_of_a_reset_are_those_given(name: str) -> None:
    # Quaternions that are not of length 1 among them: MuJoCo leaves these as well.
    start = reset_and_stepped(name)[0]
    given = built(name).model.qpos0 + np.random.default_rng(0).uniform(-0.2, 0.2, 13)
    np.testing.assert_array_equal(start.qpos, np.float32(given))


@pytest.mark.fault(23)
@pytest.mark.parametrize("name", ["native", "mjx"])
@pytest.mark.parametrize("field", ["qpos", "qvel", "act", "qacc_warmstart", "time", "ctrl"])
def test_a_world_fails_for_the_same_reasons_on_every_engine(name: str, field: str) -> None:
    engine, start = built(name), reset_and_stepped(name)[0]
    step = _step(name)
    ctrl = jnp.zeros(2)
    if field == "ctrl":
        after = step(start, ctrl.at[0].set(jnp.inf))
    else:
        spoiled = jnp.full_like(getattr(start, field), jnp.nan)
        after = step(dataclasses.replace(start, **{field: spoiled}), ctrl)
    assert after.failed
    np.testing.assert_array_equal(after.qpos, np.float32(engine.model.qpos0))
    assert after.time == 0.0
    data = mujoco.MjData(engine.model)
    mujoco.mj_forward(engine.model, data)
    for derived, value in after.derived.items():
        np.testing.assert_allclose(value, getattr(data, derived), atol=1e-6)


@functools.cache
def _step(name: str):
    return jax.jit(lambda state, ctrl: built(name).step({}, state, ctrl, N_SUBSTEPS))
