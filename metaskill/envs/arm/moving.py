"""Bring a block to a point: along the table or through the air."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.subtask import Manner, Scenery, Status


@dataclasses.dataclass(frozen=True)
class Move:
    """A block's middle is within `tolerance` of the goal, held there or lying."""

    name: str
    block: str
    goal: Range
    manner: Manner
    tolerance: float = 0.03

    def status(self, scenery: Scenery, goal: Float[Array, "3"]) -> Status:
        """Return how far the block is from the goal."""
        block = scenery.readings[self.block]
        goal_error = jnp.linalg.norm(block.point - goal)
        return Status(
            point=block.point,
            yaw=block.yaw,
            target=goal,
            target_yaw=block.yaw,
            reach_error=jnp.linalg.norm(scenery.gripper.position - block.point),
            goal_error=goal_error,
            done=goal_error < self.tolerance,
        )
