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
        start: Where it was before the step, metres; planar robots have y = 0.
        position: Where it is after it.
        velocity: Mean velocity over the step, m/s.
    """

    start: Float[Array, "2"]
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


def _approach(motion: Motion, context: RewardContext) -> Float[Array, ""]:
    way = context["goal"] - motion.position
    # Within a decimetre of the goal the direction means less and less.
    return jnp.dot(motion.velocity, way / jnp.maximum(jnp.linalg.norm(way), 0.1))


def _milestones(motion: Motion, context: RewardContext) -> Float[Array, ""]:
    def passed(position: Float[Array, "2"]) -> Float[Array, ""]:
        return jnp.maximum(jnp.floor(position[0] / context["spacing"]), 0.0)

    return passed(motion.position) - passed(motion.start)


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
    # v . (g - p) / ||g - p||: the speed towards a goal, so that far ones are no worse.
    "approach": Objective({"goal": (10.0, 0.0)}, _approach),
    # 1 for every so many metres along x, once: who goes back over one loses it.
    "milestones": Objective({"spacing": 3.0}, _milestones),
}


def find_objective(name: str) -> Objective:
    """Return the objective called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in OBJECTIVES:
        raise UserError(f"no objective is called {name!r}: {nearest(name, OBJECTIVES)}")
    return OBJECTIVES[name]
