"""A drawer that is pulled out towards the arm."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range


def drawer(
    name: str = "drawer",
    position: tuple[float, float, float] = (0.62, 0.0, 0.0),
) -> Articulated:
    """Make a drawer: the joint's value is how far it is out, up to 16 cm."""
    return Articulated(
        name=name,
        position=position,
        motion="slide",
        axis=(-1, 0, 0),
        limits=(0, 0.16),
        start=Range(0.0, 0.03),
        grip=(-0.13, 0, 0.10),
        handle=((-0.13, 0, 0.06), (-0.13, 0, 0.12)),
        # The fingers close along the way that the drawer goes.
        yaw=1.57,
        decoration="""
  <geom type="box" size=".09 .10 .005" pos="0 0 .085" class="fixture"/>
  <geom type="box" size=".09 .005 .04" pos="0 .10 .045" class="fixture"/>
  <geom type="box" size=".09 .005 .04" pos="0 -.10 .045" class="fixture"/>""",
        part="""
    <geom type="box" size=".085 .09 .03" pos="-.005 0 .042" mass=".4" class="part"/>
    <geom type="box" size=".022 .01 .006" pos="-.11 0 .06" mass=".05" class="handle"/>""",
    )
