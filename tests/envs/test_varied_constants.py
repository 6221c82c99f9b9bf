"""What a context may vary of a model is read from the world, or refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.arm.kinematics import forward
from metaskill.envs.env import Env, State
from metaskill.envs.half_cheetah import HalfCheetah
from metaskill.envs.half_cheetah_hurdles import HalfCheetahHurdles
from metaskill.envs.hopper import Hopper
from metaskill.envs.registry import make
from metaskill.errors import UserError
from metaskill.physics.parameters import ParamSpec

pytestmark = pytest.mark.fault(7)


def reset_with(env: Env, **physics: float) -> State:
    nominal = env.nominal_context()
    values = {name: jnp.float32(value) for name, value in physics.items()}
    context = dataclasses.replace(nominal, physics={**nominal.physics, **values})
    return env.reset(jax.random.key(0), context)


@pytest.fixture(scope="module")
def cheetah():
    env = HalfCheetah(engine="native", parameters=(ParamSpec("dt", "opt.timestep", "scale"),))
    return env, jax.jit(env.step)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.2])
def test_velocity_and_its_reward_are_distance_over_the_world_s_own_time(cheetah, scale) -> None:
    env, step = cheetah
    before = reset_with(env, dt=scale)
    for _ in range(3):
        before, after = step(before, jnp.full(6, 0.5)), before
    before, after = after, before
    seconds = after.physics.time - before.physics.time
    velocity = (after.physics.qpos[0] - before.physics.qpos[0]) / seconds
    assert float(seconds) == pytest.approx(0.05 * scale, rel=1e-5)
    assert float(after.metrics["x_velocity"]) == pytest.approx(float(velocity), rel=1e-4)
    assert float(after.metrics["reward_objective"]) == pytest.approx(float(velocity), rel=1e-4)


def test_a_nominal_time_step_gives_the_very_same_numbers(cheetah) -> None:
    env, step = cheetah
    plain = HalfCheetah(engine="native")
    action = jnp.full(6, 0.5)
    varied = step(reset_with(env), action)
    fixed = jax.jit(plain.step)(reset_with(plain), action)
    assert float(varied.reward) == float(fixed.reward)
    np.testing.assert_array_equal(varied.physics.qpos, fixed.physics.qpos)


def test_actions_span_the_world_s_own_range_of_controls() -> None:
    specs = (ParamSpec("range", "actuator_ctrlrange", "scale"),)
    env = HalfCheetah(engine="native", parameters=specs)
    step = jax.jit(env.step)
    costs = {
        scale: float(step(reset_with(env, range=scale), jnp.ones(6)).metrics["reward_control"])
        for scale in (1.0, 2.0)
    }
    assert costs[1.0] == pytest.approx(-0.6)
    assert costs[2.0] == pytest.approx(-2.4)


def test_the_height_of_a_torso_that_stands_elsewhere_is_its_own() -> None:
    specs = (ParamSpec("lift", "body_pos", "add", "torso", columns=(2,)),)
    env = Hopper(engine="native", parameters=specs)
    low, high = reset_with(env), reset_with(env, lift=0.1)
    assert float(high.obs["state"][0] - low.obs["state"][0]) == pytest.approx(0.1, abs=1e-5)
    plain = Hopper(engine="native")
    np.testing.assert_allclose(low.obs["state"], reset_with(plain).obs["state"], atol=1e-6)
    # Healthy is who is above .7 m in the world, wherever its joints are measured from.
    sunk = jax.jit(env.step)(reset_with(env, lift=-0.6), jnp.zeros(3))
    assert sunk.terminated


def test_hurdles_stay_where_reward_and_observation_look_for_them() -> None:
    along = ParamSpec("shift", "geom_pos", "add", "hurdle_.*", columns=(0,))
    with pytest.raises(UserError, match=r"'hurdle_1'.*every 3 m"):
        HalfCheetahHurdles(engine="native", parameters=(along,))
    HalfCheetahHurdles(
        engine="native", parameters=(dataclasses.replace(along, columns=(2,)),)
    )  # Their height may vary.


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_an_arm_s_servos_arrive_in_the_world_s_own_time(scale: float) -> None:
    env = make("arm_reach", engine="native", parameters=(ParamSpec("dt", "opt.timestep", "scale"),))
    before = reset_with(env, dt=scale)
    action = jnp.array([0.0, 0.5, 0.0, 0.0, 0.0])
    after = jax.jit(env.step)(before, action)
    moved = forward(after.physics.act).position - forward(before.physics.act).position
    np.testing.assert_allclose(moved, [0.0, 0.0125, 0.0], atol=1e-4)


def test_an_arm_s_fingers_open_as_far_as_the_world_s_own_range() -> None:
    specs = (
        ParamSpec("reach", "actuator_ctrlrange", "scale", "finger_.*", columns=(1,)),
        ParamSpec("stop", "jnt_range", "scale", "finger_.*", columns=(1,)),
    )
    env = make("arm_reach", engine="native", parameters=specs)
    state = reset_with(env, reach=0.5, stop=0.5)
    np.testing.assert_allclose(state.physics.qpos[7:9], 0.02)
    controls = [env.controls(state, jnp.array([0.0, 0, 0, 0, a]))[-2:] for a in (-1.0, 0.0, 1.0)]
    np.testing.assert_allclose(controls, [[0.02] * 2, [0.01] * 2, [0.0] * 2], atol=1e-7)


@pytest.mark.parametrize(
    ("scene", "field", "operation", "selector"),
    [
        ("arm_reach", "body_pos", "scale", "elbow"),
        ("arm_reach", "body_quat", "turn", "hand"),
        ("arm_reach", "jnt_axis", "add", "arm1"),
        ("arm_push", "geom_size", "scale", "block"),
        ("arm_push", "geom_size", "scale", "finger_left_pad1"),
        ("arm_drawer", "body_pos", "add", "drawer"),
        ("arm_drawer", "geom_pos", "add", "drawer_handle"),
        ("arm_drawer", "body_quat", "add", "drawer_frame"),
    ],
)
def test_an_arm_refuses_another_geometry_than_its_code_has(
    scene: str, field: str, operation: str, selector: str
) -> None:
    with pytest.raises(UserError, match=f"cannot vary {field} of '{selector}'"):
        make(scene, engine="native", parameters=(ParamSpec("x", field, operation, selector),))


def test_an_arm_takes_what_its_code_reads() -> None:
    specs = (
        ParamSpec("turn", "body_quat", "turn", "drawer_frame"),
        ParamSpec("lift", "body_pos", "add", "drawer_frame", columns=(2,)),
        ParamSpec("mass", "body_mass", "scale", "drawer"),
        ParamSpec("thickness", "geom_size", "scale", "drawer_handle"),
    )
    make("arm_drawer", engine="native", parameters=specs)
