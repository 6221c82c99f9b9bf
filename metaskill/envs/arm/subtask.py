"""What there is to do with an object: where to act, where to, and when it is done."""

import dataclasses
import enum
from typing import Protocol

import jax
from jaxtyping import Array, Bool, Float

from metaskill.envs.arm.kinematics import GripperPose
from metaskill.envs.arm.scene_object import Range, Reading


class Manner(enum.Enum):
    """How a subtask is done, for those who do it by a script."""

    TOUCH = "go there"
    DRAG = "take it and move it along the table"
    HOLD = "take it, move it along the table and hold it there"
    CARRY = "take it, lift it, put it down"
    OPERATE = "take its handle and move that along its path"
    PRESS = "push it down"


@dataclasses.dataclass(frozen=True)
class Scenery:
    """All that subtasks judge by.

    Attributes:
        gripper: Where the gripper is.
        opening: Width between the finger tips, metres.
        readings: The objects, by name.
    """

    gripper: GripperPose
    opening: Float[Array, ""]
    readings: dict[str, Reading]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Status:
    """How a subtask stands.

    Attributes:
        point: Where the gripper acts: on the object or its handle, metres.
        yaw: How it is turned there.
        target: Where that point has to go next: of a path, somewhat further along it.
        target_yaw: How the gripper is turned there.
        reach_error: Distance from the gripper to `point`.
        goal_error: Distance from `point` to where it is to be in the end, along the way.
        done: Whether it is there.
    """

    point: Float[Array, "3"]
    yaw: Float[Array, ""]
    target: Float[Array, "3"]
    target_yaw: Float[Array, ""]
    reach_error: Float[Array, ""]
    goal_error: Float[Array, ""]
    done: Bool[Array, ""]


class Subtask(Protocol):
    """One thing to do in a scene.

    Attributes:
        name: What it is called; its goal is `<name>_goal` in the context.
        manner: How to do it.
        goal: Where its goal is drawn from; None for a subtask whose goal follows from the
            scene.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def manner(self) -> Manner:
        """See the class."""
        ...

    @property
    def goal(self) -> Range | None:
        """See the class."""
        ...

    def status(self, scenery: Scenery, goal: Array) -> Status:
        """Return how it stands.

        Args:
            scenery: The world.
            goal: The goal in this episode; empty where it follows from the scene.
        """
        ...
