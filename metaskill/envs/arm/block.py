"""A block that lies around."""

import dataclasses
import itertools

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.arm.contact import BLOCK, CORNER
from metaskill.envs.arm.scene_object import Frame, Range, Reading

BLOCK_HALF_SIZE = 0.02
_CORNER_RADIUS = 0.004


@dataclasses.dataclass(frozen=True)
class Block:
    """A cube that moves freely.

    Attributes:
        name: What the model and the context call it.
        start: x, y and yaw of the initial pose on the table.
        colour: Red, green and blue.
        stackable: Whether other blocks feel it.
    """

    name: str
    start: Range
    colour: tuple[float, float, float] = (0.85, 0.3, 0.2)
    stackable: bool = False

    @property
    def frame_name(self) -> str:
        """The block itself: it has no fixed part."""
        return self.name

    def mjcf(self) -> str:
        """Return the block."""
        size = f"{BLOCK_HALF_SIZE} " * 3
        return f"""
<body name="{self.name}" pos="0 0 {BLOCK_HALF_SIZE}">
  <freejoint name="{self.name}"/>
  <geom name="{self.name}" type="box" size="{size}" mass=".2" {BLOCK}
        rgba="{" ".join(str(channel) for channel in self.colour)} 1"/>
  {_corners() if self.stackable else ""}
</body>"""

    def initial(self, start: Float[Array, "3"]) -> Float[Array, "7"]:
        """Return the block flat on the table."""
        x, y, yaw = start
        half, zero = yaw / 2, jnp.zeros(())
        height = jnp.float32(BLOCK_HALF_SIZE)
        return jnp.stack([x, y, height, jnp.cos(half), zero, zero, jnp.sin(half)])

    def read(self, qpos: Float[Array, "7"], qvel: Float[Array, "6"], frame: Frame) -> Reading:
        """Take hold of its middle, by the faces that ask for the smaller turn.

        Features: position, the first two columns of the rotation matrix, velocities (15).
        """
        del frame
        w, x, y, z = qpos[3:]
        first = jnp.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])
        second = jnp.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)])
        # All four sides of a cube are alike: four times the angle is what can be told.
        yaw = jnp.arctan2(first[1], first[0])
        quarter = jnp.pi / 2
        return Reading(
            point=qpos[:3],
            yaw=yaw - quarter * jnp.round(yaw / quarter),
            value=jnp.zeros(()),
            frame=Frame(qpos[:3], yaw),
            features=jnp.concatenate([qpos[:3], first, second, qvel]),
        )


def _corners() -> str:
    """Return spheres inside the block's corners, flush with its faces."""
    place = BLOCK_HALF_SIZE - _CORNER_RADIUS
    return "".join(
        f'<geom type="sphere" size="{_CORNER_RADIUS}" pos="{x} {y} {z}" mass="0" {CORNER} '
        'rgba="0 0 0 0"/>'
        for x, y, z in itertools.product((-place, place), repeat=3)
    )
