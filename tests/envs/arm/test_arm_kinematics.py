"""Where the gripper is, against MuJoCo; and the angles that bring it there."""

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.arm.control import WORKSPACE
from metaskill.envs.arm.kinematics import WRIST_TO_GRASP, forward, inverse
from metaskill.envs.arm.scene import compile_scene


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return compile_scene("empty", ())


def test_forward_agrees_with_mujoco(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    generator = np.random.default_rng(0)
    batch = generator.uniform(-2.0, 2.0, (20, 7)).astype(np.float32)
    poses = jax.jit(jax.vmap(forward))(batch)
    for index, joints in enumerate(batch):
        data.qpos[:7] = joints
        mujoco.mj_kinematics(model, data)
        rotation = data.body("hand").xmat.reshape(3, 3)
        tip = data.body("hand").xpos + WRIST_TO_GRASP * rotation[:, 2]
        np.testing.assert_allclose(poses.position[index], tip, atol=2e-6)
        np.testing.assert_allclose(poses.closing[index], rotation[:, 1], atol=2e-6)


def test_inverse_brings_the_gripper_down_onto_every_point_in_reach(model: mujoco.MjModel) -> None:
    key = jax.random.key(0)
    low, high = (jnp.array(corner) for corner in WORKSPACE)
    points = jax.random.uniform(key, (500, 3), minval=low, maxval=high)
    points = points[jnp.linalg.norm(points[:, :2], axis=1) < 0.74]
    yaws = jnp.linspace(-1.8, 1.8, len(points))
    joints = jax.jit(jax.vmap(inverse))(points, yaws)
    poses = jax.jit(jax.vmap(forward))(joints)
    np.testing.assert_allclose(poses.position, points, atol=3e-6)
    np.testing.assert_allclose(poses.yaw, yaws, atol=1e-6)
    expected = np.stack([-np.sin(yaws), np.cos(yaws), np.zeros(len(yaws))], axis=1)
    np.testing.assert_allclose(poses.closing, expected, atol=3e-6)


def test_out_of_reach_the_arm_stretches_towards_it() -> None:
    joints = inverse(jnp.array([2.0, 0.0, 0.13]), jnp.zeros(()))
    assert jnp.all(jnp.isfinite(joints))
    x, y, z = forward(joints).position
    assert 0.78 < x < 0.8
    assert abs(y) < 1e-6
    assert z == pytest.approx(0.13, abs=0.02)
