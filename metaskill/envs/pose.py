"""How a world stands: all that a picture of it needs."""

import dataclasses

import jax
from jaxtyping import Array, Float

from metaskill.envs.env import State
from metaskill.physics.engine import ModelLeaves


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Pose:
    """A world as it is drawn.

    Attributes:
        qpos: Generalized positions.
        model_leaves: What of the model is this world's own, such as where a door stands.
    """

    qpos: Float[Array, "*time nq"]
    model_leaves: ModelLeaves = dataclasses.field(default_factory=dict)


def pose_of(state: State) -> Pose:
    """Return how a world stands."""
    return Pose(state.physics.qpos, state.model_leaves)
