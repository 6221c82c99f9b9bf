"""A cabinet whose door slides sideways."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range


def cabinet(
    name: str = "cabinet",
    position: tuple[float, float, float] = (0.66, 0.0, 0.0),
) -> Articulated:
    """Make a cabinet: the joint's value is how far its door slid to the right (-y)."""
    return Articulated(
        name=name,
        position=position,
        motion="slide",
        axis=(0, -1, 0),
        limits=(0, 0.16),
        start=Range(0.0, 0.03),
        grip=(-0.03, 0.07, 0.17),
        handle=((-0.03, 0.07, 0.11), (-0.03, 0.07, 0.19)),
        decoration="""
  <geom type="box" size=".04 .16 .06" pos=".06 0 .06" class="fixture"/>""",
        part="""
    <geom type="box" size=".006 .08 .05" pos="0 .07 .06" mass=".4" class="part"/>
    <geom type="box" size=".018 .008 .006" pos="-.015 .07 .11" mass=".05" class="handle"/>""",
    )
