"""Humanoid: a two-legged robot with seventeen hinges."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import Observation
from metaskill.envs.locomotion import Locomotion
from metaskill.physics.state import PhysicsState


class Humanoid(Locomotion):
    """Humanoid on brax's model.

    Against Gymnasium's Humanoid-v5: the same masses, joints and motors, the same reward
    (1.25 forward velocity of the centre of mass + 5 - 0.1 ||ctrl||^2), termination (torso
    height outside [1, 2] m) and reset noise; but there is no contact cost, neither
    actuator nor contact forces are observed, inertias and velocities are those of the
    current state (v5's are one physics step old), actions in [-1, 1] are scaled to the
    controls' ±0.4, only the feet touch the floor, integration is Euler's (v5:
    Runge-Kutta), and Newton's solver stops after 8 iterations.
    """

    model_name = "humanoid"
    n_substeps = 5
    healthy_reward = 5.0
    control_cost = 0.1
    forward_weight = 1.25
    position_noise = 0.01
    derived_fields = ("cinert", "cvel", "subtree_com")

    def observe(self, physics: PhysicsState) -> Observation:
        """Positions (22), velocities (23), then each body's inertia (10) and velocity (6).

        Inertias and velocities are about the centre of mass, as MuJoCo's `cinert` and
        `cvel` are.
        """
        derived = physics.derived
        return {
            "state": jnp.concatenate(
                [
                    physics.qpos[2:],
                    physics.qvel,
                    jnp.ravel(derived["cinert"][1:]),
                    jnp.ravel(derived["cvel"][1:]),
                ]
            )
        }

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The centre of mass's x and y."""
        return physics.derived["subtree_com"][0, :2]

    def is_healthy(self, physics: PhysicsState) -> Bool[Array, ""]:
        """Whether the torso is between crouching and jumping."""
        height = physics.qpos[2]
        return (height > 1.0) & (height < 2.0)
