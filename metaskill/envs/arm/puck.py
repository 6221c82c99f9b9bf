"""A round block that slides on the table, or along a rail."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.arm.contact import PUCK
from metaskill.envs.arm.scene_object import Frame, Range, Reading

PUCK_RADIUS = 0.022
_HALF_HEIGHT = 0.02
_RAIL_THICKNESS = 0.008

RAIL_HEIGHT = _RAIL_THICKNESS + 0.001
"""How far a track is raised for its rail to lie on the table, metres."""

ALONG = (-0.15, 0.30)
"""How far it slides along its track, metres."""

ACROSS = (-0.26, 0.26)
"""How far it slides across its track, where that is no rail."""


@dataclasses.dataclass(frozen=True)
class Puck:
    """A disc on two joints: `<name>_along` and `<name>_across` its track.

    It cannot be lifted, nor does its turning matter, so it is cheap: no contact with the table,
    and one with whatever else it touches (a sphere, at the height of the finger tips). Friction
    is that of the joints. Where contexts take the range of `<name>_across` away, the track is a
    rail; the rail to be seen lies just under the table, and on it when contexts raise the
    track by `RAIL_HEIGHT`.

    Attributes:
        name: What the model and the context call it.
        position: Where its track begins, metres.
        start: Where it is along and across the track at the start.
    """

    name: str
    position: tuple[float, float, float]
    start: Range

    @property
    def frame_name(self) -> str:
        """The track."""
        return f"{self.name}_track"

    def mjcf(self) -> str:
        """Return the track and the puck on it."""
        x, y, z = self.position
        low, high = ALONG
        reach = PUCK_RADIUS
        return f"""
<body name="{self.frame_name}" pos="{x} {y} {z}">
  <geom type="box" size="{(high - low) / 2 + reach} .008 {_RAIL_THICKNESS / 2}"
        pos="{(high + low) / 2} 0 {_RAIL_THICKNESS / 2 - RAIL_HEIGHT}" class="fixture"/>
  <body name="{self.name}" pos="0 0 {_HALF_HEIGHT}" gravcomp="1">
    <joint name="{self.name}_along" type="slide" axis="1 0 0" range="{low} {high}"
           frictionloss="1" damping="1"/>
    <joint name="{self.name}_across" type="slide" axis="0 1 0" range="{ACROSS[0]} {ACROSS[1]}"
           frictionloss="1" damping="1"/>
    <geom name="{self.name}" type="sphere" size="{PUCK_RADIUS}" mass=".2" {PUCK}
          rgba="0 0 0 0"/>
    <geom type="cylinder" size="{PUCK_RADIUS} {_HALF_HEIGHT}" mass="0" rgba=".85 .3 .2 1"/>
  </body>
</body>"""

    def initial(self, start: Float[Array, "2"]) -> Float[Array, "2"]:
        """Return where it is along and across."""
        return start

    def at(self, place: Float[Array, "2"], frame: Frame) -> Float[Array, "3"]:
        """Return where its middle is when it is at a place of its track."""
        above = jnp.concatenate([place, jnp.full(1, _HALF_HEIGHT)])
        return frame.position + frame.outwards(above)

    def read(self, qpos: Float[Array, "2"], qvel: Float[Array, "2"], frame: Frame) -> Reading:
        """Take hold of its middle, the fingers on either side of the track.

        Features: position, place along and across, velocities, the direction of the track (9).
        """
        point = self.at(qpos, frame)
        direction = jnp.stack([jnp.cos(frame.yaw), jnp.sin(frame.yaw)])
        return Reading(
            point=point,
            yaw=frame.yaw,
            value=jnp.zeros(()),
            frame=frame,
            features=jnp.concatenate([point, qpos, qvel, direction]),
        )
