"""Endless experience: a finished world starts its next episode at once."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.containment import contain
from metaskill.envs.env import Context, Env, State
from metaskill.envs.where_needed import where_needed

SampleContext = Callable[[PRNGKeyArray], Context]
"""A task distribution's sampler: from a key to the parameters of one MDP."""


def auto_reset(
    env: Env, sample_context: SampleContext
) -> Callable[[State, Float[Array, " action"]], tuple[State, State]]:
    """Make a step function that resets a finished world with a newly drawn context.

    Nothing of the first episode is cached: each episode has its own context and its
    own initial state, drawn from the world's own key.

    Args:
        env: The environment.
        sample_context: Draws the context of each new episode.

    Returns:
        `step(state, action) -> (next_state, outcome)`. `outcome` is what the
        environment returned, with the true last observation of an episode; a world
        that left the finite numbers has terminated, and says so in the metric
        `not_finite`. `next_state` is where to act from next: `outcome`, or a fresh state
        where the episode ended.
    """

    def start(key: PRNGKeyArray) -> State:
        reset_key, context_key = jax.random.split(key)
        return env.reset(reset_key, sample_context(context_key))

    def step(state: State, action: Float[Array, " action"]) -> tuple[State, State]:
        outcome, not_finite = contain(state, env.step(state, action))
        key = jax.random.fold_in(outcome.key, 1)
        next_state = where_needed(start, outcome.done, key, otherwise=outcome)
        metrics = {**outcome.metrics, "not_finite": not_finite.astype(jnp.float32)}
        return next_state, dataclasses.replace(outcome, metrics=metrics)

    return step
