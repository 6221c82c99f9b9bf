"""Where the arm's gripper is, and which joint angles bring it somewhere: in closed form.

The arm is a shoulder, an elbow and a wrist (3 + 1 + 3 hinges), each of whose axes meet in a
point. At all angles zero it points straight up; joints 1, 3, 5 and 7 turn about the link that
they begin, 2, 4 and 6 bend it. With the gripper pointing down and joints 3 and 5 at zero the
links lie in one vertical plane, where a triangle gives the angles: no Jacobian, no solver, and
nothing that drifts.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

SHOULDER_HEIGHT = 0.33
UPPER_ARM = 0.40
FOREARM = 0.40
WRIST_TO_GRASP = 0.20
"""From the wrist's centre to the point between the finger tips, metres."""

N_JOINTS = 7


class GripperPose(NamedTuple):
    """Where the gripper is.

    Attributes:
        position: The point between the finger tips, metres; the arm stands at the origin.
        closing: The unit vector along which the fingers close.
        yaw: How far the gripper, pointing down, is turned about the vertical, radians; at
            zero its fingers close along y.
    """

    position: Float[Array, "3"]
    closing: Float[Array, "3"]
    yaw: Float[Array, ""]


def forward(joints: Float[Array, "7"]) -> GripperPose:
    """Return where joint angles put the gripper."""
    cos, sin = jnp.cos(joints), jnp.sin(joints)
    tip = (0.0, 0.0, WRIST_TO_GRASP)
    closing = (0.0, 1.0, 0.0)
    # From the hand to the shoulder: each joint turns what lies beyond it.
    lengths = {4: FOREARM, 2: UPPER_ARM}
    for joint in reversed(range(N_JOINTS)):
        turn = _about_z if joint % 2 == 0 else _about_y
        tip = turn(cos[joint], sin[joint], tip)
        closing = turn(cos[joint], sin[joint], closing)
        tip = (tip[0], tip[1], tip[2] + lengths.get(joint, 0.0))
    position = jnp.stack([tip[0], tip[1], tip[2] + SHOULDER_HEIGHT])
    return GripperPose(position, jnp.stack(closing), joints[0] - joints[6])


def inverse(position: Float[Array, "3"], yaw: Float[Array, ""]) -> Float[Array, "7"]:
    """Return the joint angles that put the gripper, pointing down, at a position.

    With d the distance from shoulder to wrist and u, l the arm's lengths, the elbow bends by

        cos q_4 = (d^2 - u^2 - l^2) / (2 u l),

    upwards. Out of reach the arm stretches towards the position.

    Args:
        position: Where the point between the finger tips is to be.
        yaw: See `GripperPose`.
    """
    x, y, z = position
    along = jnp.hypot(x, y)
    above = z + WRIST_TO_GRASP - SHOULDER_HEIGHT
    squared = along**2 + above**2
    cos_elbow = (squared - UPPER_ARM**2 - FOREARM**2) / (2 * UPPER_ARM * FOREARM)
    elbow = jnp.arccos(jnp.clip(cos_elbow, -0.999, 0.999))
    base = jnp.arctan2(y, x)
    shoulder = jnp.arctan2(along, above) - jnp.arctan2(
        FOREARM * jnp.sin(elbow), UPPER_ARM + FOREARM * jnp.cos(elbow)
    )
    zero = jnp.zeros(())
    wrist = jnp.pi - shoulder - elbow
    return jnp.stack([base, shoulder, zero, elbow, zero, wrist, base - yaw])


def _about_z(cos: Array, sin: Array, vector: tuple) -> tuple:
    x, y, z = vector
    return cos * x - sin * y, sin * x + cos * y, z


def _about_y(cos: Array, sin: Array, vector: tuple) -> tuple:
    x, y, z = vector
    return cos * x + sin * z, y, cos * z - sin * x
