"""What a scene is made of: something that a gripper can act upon, or that is in its way."""

import dataclasses
from typing import Protocol

import jax
import jax.numpy as jnp
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
class Frame:
    """Where an object's fixed part stands on the table.

    Attributes:
        position: Of its origin, metres.
        yaw: How far it is turned about the vertical, radians.
    """

    position: Float[Array, "3"]
    yaw: Float[Array, ""]

    def outwards(self, vector: Float[Array, " xy_or_xyz"]) -> Float[Array, " xy_or_xyz"]:
        """Return a vector of the frame as the world sees it."""
        cos, sin = jnp.cos(self.yaw), jnp.sin(self.yaw)
        vector = jnp.asarray(vector, float)
        x, y = vector[:2]
        return vector.at[:2].set(jnp.stack([cos * x - sin * y, sin * x + cos * y]))

    def inwards(self, vector: Float[Array, " xy_or_xyz"]) -> Float[Array, " xy_or_xyz"]:
        """Return a vector of the world as the frame sees it."""
        return Frame(self.position, -self.yaw).outwards(vector)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Reading:
    """An object as it stands: all that tasks, observations and experts know of it.

    Attributes:
        point: Where the gripper takes hold of it, metres.
        yaw: How the gripper is turned there (see `GripperPose`).
        value: The joint's angle or displacement; 0 for an object that has none, or several.
        frame: Where its fixed part stands; the object itself where it has none.
        features: What is observed of it.
    """

    point: Float[Array, "3"]
    yaw: Float[Array, ""]
    value: Float[Array, ""]
    frame: Frame
    features: Float[Array, " features"]


class SceneObject(Protocol):
    """An object's design, and how to read its state.

    The body of its name has its joints, if any; its fixed part is the body `frame_name`, which
    may be the same.

    Attributes:
        name: What the model and the context call it.
        start: Where its initial state, `<name>_start` in the context, is drawn from; None for
            what has no joints.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def start(self) -> Range | None:
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
        """Return its joints' positions in an initial state."""
        ...

    def read(
        self,
        qpos: Float[Array, " joint_positions"],
        qvel: Float[Array, " joint_velocities"],
        frame: Frame,
    ) -> Reading:
        """Return its state, from its joints' part of the world's."""
        ...
