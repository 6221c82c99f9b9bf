"""A fixture with one part that slides or turns, and a handle on it."""

import dataclasses
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.arm.contact import HANDLE
from metaskill.envs.arm.scene_object import Frame, Range, Reading

HANDLE_RADIUS = 0.015


@dataclasses.dataclass(frozen=True)
class Articulated:
    """Something on the table that is opened, pressed, switched or turned.

    Only its handle can be touched, so that a scene of many fixtures has few contacts.

    Attributes:
        name: What the model and the context call it.
        position: Where its frame stands, metres.
        motion: Whether the part slides along the axis or turns about it; the axis goes
            through the frame.
        axis: A unit vector along x, y or z.
        limits: Between which values of the joint the part moves.
        start: The joint's initial value.
        grip: Where the gripper takes hold of the part, in the frame, at value 0.
        handle: The two ends of the capsule that it takes hold of.
        contact: What touches the handle, of `contact`'s kinds.
        yaw: How the gripper is turned there, at value 0.
        turns_gripper: Whether the gripper turns along with the part.
        damping: Of the joint, N s/m or Nm s/rad.
        stiffness: Of the spring that pulls the part to value 0, N/m or Nm/rad.
        decoration: MJCF of fixed geoms in the frame.
        part: MJCF of geoms that move.
    """

    name: str
    position: tuple[float, float, float]
    motion: Literal["slide", "hinge"]
    axis: tuple[float, float, float]
    limits: tuple[float, float]
    start: Range
    grip: tuple[float, float, float]
    handle: tuple[tuple[float, float, float], tuple[float, float, float]]
    contact: str = HANDLE
    yaw: float = 0.0
    turns_gripper: bool = False
    damping: float = 4.0
    stiffness: float = 0.0
    decoration: str = ""
    part: str = ""

    @property
    def frame_name(self) -> str:
        """The body that stands on the table."""
        return f"{self.name}_frame"

    def mjcf(self) -> str:
        """Return the frame and the part that moves in it."""
        low, high = self.limits
        inertia = 0.3 if self.motion == "slide" else 0.02
        return f"""
<body name="{self.frame_name}" pos="{_row(self.position)}">
  {self.decoration}
  <body name="{self.name}" gravcomp="1">
    <joint name="{self.name}" type="{self.motion}" axis="{_row(self.axis)}" range="{low} {high}"
           damping="{self.damping}" stiffness="{self.stiffness}"
           armature="{inertia}"/>
    {self.part}
    <geom name="{self.name}_handle" type="capsule" size="{HANDLE_RADIUS}" mass=".1" {self.contact}
          fromto="{_row(self.handle[0])} {_row(self.handle[1])}" class="handle"/>
  </body>
</body>"""

    def initial(self, start: Float[Array, ""]) -> Float[Array, "1"]:
        """Return the joint at its initial value."""
        return start[None]

    def at(
        self, value: Float[Array, ""], frame: Frame
    ) -> tuple[Float[Array, "3"], Float[Array, ""]]:
        """Return where the handle is taken when the joint has a value, and the gripper's yaw."""
        axis = jnp.asarray(self.axis, float)
        grip = jnp.asarray(self.grip, float)
        if self.motion == "slide":
            offset = grip + value * axis
        else:  # Rodrigues' formula.
            parallel = axis * np.float32(np.dot(self.axis, self.grip))
            offset = (
                parallel
                + jnp.cos(value) * (grip - parallel)
                + jnp.sin(value) * jnp.cross(axis, grip)
            )
        yaw = self.yaw + (value if self.turns_gripper else jnp.zeros(()))
        return frame.position + frame.outwards(offset), yaw + frame.yaw

    def read(self, qpos: Float[Array, "1"], qvel: Float[Array, "1"], frame: Frame) -> Reading:
        """Take hold of the handle.

        Features: the joint's value and velocity, the handle's position (5).
        """
        value = qpos[0]
        point, yaw = self.at(value, frame)
        return Reading(
            point=point,
            yaw=yaw,
            value=value,
            frame=frame,
            features=jnp.concatenate([qpos, qvel, point]),
        )


def _row(vector: tuple[float, ...]) -> str:
    return " ".join(str(number) for number in vector)
