"""A skill as an action: executed for some steps, whatever happens, as an option."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import State
from metaskill.skills.execution import Policy
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import Skill


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class OptionTrace:
    """What happened on the way (axis: time).

    Attributes:
        qpos: Generalized positions, for drawing.
        position: x and y, metres.
        alive: Whether the step was taken: not after the end of the episode.
    """

    qpos: Float[Array, "time nq"]
    position: Float[Array, "time 2"]
    alive: Bool[Array, " time"]


RewardOf = Callable[[State], Float[Array, ""]]
"""The reward of the step that led to a state."""


def own_reward(state: State) -> Float[Array, ""]:
    """Return the environment's reward."""
    return state.reward


def run_option(
    env: SkillEnv,
    policy: Policy,
    state: State,
    skill: Skill,
    length: int,
    reward_of: RewardOf = own_reward,
) -> tuple[State, Float[Array, ""], OptionTrace]:
    """Execute a skill for `length` control steps, or until the episode ends.

    Args:
        env: The environment.
        policy: Told the skill.
        state: Where to begin.
        skill: The skill.
        length: Control steps.
        reward_of: What to sum up.

    Returns:
        The last state, the sum of rewards, and the trace. Of an episode that ended, the
        last state is its true last.
    """
    state = env.with_skill(state, skill)

    def step(carry: tuple[State, Array], _: None) -> tuple[tuple[State, Array], OptionTrace]:
        state, total = carry
        alive = ~state.done
        after = env.step(state, policy(state.obs))
        after = jax.tree.map(lambda old, new: jnp.where(alive, new, old), state, after)
        total = total + jnp.where(alive, reward_of(after), 0.0)
        return (after, total), OptionTrace(after.physics.qpos, after.obs["position"], alive)

    (state, total), trace = jax.lax.scan(step, (state, jnp.zeros(())), None, length=length)
    return state, total, trace
