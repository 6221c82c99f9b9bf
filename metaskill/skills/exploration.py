"""Acting by the prior without any learning: what it is judged by, for its loss says little."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Context, State
from metaskill.networks.distributions import TanhGaussian
from metaskill.skills.guided_options import GuidedOptions
from metaskill.skills.option_env import OptionEnv

Choose = Callable[[State, PRNGKeyArray], Float[Array, " action"]]
"""Draws an action where a state of a guide's options is seen."""

Seen = TypeVar("Seen")


def draw_from_prior(env: OptionEnv[GuidedOptions]) -> Choose:
    """Draw what the prior proposes."""

    def choose(state: State, key: PRNGKeyArray) -> Array:
        proposed = env.options.guide.propose(state.obs["state"])
        action: Array = proposed.to_action(proposed.sample(key))
        return action

    return choose


def draw_uniformly(env: OptionEnv[GuidedOptions]) -> Choose:
    """Draw from [-1, 1], all of an action's box alike."""

    def choose(_: State, key: PRNGKeyArray) -> Array:
        return jax.random.uniform(key, (env.action_size,), minval=-1.0, maxval=1.0)

    return choose


def draw_standard(env: OptionEnv[GuidedOptions]) -> Choose:
    """Draw skills from N(0, I), squashed as the policy's: those of all states together."""

    def choose(_: State, key: PRNGKeyArray) -> Array:
        zeros = jnp.zeros(env.action_size)
        standard = TanhGaussian(zeros, zeros, env.options.guide.policy.scale)
        action: Array = standard.to_action(standard.sample(key))
        return action

    return choose


def roll_out(
    env: OptionEnv[GuidedOptions],
    key: PRNGKeyArray,
    context: Context,
    choose: Choose,
    look: Callable[[State], Seen],
) -> Seen:
    """Act for an episode without any learning.

    Args:
        env: The environment, with its guide.
        key: Draws the initial state and the actions.
        context: The MDP's parameters.
        choose: Draws actions.
        look: What is kept of the state after each action.

    Returns:
        That (axis: time); once the episode is over, of its end.
    """
    reset_key, key = jax.random.split(key)

    def step(state: State, key: PRNGKeyArray) -> tuple[State, Seen]:
        after = env.step(state, choose(state, key))
        after = jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, after)
        return after, look(after)

    start = env.reset(reset_key, context)
    _, seen = jax.lax.scan(step, start, jax.random.split(key, env.episode_length))
    return seen


def executed_by_prior(
    env: OptionEnv[GuidedOptions], key: PRNGKeyArray, context: Context, from_prior: bool = True
) -> Float[Array, "time nq"]:
    """Roll the prior out without any learning, for an episode: the check that its loss is none.

    Args:
        env: The environment, with its guide.
        key: Draws the initial state and the actions.
        context: The MDP's parameters.
        from_prior: Whether actions are the prior's; else uniform in [-1, 1].

    Returns:
        The positions after each action; once the episode is over, those of its end.
    """
    choose = draw_from_prior(env) if from_prior else draw_uniformly(env)
    return roll_out(env, key, context, choose, lambda state: state.physics.qpos)
