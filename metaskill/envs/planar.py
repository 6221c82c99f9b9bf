"""What the robots that live in the x-z plane share: rootx, rootz, rooty come first.

The torso is the first body. Where contexts vary the frames of bodies and joints, `Locomotion`
declares `xpos`, and the torso's place is read from there instead of from its joints.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.env import Observation
from metaskill.physics.state import PhysicsState

_TORSO = 1


def planar_position(physics: PhysicsState) -> Float[Array, "2"]:
    """Return (x, 0): a planar robot never leaves its plane."""
    x = physics.derived["xpos"][_TORSO, 0] if "xpos" in physics.derived else physics.qpos[0]
    return jnp.stack([x, jnp.zeros(())])


def torso_height(physics: PhysicsState, initial_height: float) -> Float[Array, ""]:
    """Return the torso's height above the floor, metres.

    `rootz` measures displacement from the initial height in brax's files.
    """
    if "xpos" in physics.derived:
        return physics.derived["xpos"][_TORSO, 2]
    return initial_height + physics.qpos[1]


def observe_planar(physics: PhysicsState, initial_height: float) -> Observation:
    """Height, pitch and joint angles, then velocities clipped to ±10, as in v5."""
    positions = physics.qpos.at[1].set(torso_height(physics, initial_height))
    return {"state": jnp.concatenate([positions[1:], jnp.clip(physics.qvel, -10.0, 10.0)])}
