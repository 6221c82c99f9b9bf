"""A door that swings open towards the arm, as a microwave's."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range


def door(
    name: str = "door",
    position: tuple[float, float, float] = (0.62, 0.10, 0.0),
) -> Articulated:
    """Make a door, hinged at its left: the joint's value is its angle, up to 1.4 rad."""
    return Articulated(
        name=name,
        position=position,
        motion="hinge",
        axis=(0, 0, -1),
        limits=(0, 1.4),
        start=Range(0.0, 0.2),
        grip=(-0.02, -0.17, 0.15),
        handle=((-0.02, -0.17, 0.09), (-0.02, -0.17, 0.17)),
        yaw=1.2,
        damping=0.3,
        decoration="""
  <geom type="box" size=".06 .10 .05" pos=".07 -.09 .05" class="fixture"/>""",
        part="""
    <geom type="box" size=".006 .09 .05" pos="0 -.09 .05" mass=".3" class="part"/>
    <geom type="box" size=".014 .008 .006" pos="-.01 -.17 .09" mass=".05" class="handle"/>""",
    )
