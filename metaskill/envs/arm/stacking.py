"""Put a block on another one."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from metaskill.envs.arm.block import BLOCK_HALF_SIZE
from metaskill.envs.arm.subtask import Manner, Scenery, Status


@dataclasses.dataclass(frozen=True)
class Stack:
    """One block stands on another and the fingers do not hold it.

    That is: its middle is above the other's, within `tolerance` to the side and half of it in
    height, and the gripper is open by more than a block's width or away. The goal moves with
    the block below.
    """

    name: str
    block: str
    below: str
    tolerance: float = 0.02
    goal: ClassVar[None] = None
    manner: ClassVar[Manner] = Manner.CARRY

    def status(self, scenery: Scenery, goal: Array) -> Status:
        """Return how far the block is from where it has to stand."""
        del goal
        block, below = scenery.readings[self.block], scenery.readings[self.below]
        target = below.point.at[2].add(2 * BLOCK_HALF_SIZE)
        aside = jnp.linalg.norm(block.point[:2] - target[:2])
        above = jnp.abs(block.point[2] - target[2])
        reach_error = jnp.linalg.norm(scenery.gripper.position - block.point)
        is_free = (scenery.opening > 2.5 * BLOCK_HALF_SIZE) | (reach_error > 0.06)
        return Status(
            point=block.point,
            yaw=block.yaw,
            target=target,
            target_yaw=block.yaw,
            reach_error=reach_error,
            goal_error=jnp.linalg.norm(block.point - target),
            done=(aside < self.tolerance) & (above < self.tolerance / 2) & is_free,
        )
