"""A robot of one's own: a subclass of `Locomotion` with any MuJoCo model."""

import functools

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.env import Observation
from metaskill.envs.locomotion import Locomotion
from metaskill.errors import UserError
from metaskill.physics.parameters import ParamSpec
from metaskill.physics.state import PhysicsState

CART = """
    <body><joint name="x" type="slide" axis="1 0 0"/>
      <geom type="box" size=".2 .1 .05" mass="1"/></body>
"""


class Own(Locomotion):
    """A model that is given as bodies and actuators."""

    model_name = "own"
    n_substeps = 5
    control_cost = 0.0
    position_noise = 0.0

    def __init__(self, bodies: str, actuators: str, more: str = "", **options):
        self.xml = f"""
            <mujoco><option timestep=".01"/><worldbody>{bodies}</worldbody>
              <actuator>{actuators}</actuator>{more}</mujoco>
        """
        super().__init__(engine="native", **options)

    def load_model(self) -> mujoco.MjModel:
        return mujoco.MjModel.from_xml_string(self.xml)

    def observe(self, physics: PhysicsState) -> Observation:
        return {"state": jnp.concatenate([physics.qpos, physics.qvel])}

    def position(self, physics: PhysicsState):
        return jnp.stack([physics.qpos[0], jnp.zeros(())])


class Noisy(Own):
    position_noise = 0.1


def x_after_ten_full_actions(env: Own) -> float:
    state, step = env.reset(jax.random.key(0), env.nominal_context()), jax.jit(env.step)
    for _ in range(10):
        state = step(state, jnp.ones(env.action_size))
    return float(state.physics.qpos[0])


@pytest.mark.fault(9)
@pytest.mark.parametrize("limits", ["", 'ctrlrange="-1 1"', 'ctrllimited="false"'])
def test_a_motor_moves_the_cart_with_and_without_a_control_range(limits: str) -> None:
    cart = Own(CART, f'<motor joint="x" gear="10" {limits}/>')
    # 10 N on 1 kg in 50 steps of 10 ms: 10 (.01 s)² (1 + 2 + ... + 50).
    assert x_after_ten_full_actions(cart) == pytest.approx(1.275, rel=1e-5)


@pytest.mark.fault(9)
def test_a_muscle_without_a_control_range_contracts() -> None:
    muscle = '<muscle joint="x" lengthrange="0 2" force="-50"/>'
    assert abs(x_after_ten_full_actions(Own(CART, muscle))) > 0.1


def test_a_world_with_a_wider_control_range_is_stronger() -> None:
    varied = (ParamSpec("strength", "actuator_ctrlrange", "scale"),)
    cart = Own(CART, '<motor joint="x" gear="10" ctrlrange="-1 1"/>', parameters=varied)
    context = cart.nominal_context()
    context.physics["strength"] = jnp.float32(2.0)
    state, step = cart.reset(jax.random.key(0), context), jax.jit(cart.step)
    for _ in range(10):
        state = step(state, jnp.ones(1))
    assert float(state.physics.qpos[0]) == pytest.approx(2.55, rel=1e-5)


def test_noise_leaves_the_orientations_of_all_joints_unit_quaternions() -> None:
    jointed = """
        <body pos="0 0 1"><joint name="x" type="slide" axis="1 0 0"/><geom size=".1"/>
          <body pos=".2 0 0"><joint type="ball"/><geom size=".1"/></body></body>
        <body pos="0 0 2"><freejoint/><geom size=".1"/></body>
    """
    env = Noisy(jointed, '<motor joint="x"/>')
    keys = jax.random.split(jax.random.key(0), 8)
    qpos = jax.vmap(env.reset, (0, None))(keys, env.nominal_context()).physics.qpos
    for start in (1, 8):  # Of the ball joint; of the free joint, behind its position.
        norms = jnp.linalg.norm(qpos[:, start : start + 4], axis=-1)
        np.testing.assert_allclose(norms, 1.0, rtol=1e-6)
    assert len(np.unique(np.asarray(qpos[:, 0]))) == 8
    # Positions keep their noise, uniform and within its bound.
    assert 0.05 < float(jnp.abs(qpos[:, 5:8] - jnp.array([0.0, 0.0, 2.0])).max()) <= 0.1


def test_a_keyframe_may_be_the_initial_position() -> None:
    class Standing(Own):
        def initial_position(self) -> np.ndarray:
            return self.model.key("home").qpos

    keyframe = '<keyframe><key name="home" qpos=".5"/></keyframe>'
    motor = '<motor joint="x"/>'
    for env, x in ((Own(CART, motor, keyframe), 0.0), (Standing(CART, motor, keyframe), 0.5)):
        state = env.reset(jax.random.key(0), env.nominal_context())
        np.testing.assert_array_equal(state.physics.qpos, [x])


def test_a_model_without_actuators_is_refused() -> None:
    for bodies in (CART, '<body><geom size=".1"/></body>'):
        with pytest.raises(UserError, match="'own' has no actuators"):
            Own(bodies, "")


def test_many_worlds_step_under_random_actions() -> None:
    env = Noisy(CART, '<position joint="x" kp="50"/>')
    keys = jax.random.split(jax.random.key(0), 32)
    states = jax.jit(jax.vmap(functools.partial(env.reset, context=env.nominal_context())))(keys)
    actions = jax.random.uniform(jax.random.key(1), (5, 32, 1), minval=-1.0, maxval=1.0)
    step = jax.jit(jax.vmap(env.step))
    for action in actions:
        states = step(states, action)
    assert not states.physics.failed.any()
    assert len(np.unique(np.asarray(states.physics.qpos))) == 32
