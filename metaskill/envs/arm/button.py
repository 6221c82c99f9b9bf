"""A button that is pressed from above and comes up again."""

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range


def button(
    name: str = "button", position: tuple[float, float, float] = (0.5, 0.0, 0.0)
) -> Articulated:
    """Make a button: the joint's value is how deep it is pressed, up to 3 cm."""
    return Articulated(
        name=name,
        position=position,
        motion="slide",
        axis=(0, 0, -1),
        limits=(0, 0.03),
        start=Range(0.0, 0.0),
        grip=(0, 0, 0.105),
        handle=((0, 0, 0.05), (0, 0, 0.08)),
        damping=6.0,
        stiffness=100.0,
        decoration="""
  <geom type="box" size=".04 .04 .025" pos="0 0 .025" class="fixture"/>""",
    )
