"""Bring the gripper to a point."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.subtask import Manner, Scenery, Status


@dataclasses.dataclass(frozen=True)
class Reach:
    """The gripper is within `tolerance` of the goal."""

    name: str
    goal: Range
    tolerance: float = 0.02
    manner: ClassVar[Manner] = Manner.TOUCH

    def status(self, scenery: Scenery, goal: Float[Array, "3"]) -> Status:
        """Return how far the gripper is from the goal."""
        error = jnp.linalg.norm(scenery.gripper.position - goal)
        yaw = jnp.zeros(())
        return Status(goal, yaw, goal, yaw, error, error, error < self.tolerance)
