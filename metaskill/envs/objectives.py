"""What a moving robot is rewarded for: functions of its motion and the context."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.errors import UserError, nearest

RewardContext = dict[str, Array]


@dataclasses.dataclass(frozen=True)
class Motion:
    """How a robot moved during one control step.

    Attributes:
        position: Where it is after the step, metres; planar robots have y = 0.
        velocity: Mean velocity over the step, m/s.
    """

    position: Float[Array, "2"]
    velocity: Float[Array, "2"]


@dataclasses.dataclass(frozen=True)
class Objective:
    """A reward term with the task parameters that it reads.

    Attributes:
        nominal: Task parameters and their default values, by their names in
            `context.reward`.
        reward: The reward per control step.
    """

    nominal: dict[str, tuple[float, ...] | float]
    reward: Callable[[Motion, RewardContext], Float[Array, ""]]


def _forward(motion: Motion, context: RewardContext) -> Float[Array, ""]:
    return context["forward_weight"] * motion.velocity[0]


def _target_velocity(motion: Motion, context: RewardContext) -> Float[Array, ""]:
    return -jnp.abs(motion.velocity[0] - context["target_velocity"])


def _direction(motion: Motion, context: RewardContext) -> Float[Array, ""]:
    return jnp.dot(motion.velocity, context["direction"])


def _goal_position(motion: Motion, context: RewardContext) -> Float[Array, ""]:
    return -jnp.sum(jnp.abs(motion.position - context["goal"]))


OBJECTIVES = {
    # w v_x: the benchmark's own reward.
    "forward": Objective({"forward_weight": 1.0}, _forward),
    # -|v_x - g| (Finn et al. 2017, goal velocity).
    "velocity": Objective({"target_velocity": 1.0}, _target_velocity),
    # v . d for a unit vector d (Finn et al. 2017, forward/backward: d = (±1, 0)).
    "direction": Objective({"direction": (1.0, 0.0)}, _direction),
    # -||p - g||_1 (Finn et al. 2017, goal position).
    "goal": Objective({"goal": (0.0, 0.0)}, _goal_position),
}


def find_objective(name: str) -> Objective:
    """Return the objective called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in OBJECTIVES:
        raise UserError(f"no objective is called {name!r}: {nearest(name, OBJECTIVES)}")
    return OBJECTIVES[name]
