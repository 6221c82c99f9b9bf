"""A lever that is switched over, as a light's."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range


def lever(
    name: str = "lever",
    position: tuple[float, float, float] = (0.55, 0.0, 0.05),
) -> Articulated:
    """Make a lever: the joint's value is its tilt away from the arm, up to 0.6 rad."""
    return Articulated(
        name=name,
        position=position,
        motion="hinge",
        axis=(0, 1, 0),
        limits=(-0.6, 0.6),
        start=Range(-0.6, -0.4),
        grip=(0, 0, 0.11),
        handle=((0, 0, 0.03), (0, 0, 0.12)),
        yaw=1.57,
        damping=0.2,
        decoration="""
  <geom type="box" size=".06 .03 .025" pos="0 0 -.025" class="fixture"/>""",
    )
