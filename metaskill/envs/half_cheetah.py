"""HalfCheetah: a planar runner with six hinges that cannot fall out of the task."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Observation
from metaskill.envs.locomotion import Locomotion
from metaskill.envs.planar import planar_position
from metaskill.physics.state import PhysicsState


class HalfCheetah(Locomotion):
    """HalfCheetah on brax's model.

    Against Gymnasium's HalfCheetah-v5: the same masses, joints and motors, the same
    reward (forward velocity - 0.1 ||ctrl||^2), reset noise and observation; but only
    head, thighs and feet touch the floor, and the solver stops after 4 iterations.
    """

    model_name = "half_cheetah"
    n_substeps = 5
    control_cost = 0.1
    position_noise = 0.1

    def observe(self, physics: PhysicsState) -> Observation:
        """Height, pitch and joint angles (8), then all velocities (9)."""
        return {"state": jnp.concatenate([physics.qpos[1:], physics.qvel])}

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The torso's x."""
        return planar_position(physics)

    def initial_velocity(self, key: PRNGKeyArray) -> Float[Array, " nv"]:
        """Normal noise of standard deviation 0.1."""
        return 0.1 * jax.random.normal(key, (self.model.nv,))
