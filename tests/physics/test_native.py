"""The native engine is `mj_step`, for any nesting of vmap and any varied field."""

import concurrent.futures
import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.mjcf import load_brax_model
from metaskill.errors import UserError
from metaskill.physics.engine import Engine
from metaskill.physics.factory import make_engine
from metaskill.physics.state import PhysicsState

N_SUBSTEPS = 5


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine("native", load_brax_model("ant"), ("xpos", "cvel"))


def start(engine: Engine, shape: tuple[int, ...]) -> PhysicsState:
    """Worlds with small random velocities (axes: shape)."""
    qpos = jnp.broadcast_to(jnp.asarray(engine.model.qpos0, jnp.float32), (*shape, engine.model.nq))
    qvel = 0.1 * jax.random.normal(jax.random.key(1), (*shape, engine.model.nv))
    reset = functools.partial(engine.reset, {})
    for _ in shape:
        reset = jax.vmap(reset)
    return jax.jit(reset)(qpos, qvel)


def mj_step_from(
    model: mujoco.MjModel, state: PhysicsState, ctrl: np.ndarray, world: tuple[int, ...]
) -> mujoco.MjData:
    """One control step of one world with MuJoCo's own function."""
    data = mujoco.MjData(model)
    data.qpos[:] = state.qpos[world]
    data.qvel[:] = state.qvel[world]
    data.qacc_warmstart[:] = state.qacc_warmstart[world]
    data.time = state.time[world]
    data.ctrl[:] = ctrl[world]
    mujoco.mj_step(model, data, N_SUBSTEPS)
    return data


def test_three_nested_vmaps_with_masses_of_their_own_equal_mj_step(engine: Engine) -> None:
    shape = (2, 3, 2)
    masses = (
        np.float32(engine.model.body_mass) * np.linspace(0.5, 2.0, 3, dtype=np.float32)[:, None]
    )
    state = start(engine, shape)

    def step(mass: jax.Array, state: PhysicsState, ctrl: jax.Array) -> PhysicsState:
        return engine.step({"body_mass": mass}, state, ctrl, N_SUBSTEPS)

    # population, task, env: the mass belongs to the task.
    step_all = jax.jit(jax.vmap(jax.vmap(jax.vmap(step, (None, 0, 0))), (None, 0, 0)))
    for t in range(5):
        ctrl = jax.random.uniform(jax.random.key(t), (*shape, 8), minval=-1.0, maxval=1.0)
        after = step_all(masses, state, ctrl)
        for world in np.ndindex(*shape):
            model = load_brax_model("ant")
            model.body_mass[:] = masses[world[1]]
            data = mj_step_from(model, state, np.asarray(ctrl), world)
            np.testing.assert_allclose(after.qpos[world], data.qpos, atol=1e-5)
            np.testing.assert_allclose(after.qvel[world], data.qvel, atol=1e-5, rtol=1e-5)
        state = after


def test_derived_fields_are_those_of_the_returned_state(engine: Engine) -> None:
    first = start(engine, (3,))
    step = jax.jit(jax.vmap(lambda s, c: engine.step({}, s, c, N_SUBSTEPS)))
    for state in (first, step(first, jnp.ones((3, 8)))):
        for world in range(3):
            data = mujoco.MjData(engine.model)
            data.qpos[:], data.qvel[:] = state.qpos[world], state.qvel[world]
            mujoco.mj_forward(engine.model, data)
            np.testing.assert_allclose(state.derived["xpos"][world], data.xpos, atol=1e-5)
            np.testing.assert_allclose(state.derived["cvel"][world], data.cvel, atol=1e-4)


@pytest.mark.parametrize("bad", [jnp.nan, 1e12])
def test_a_world_that_blows_up_is_flagged_and_leaves_the_others_alone(
    engine: Engine, bad: float
) -> None:
    state = start(engine, (3,))
    step = jax.jit(jax.vmap(lambda s, c: engine.step({}, s, c, N_SUBSTEPS)))
    good = step(state, jnp.zeros((3, 8)))
    broken = PhysicsState(**{**vars(state), "qvel": state.qvel.at[1, 4].set(bad)})
    after = step(broken, jnp.zeros((3, 8)))
    assert after.failed.tolist() == [False, True, False]
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(after))
    np.testing.assert_array_equal(after.qpos[1], np.float32(engine.model.qpos0))
    np.testing.assert_array_equal(after.qpos[::2], good.qpos[::2])


def test_a_world_that_leaves_single_precision_is_flagged_without_a_warning() -> None:
    strong = mujoco.MjModel.from_xml_string(
        """
        <mujoco><worldbody>
          <body><joint name="x" type="slide"/><geom size=".1"/></body>
        </worldbody><actuator><motor joint="x" gear="1e30"/></actuator></mujoco>
        """
    )
    engine = make_engine("native", strong)
    step = jax.jit(jax.vmap(lambda s, c: engine.step({}, s, c, 2)))
    # The second world's velocity exceeds the largest float32, 3.4e38; warnings are errors here.
    after = step(start(engine, (2,)), jnp.array([[0.0], [9e9]]))
    assert after.failed.tolist() == [False, True]
    assert jnp.all(jnp.isfinite(after.qvel))


def test_callers_on_several_devices_do_not_disturb_each_other(engine: Engine) -> None:
    state = start(engine, (64,))
    step = jax.jit(jax.vmap(lambda s, c: engine.step({}, s, c, N_SUBSTEPS)))
    controls = [jax.random.uniform(jax.random.key(i), (64, 8)) for i in range(2)]
    expected = [np.asarray(step(state, ctrl).qpos) for ctrl in controls]

    def run(index: int) -> list[np.ndarray]:
        on_device = jax.device_put((state, controls[index]), jax.devices()[index])
        return [np.asarray(step(*on_device).qpos) for _ in range(5)]

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for index, results in enumerate(pool.map(run, range(2))):
            for result in results:
                np.testing.assert_array_equal(result, expected[index])


def test_what_does_not_exist_is_refused_with_the_nearest_name() -> None:
    model = load_brax_model("ant")
    with pytest.raises(UserError, match="did you mean 'native'"):
        make_engine("natve", model)
    with pytest.raises(UserError, match="did you mean 'xpos'"):
        make_engine("native", model, ("xposs",))


def test_what_stands_on_the_floor_is_touched() -> None:
    """A box about both, of MuJoCo's own, is too high for single precision."""
    model = mujoco.MjModel.from_xml_string(
        """
        <mujoco><worldbody>
          <geom type="plane" size="5 5 .1"/>
          <geom type="box" size=".1 .1 .1" pos="0 0 .1"/>
          <body pos="0 0 .29"><freejoint/><geom size=".1"/></body>
        </worldbody></mujoco>
        """
    )
    copy = make_engine("native", model).model
    data = mujoco.MjData(copy)
    mujoco.mj_forward(copy, data)
    assert data.ncon == 1
