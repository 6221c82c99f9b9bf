"""Walker2d: a planar two-legged robot with six hinges."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import Observation
from metaskill.envs.locomotion import Locomotion
from metaskill.envs.planar import observe_planar, planar_position, torso_height
from metaskill.physics.state import PhysicsState


class Walker2d(Locomotion):
    """Walker2d on brax's model.

    Against Gymnasium's Walker2d-v5: the same masses, joints and motors, the same reward
    (forward velocity + 1 - 1e-3 ||ctrl||^2), observation, termination and reset noise;
    but only feet and torso touch the floor, the right foot is as slippery as v4's (0.9
    against 1.9), integration is Euler's (v5: Runge-Kutta), and the solver stops after 4
    iterations.
    """

    model_name = "walker2d"
    n_substeps = 4
    healthy_reward = 1.0
    control_cost = 1e-3
    position_noise = 5e-3

    def observe(self, physics: PhysicsState) -> Observation:
        """Height, pitch and joint angles (8), then clipped velocities (9)."""
        return observe_planar(physics, self._initial_height)

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The torso's x."""
        return planar_position(physics)

    def is_healthy(self, physics: PhysicsState) -> Bool[Array, ""]:
        """Between 0.8 and 2 m high and tilted by less than a radian."""
        height = torso_height(physics, self._initial_height)
        return (height > 0.8) & (height < 2.0) & (jnp.abs(physics.qpos[2]) < 1.0)

    @property
    def _initial_height(self) -> float:
        return float(self.model.body("torso").pos[2])
