"""A wall that a spring holds, and that yields to whoever pushes it away from the arm."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.contact import WALL
from metaskill.envs.arm.scene_object import Range

STIFFNESS = 50.0
"""Of the spring, N/m, where contexts do not vary it."""


def spring_wall(name: str, position: tuple[float, float, float]) -> Articulated:
    """Make a wall across the table: the joint's value is how far it was pushed, up to 20 cm.

    What touches is its upper edge, a beam at the height of the finger tips.
    """
    return Articulated(
        name=name,
        position=position,
        motion="slide",
        axis=(1, 0, 0),
        limits=(0, 0.20),
        start=Range(0.0, 0.0),
        grip=(0, 0, 0.02),
        handle=((0, -0.28, 0.02), (0, 0.28, 0.02)),
        contact=WALL,
        damping=8.0,
        stiffness=STIFFNESS,
        part="""
    <geom type="box" size=".006 .29 .02" pos="0 0 .02" mass=".3" class="part"/>""",
    )
