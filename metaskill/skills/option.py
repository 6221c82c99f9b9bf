"""A skill as an action: executed for some steps, whatever happens, as an option."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from metaskill.envs.containment import contained_step
from metaskill.envs.env import Env, State
from metaskill.envs.pose import Pose, pose_of
from metaskill.skills.execution import Policy
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import Skill


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class OptionTrace:
    """What happened on the way (axis: time).

    Attributes:
        pose: How the world stood, for drawing.
        position: x and y, metres.
        alive: Whether the step was taken: not after the end of the episode.
    """

    pose: Pose
    position: Float[Array, "time 2"]
    alive: Bool[Array, " time"]


Trace = TypeVar("Trace")

Record = Callable[[State, Bool[Array, ""]], Trace]
"""What is kept of a control step: of the state after it, and whether it was taken."""

RewardOf = Callable[[State], Float[Array, ""]]
"""The reward of the step that led to a state."""


def own_reward(state: State) -> Float[Array, ""]:
    """Return the environment's reward."""
    return state.reward


def record_position(state: State, alive: Bool[Array, ""]) -> OptionTrace:
    """Keep where the robot is."""
    return OptionTrace(pose_of(state), state.obs["position"], alive)


def run_option(
    env: SkillEnv,
    policy: Policy,
    state: State,
    skill: Skill,
    length: int,
    record: Record[Trace],
    reward_of: RewardOf = own_reward,
) -> tuple[State, Float[Array, ""], Trace]:
    """Execute a skill for `length` control steps, or until the episode ends.

    Args:
        env: The environment.
        policy: Told the skill.
        state: Where to begin.
        skill: The skill.
        length: Control steps.
        record: What is kept of a control step.
        reward_of: What to sum up.

    Returns:
        The last state, the sum of rewards, and what was kept (axis: time). Of an episode that
        ended, the last state is its true last.
    """
    return follow(
        env,
        lambda state, _: policy(state.obs),
        env.with_skill(state, skill),
        length,
        record,
        reward_of,
    )


def follow(
    env: Env,
    control: Callable[[State, Int[Array, ""]], Float[Array, " action"]],
    state: State,
    length: int,
    record: Record[Trace],
    reward_of: RewardOf = own_reward,
) -> tuple[State, Float[Array, ""], Trace]:
    """Act for `length` control steps, or until the episode ends.

    Args:
        env: The environment.
        control: From a state, and the number of control steps before it, to an action.
        state: Where to begin.
        length: Control steps.
        record: What is kept of a control step.
        reward_of: What to sum up.

    Returns:
        The last state, the sum of rewards, and what was kept (axis: time). A world that leaves
        the finite numbers ends in the last state with numbers; the sum is NaN then, so that
        who contains the whole option's step finds out.
    """
    contained = contained_step(env)

    def step(carry: tuple[State, Array], number: Array) -> tuple[tuple[State, Array], Trace]:
        state, total = carry
        alive = ~state.done
        after, not_finite = contained(state, control(state, number))
        after = jax.tree.map(lambda old, new: jnp.where(alive, new, old), state, after)
        reward = jnp.where(not_finite, jnp.nan, reward_of(after))
        total = total + jnp.where(alive, reward, 0.0)
        return (after, total), record(after, alive)

    start = (state, jnp.zeros(()))
    (state, total), trace = jax.lax.scan(step, start, jnp.arange(length))
    return state, total, trace
