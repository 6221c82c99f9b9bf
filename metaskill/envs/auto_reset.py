"""Endless experience: a finished world starts its next episode at once."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, PRNGKeyArray

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
        environment returned, with the true last observation of an episode;
        `next_state` is where to act from next: `outcome`, or a fresh state where the
        episode ended.
    """

    def start(key: PRNGKeyArray) -> State:
        reset_key, context_key = jax.random.split(key)
        return env.reset(reset_key, sample_context(context_key))

    def step(state: State, action: Float[Array, " action"]) -> tuple[State, State]:
        outcome = env.step(state, action)
        key = jax.random.fold_in(outcome.key, 1)
        return where_needed(start, outcome.done, key, otherwise=outcome), outcome

    return step
