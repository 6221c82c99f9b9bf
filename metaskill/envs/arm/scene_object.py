"""What a scene is made of: something with one joint, that a gripper can act upon."""

import dataclasses
from typing import Protocol

import jax
from jaxtyping import Array, Float


@dataclasses.dataclass(frozen=True)
class Range:
    """Where an entry of the context is drawn from, uniformly: a box, or an interval.

    Attributes:
        low: Smallest value of each number; a float for a scalar.
        high: Largest.
    """

    low: tuple[float, ...] | float
    high: tuple[float, ...] | float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Reading:
    """An object as it stands: all that tasks, observations and experts know of it.

    Attributes:
        point: Where the gripper takes hold of it, metres.
        yaw: How the gripper is turned there (see `GripperPose`).
        value: The joint's angle or displacement; 0 for an object that moves freely.
        frame: Where its fixed part stands; the object's own position where it has none.
        features: What is observed of it.
    """

    point: Float[Array, "3"]
    yaw: Float[Array, ""]
    value: Float[Array, ""]
    frame: Float[Array, "3"]
    features: Float[Array, " features"]


class SceneObject(Protocol):
    """An object's design, and how to read its state.

    Its joint has its name, and its fixed part, if any, is the body `frame_name`.

    Attributes:
        name: What the model and the context call it.
        start: Where its initial state, `<name>_start` in the context, is drawn from.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def start(self) -> Range:
        """See the class."""
        ...

    @property
    def frame_name(self) -> str:
        """Return the name of the body whose position is the reading's frame."""
        ...

    def mjcf(self) -> str:
        """Return its bodies."""
        ...

    def initial(self, start: Array) -> Float[Array, " joint_positions"]:
        """Return its joint's positions in an initial state."""
        ...

    def read(
        self,
        qpos: Float[Array, " joint_positions"],
        qvel: Float[Array, " joint_velocities"],
        frame: Float[Array, "3"],
    ) -> Reading:
        """Return its state, from its joint's part of the world's."""
        ...
