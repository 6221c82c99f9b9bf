"""Hopper: a planar one-legged robot with three hinges."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import Observation
from metaskill.envs.locomotion import Locomotion
from metaskill.envs.planar import observe_planar, planar_position, torso_height
from metaskill.physics.state import PhysicsState


class Hopper(Locomotion):
    """Hopper on brax's model.

    Against Gymnasium's Hopper-v5: the same masses, joints and motors, the same reward
    (forward velocity + 1 - 1e-3 ||ctrl||^2), observation, termination and reset noise;
    but only the foot touches anything, integration is Euler's (v5: Runge-Kutta), and the
    solver stops after 4 iterations.
    """

    model_name = "hopper"
    n_substeps = 4
    healthy_reward = 1.0
    control_cost = 1e-3
    position_noise = 5e-3

    def observe(self, physics: PhysicsState) -> Observation:
        """Height, pitch and joint angles (5), then clipped velocities (6)."""
        return observe_planar(physics, self._initial_height)

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The torso's x."""
        return planar_position(physics)

    def is_healthy(self, physics: PhysicsState) -> Bool[Array, ""]:
        """Upright within 0.2 rad, above 0.7 m, and nowhere faster than 100."""
        rest = jnp.concatenate([physics.qpos[2:], physics.qvel])
        return (
            (torso_height(physics, self._initial_height) > 0.7)
            & (jnp.abs(physics.qpos[2]) < 0.2)
            & jnp.all(jnp.abs(rest) < 100.0)
        )

    @property
    def _initial_height(self) -> float:
        return float(self.model.body("torso").pos[2])
