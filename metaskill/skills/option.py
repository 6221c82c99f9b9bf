"""A skill as an action: executed for some steps, whatever happens, as an option."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import Env, State
from metaskill.envs.policy import Policy
from metaskill.envs.pose import Pose, pose_of
from metaskill.envs.runner import Running, Taken, policy_keys, run_policy
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
    start: Running,
    skill: Skill,
    length: int,
    record: Record[Trace],
    reward_of: RewardOf = own_reward,
) -> tuple[Running, Float[Array, ""], Trace]:
    """Execute a skill for `length` control steps, or until the episode ends.

    Args:
        env: The environment.
        policy: Told the skill. Its memory goes on from option to option.
        start: Where to begin.
        skill: The skill.
        length: Control steps.
        record: What is kept of a control step.
        reward_of: What to sum up.

    Returns:
        The end, the sum of rewards, and what was kept (axis: time). Of an episode that
        ended, the last state is its true last.
    """
    told = dataclasses.replace(start, world=env.with_skill(start.world, skill))
    return follow(env, policy, told, length, record, reward_of)


def follow(
    env: Env,
    policy: Policy,
    start: Running,
    length: int,
    record: Record[Trace],
    reward_of: RewardOf = own_reward,
) -> tuple[Running, Float[Array, ""], Trace]:
    """Act for `length` control steps, or until the episode ends.

    Args:
        env: The environment.
        policy: Who acts.
        start: Where to begin.
        length: Control steps.
        record: What is kept of a control step.
        reward_of: What to sum up.

    Returns:
        The end, the sum of rewards, and what was kept (axis: time). A world that leaves
        the finite numbers ends in the last state with numbers; the sum is NaN then, so that
        who contains the whole option's step finds out.
    """

    def look(total: Array, taken: Taken) -> tuple[Array, Trace]:
        reward = jnp.where(taken.not_finite, jnp.nan, reward_of(taken.after))
        return total + jnp.where(taken.alive, reward, 0.0), record(taken.after, taken.alive)

    # Some environments keep one key for an episode.
    key = jax.random.fold_in(start.world.key, start.world.step)
    trace: Trace
    end, total, trace = run_policy(
        env, policy, start, policy_keys(key, length), look, jnp.zeros(())
    )
    return end, total, trace
