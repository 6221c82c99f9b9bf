"""A wall in the shape of an L, around a pocket."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.arm.contact import WALL
from metaskill.envs.arm.scene_object import Frame, Reading
from metaskill.envs.arm.way import Obstacle, Way, way_around

_WALL, _TIP = 0.09, 0.11
_HALF_THICKNESS, _HALF_HEIGHT = 0.008, 0.03

_CLEARANCE = 0.055
"""What half a closed gripper and half a wall take, metres."""

_NODE = _CLEARANCE + 0.01
_APEX = (_WALL, -_WALL)
_OBSTACLE = Obstacle(
    walls=np.array([[_APEX, (_WALL, _TIP)], [_APEX, (-_TIP, -_WALL)]], np.float32),
    nodes=np.array(
        [
            (_WALL - _NODE, _TIP + _NODE),
            (_WALL + _NODE, _TIP + _NODE),
            (_WALL + _NODE, -_WALL - _NODE),
            (-_TIP - _NODE, -_WALL - _NODE),
            (-_TIP - _NODE, -_WALL + _NODE),
        ],
        np.float32,
    ),
    clearance=_CLEARANCE,
)


@dataclasses.dataclass(frozen=True)
class Corner:
    """Two walls that meet at a right angle; the frame stands in the pocket between them.

    In the frame, one runs along y at x = 9 cm, the other along x at y = -9 cm, both 20 cm
    long. Neither moves. In a scene where it does not stand it lies under the table.

    Attributes:
        name: What the model calls it.
        position: Where the frame stands, metres.
    """

    name: str
    position: tuple[float, float, float]
    start: ClassVar[None] = None

    @property
    def frame_name(self) -> str:
        """The walls themselves."""
        return self.name

    def mjcf(self) -> str:
        """Return the walls."""
        x, y, z = self.position
        walls = "".join(
            f"""
  <geom type="box" size="{sizes}" pos="{place}" {WALL} class="fixture"/>"""
            for sizes, place in (_box(*ends) for ends in _OBSTACLE.walls)
        )
        return f"""
<body name="{self.name}" pos="{x} {y} {z}">{walls}
</body>"""

    def initial(self, start: Float[Array, "0"]) -> Float[Array, "0"]:
        """Return nothing: there is no joint."""
        return start

    def read(self, qpos: Float[Array, "0"], qvel: Float[Array, "0"], frame: Frame) -> Reading:
        """Look at it.

        Features: where the frame stands, and the direction of its x axis (5).
        """
        del qpos, qvel
        direction = jnp.stack([jnp.cos(frame.yaw), jnp.sin(frame.yaw)])
        return Reading(
            point=frame.position,
            yaw=frame.yaw,
            value=jnp.zeros(()),
            frame=frame,
            features=jnp.concatenate([frame.position, direction]),
        )

    def way(self, point: Float[Array, "3"], goal: Float[Array, "3"], frame: Frame) -> Way:
        """Return the way from a point of the table to another one, around the walls."""
        start, end = (frame.inwards((each - frame.position)[:2]) for each in (point, goal))
        around = way_around(start, end, _OBSTACLE)
        stands = frame.position[2] > -_HALF_HEIGHT
        target = (
            jnp.asarray(goal, float).at[:2].set(frame.position[:2] + frame.outwards(around.target))
        )
        return Way(
            target=jnp.where(stands, target, goal),
            length=jnp.where(stands, around.length, jnp.linalg.norm(goal - point)),
        )


def _box(one: np.ndarray, other: np.ndarray) -> tuple[str, str]:
    """Return half the sizes and the place of a wall between two points."""
    half_x, half_y = np.abs(one - other) / 2 + _HALF_THICKNESS
    x, y = (one + other) / 2
    return f"{half_x} {half_y} {_HALF_HEIGHT}", f"{x} {y} {_HALF_HEIGHT}"
