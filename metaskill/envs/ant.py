"""Ant: a four-legged robot with eight hinges."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.env import Observation
from metaskill.envs.locomotion import Locomotion
from metaskill.physics.state import PhysicsState


class Ant(Locomotion):
    """Ant on brax's model.

    Against Gymnasium's Ant-v5: the same masses, joints and motors, the same reward
    (forward velocity + 1 - 0.5 ||ctrl||^2), termination (torso height outside
    [0.2, 1] m) and reset noise; but contact forces are neither observed nor penalized,
    only the feet touch the floor, integration is Euler's (v5: Runge-Kutta), the solver
    stops after 4 iterations, and the root's quaternion is normalized after the noise.
    """

    model_name = "ant"
    n_substeps = 5
    healthy_reward = 1.0
    control_cost = 0.5
    position_noise = 0.1

    def observe(self, physics: PhysicsState) -> Observation:
        """Height, orientation and joint angles (13), then all velocities (14)."""
        return {"state": jnp.concatenate([physics.qpos[2:], physics.qvel])}

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The torso's x and y."""
        return physics.qpos[:2]

    def is_healthy(self, physics: PhysicsState) -> Bool[Array, ""]:
        """Whether the torso is between lying and flying."""
        height = physics.qpos[2]
        return (height >= 0.2) & (height <= 1.0)

    def initial_velocity(self, key: PRNGKeyArray) -> Float[Array, " nv"]:
        """Normal noise of standard deviation 0.1."""
        return 0.1 * jax.random.normal(key, (self.model.nv,))
