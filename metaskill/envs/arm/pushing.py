"""Bring a puck to a place of its track, past whatever stands between."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.arm.corner import Corner
from metaskill.envs.arm.puck import Puck
from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.subtask import Manner, Scenery, Status


@dataclasses.dataclass(frozen=True)
class Push:
    """A puck is within `tolerance` of the goal: while it is held there, or left there.

    The goal's distance is that of the way around the walls that do not yield, so that a shaped
    reward does not lead into a dead end. Walls that yield are no detour.

    Attributes:
        name: See `Subtask`.
        puck: What is pushed.
        around: What stands in the way.
        goal: Places along and across the puck's track, metres.
        tolerance: How close is close enough, metres.
    """

    name: str
    puck: Puck
    around: Corner
    goal: Range
    tolerance: float = 0.025
    manner: ClassVar[Manner] = Manner.HOLD

    def status(self, scenery: Scenery, goal: Float[Array, "2"]) -> Status:
        """Return how far the puck is from the goal."""
        puck, corner = scenery.readings[self.puck.name], scenery.readings[self.around.name]
        end = self.puck.at(goal, puck.frame)
        way = self.around.way(puck.point, end, corner.frame)
        return Status(
            point=puck.point,
            yaw=puck.yaw,
            target=way.target,
            target_yaw=puck.yaw,
            reach_error=jnp.linalg.norm(scenery.gripper.position - puck.point),
            goal_error=way.length,
            done=jnp.linalg.norm(puck.point - end) < self.tolerance,
        )
