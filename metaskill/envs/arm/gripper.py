"""The hand: two fingers that close along y, each ending in two round pads."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.arm.contact import PAD
from metaskill.envs.arm.kinematics import WRIST_TO_GRASP

FINGERS = ("finger_left", "finger_right")

FINGER_TRAVEL = 0.04
"""How far a finger opens, metres: there are 8 cm between the pads of an open gripper."""

PAD_RADIUS = 0.01
_PAD_OFFSET = 0.012


def hand() -> str:
    """Return the hand, to be put into the wrist, as MJCF.

    Two spheres a finger are enough to hold a block by its faces and a post between them, and
    cheap on either engine: a sphere meets anything in one point.
    """
    fingers = "".join(
        f"""
  <body name="{name}" pos="0 0 {WRIST_TO_GRASP}" gravcomp="1">
    <joint name="{name}" type="slide" axis="0 {side} 0" range="0 {FINGER_TRAVEL}"
           armature=".3" damping="5"/>
    <geom type="box" size=".018 .006 .035" pos="0 {side * (PAD_RADIUS + 0.006)} -.03" mass=".04"
          class="dark"/>
    <geom name="{name}_pad1" type="sphere" size="{PAD_RADIUS}" mass=".01" {PAD}
          pos="{-_PAD_OFFSET} {side * PAD_RADIUS} 0" class="pad"/>
    <geom name="{name}_pad2" type="sphere" size="{PAD_RADIUS}" mass=".01" {PAD}
          pos="{_PAD_OFFSET} {side * PAD_RADIUS} 0" class="pad"/>
  </body>"""
        for name, side in zip(FINGERS, (1, -1), strict=True)
    )
    return f"""
<body name="hand" gravcomp="1">
  <joint name="arm7" axis="0 0 1" armature=".05"/>
  <geom type="cylinder" size=".03 .04" pos="0 0 .07" mass=".2" class="light"/>
  <geom type="box" size=".025 .065 .015" pos="0 0 .12" mass=".15" class="light"/>
  {fingers}
</body>"""


def gripper_actuators() -> str:
    """Return the actuators of the fingers: springs towards how far they are told to open.

    They pull with 16 N at most, and gently: the cost of the constraint problem grows with the
    square of forces, and beside a large one float32 does not see what a block's slow turning
    adds, so that MJX's solver stops early. No range of forces says so, nor of the arm's servos:
    where it cuts a force, MuJoCo leaves the servo's damping out of its implicit integration,
    MJX does not, and the engines would part.
    """
    return "\n".join(
        f'<position name="{name}" joint="{name}" kp="400" kv="20" ctrlrange="0 {FINGER_TRAVEL}"/>'
        for name in FINGERS
    )


def finger_targets(
    action: Float[Array, ""], ranges: Float[Array, "2 low_high"]
) -> Float[Array, "2"]:
    """Return how far an action opens the fingers: 1 closes them, -1 opens them.

    Args:
        action: Of both fingers.
        ranges: Between which controls each finger's actuator moves it.
    """
    low, high = ranges.T
    return low + 0.5 * (high - low) * (1.0 - jnp.clip(action, -1.0, 1.0))
