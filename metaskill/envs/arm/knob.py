"""A knob that is turned about the vertical, as a stove's."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range


def knob(
    name: str = "knob",
    position: tuple[float, float, float] = (0.5, 0.0, 0.0),
) -> Articulated:
    """Make a knob: the joint's value is its angle, from -0.8 to 0.8 rad.

    The gripper takes its bar across and turns with it.
    """
    return Articulated(
        name=name,
        position=position,
        motion="hinge",
        axis=(0, 0, 1),
        limits=(-0.8, 0.8),
        start=Range(-0.8, -0.5),
        grip=(0, 0, 0.08),
        handle=((-0.03, 0, 0.08), (0.03, 0, 0.08)),
        turns_gripper=True,
        damping=0.1,
        decoration="""
  <geom type="cylinder" size=".04 .025" pos="0 0 .025" class="fixture"/>""",
        part="""
    <geom type="cylinder" size=".012 .02" pos="0 0 .06" mass=".05" class="part"/>""",
    )
