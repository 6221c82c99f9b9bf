"""Open, press, switch or turn a fixture."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.subtask import Manner, Scenery, Status

_KNOB_RADIUS = 0.05


@dataclasses.dataclass(frozen=True)
class Operate:
    """A fixture's joint is within `tolerance` of the goal, or beyond it.

    Attributes:
        name: See `Subtask`.
        fixture: The fixture.
        goal: Which values of the joint are asked for.
        tolerance: How close is close enough, in the joint's unit.
        stride: How far along the path the next target is, in the joint's unit.
        manner: See `Subtask`.
    """

    name: str
    fixture: Articulated
    goal: Range
    tolerance: float
    stride: float
    manner: Manner = Manner.OPERATE

    def status(self, scenery: Scenery, goal: Float[Array, ""]) -> Status:
        """Return how far the handle is from where it has to go."""
        fixture = self.fixture
        reading = scenery.readings[fixture.name]
        remaining = goal - reading.value
        step = jnp.clip(remaining, -self.stride, self.stride)
        target, target_yaw = fixture.at(reading.value + step, reading.frame)
        end, _ = fixture.at(goal, reading.frame)
        goal_error = jnp.linalg.norm(reading.point - end)
        if fixture.turns_gripper:  # Its grip hardly moves: as if it were at this radius.
            goal_error += _KNOB_RADIUS * jnp.abs(remaining)
        # Beyond the goal, as seen from where the joint can be at the start.
        onwards = jnp.sign(goal - jnp.float32(np.mean([fixture.start.low, fixture.start.high])))
        return Status(
            point=reading.point,
            yaw=reading.yaw,
            target=target,
            target_yaw=target_yaw,
            reach_error=jnp.linalg.norm(scenery.gripper.position - reading.point),
            goal_error=goal_error,
            done=remaining * onwards < self.tolerance,
        )
