"""What crosses into an engine and out of it is in JAX's float type, whatever was given."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.registry import make
from metaskill.physics.engine import Engine
from metaskill.physics.factory import make_engine
from metaskill.physics.host_call import host_call

PENDULUM = """
<mujoco><worldbody><body><joint axis="0 1 0" name="j"/><geom size=".1" pos=".3 0 0"/>
  <body pos=".3 0 0"><joint axis="0 1 0"/><geom size=".1" pos=".3 0 0"/></body>
</body></worldbody><actuator><motor joint="j"/></actuator></mujoco>"""


@pytest.fixture
def double_precision() -> Iterator[None]:
    """JAX with `JAX_ENABLE_X64`, and promotion as users have it."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def stepped(engine: Engine, qpos, qvel, ctrl):
    start = engine.reset({}, qpos, qvel)
    return jax.jit(lambda state, ctrl: engine.step({}, state, ctrl, 100))(start, ctrl)


def dtypes(tree) -> list[np.dtype]:
    return [leaf.dtype for leaf in jax.tree.leaves(tree)]


def mujocos() -> mujoco.MjData:
    model = mujoco.MjModel.from_xml_string(PENDULUM)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:], data.ctrl[:] = [0, 1], [1, -2], 1
    mujoco.mj_step(model, data, 100)
    return data


@pytest.mark.fault(22)
@pytest.mark.parametrize("name", ["native", "mjx"])
@pytest.mark.usefixtures("double_precision")
def test_in_double_precision_motion_is_mujocos(name: str) -> None:
    engine = make_engine(name, mujoco.MjModel.from_xml_string(PENDULUM))
    after = stepped(engine, jnp.array([0.0, 1.0]), jnp.array([1.0, -2.0]), jnp.ones(1))
    assert {leaf.dtype for leaf in jax.tree.leaves(after)} == {np.dtype("f8"), np.dtype(bool)}
    # Not closer: the model's own constants are rounded to single precision.
    np.testing.assert_allclose(after.qpos, mujocos().qpos, atol=1e-6)
    np.testing.assert_allclose(after.qvel, mujocos().qvel, atol=1e-5)


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "name",
    [
        *("hopper", "half_cheetah", "ant", "humanoid", "maze"),
        *(pytest.param(f"arm_{task}", marks=pytest.mark.slow) for task in ("door", "l_wall")),
    ],
)
@pytest.mark.usefixtures("double_precision")
def test_environments_run_in_double_precision(name: str) -> None:
    env = make(name, engine="native")
    step = auto_reset(env, lambda _: env.nominal_context())
    start = env.reset(jax.random.key(0), env.nominal_context())
    after = env.step(start, jnp.full(env.action_size, 0.3))
    assert dtypes(after) == dtypes(start)
    actions = jnp.zeros((3, env.action_size))
    jax.lax.scan(lambda state, action: (step(state, action)[0], None), start, actions)


@pytest.mark.fault(22)
@pytest.mark.parametrize("name", ["hopper", "half_cheetah"])
@pytest.mark.usefixtures("double_precision")
def test_robots_in_double_precision_move_as_mujocos(name: str) -> None:
    env = make(name, engine="native")
    start = env.reset(jax.random.key(0), env.nominal_context())
    after = env.step(start, jnp.full(env.action_size, 0.3))
    data = mujoco.MjData(env.model)
    data.qpos[:], data.qvel[:] = start.physics.qpos, start.physics.qvel
    low, high = env.model.actuator_ctrlrange.T
    data.ctrl[:] = (low + high) / 2 + (high - low) / 2 * 0.3
    mujoco.mj_step(env.model, data, env.n_substeps)
    np.testing.assert_allclose(after.physics.qpos, data.qpos, atol=1e-6)
    np.testing.assert_allclose(after.physics.qvel, data.qvel, atol=1e-5)


GIVEN = {
    "doubles": lambda values: np.array(values, np.float64),
    "integers": lambda values: np.array(values, np.int64),
    "halves": lambda values: jnp.array(values, jnp.bfloat16),
    "bytes": lambda values: jnp.array(values, jnp.int8),
    "lists": lambda values: values,
}


@pytest.mark.fault(22)
@pytest.mark.parametrize("name", ["native", "mjx"])
@pytest.mark.parametrize("kind", GIVEN)
def test_numbers_of_any_type_are_taken(name: str, kind: str) -> None:
    engine = make_engine(name, mujoco.MjModel.from_xml_string(PENDULUM))
    qpos, qvel = GIVEN[kind]([0, 1]), GIVEN[kind]([1, -2])
    after = stepped(engine, qpos, qvel, jnp.ones(1, jnp.int32))
    assert after.qpos.dtype == jnp.float32
    np.testing.assert_allclose(after.qpos, mujocos().qpos, atol=1e-5)


@pytest.mark.fault(22)
@pytest.mark.usefixtures("double_precision")
def test_a_state_of_single_precision_goes_on_in_double_precision() -> None:
    engine = make_engine("native", mujoco.MjModel.from_xml_string(PENDULUM))
    start = engine.reset({}, jnp.array([0.0, 1.0]), jnp.array([1.0, -2.0]))
    single = jax.tree.map(lambda x: x.astype("f4") if x.dtype == "f8" else x, start)
    after = engine.step({}, single, jnp.ones(1, jnp.float32), 100)
    np.testing.assert_allclose(after.qpos, mujocos().qpos, atol=1e-6)


def doubled(rows: np.ndarray, out: np.ndarray) -> None:
    out[:] = 2 * rows


@pytest.mark.fault(22)
@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8, jnp.float16, jnp.bfloat16, jnp.float32])
def test_operands_of_other_types_are_converted(dtype) -> None:
    result = jax.jit(lambda row: host_call("test_doubled", doubled, row, 2))(
        jnp.array([3, 5], dtype)
    )
    assert result.dtype == jnp.float32
    np.testing.assert_array_equal(result, [6, 10])


@pytest.mark.fault(22)
@pytest.mark.usefixtures("double_precision")
def test_doubles_cross_the_border_whole() -> None:
    third = jnp.array([1 / 3, 2**60 + 1])
    result = jax.jit(jax.vmap(lambda row: host_call("test_doubled", doubled, row, 2)))(third[None])
    assert result.dtype == jnp.float64
    np.testing.assert_array_equal(result[0], 2 * np.asarray(third))


def test_no_worlds_are_no_call() -> None:
    rows = jnp.zeros((0, 2))
    assert jax.jit(jax.vmap(lambda row: host_call("test_doubled", doubled, row, 2)))(
        rows
    ).shape == (0, 2)
    engine = make_engine("native", mujoco.MjModel.from_xml_string(PENDULUM), ("xpos",))
    states = jax.vmap(lambda qpos: engine.reset({}, qpos, jnp.zeros(2)))(rows)
    assert jax.vmap(lambda s: engine.step({}, s, jnp.zeros(1), 1))(states).qpos.shape == (0, 2)


def test_a_host_call_takes_one_row_a_world() -> None:
    with pytest.raises(ValueError, match=r"one row a world, not the shape \(2, 2\)"):
        host_call("test_doubled", doubled, jnp.zeros((2, 2)), 2)
