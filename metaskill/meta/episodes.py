"""Whole episodes of one task, for learners that must know where an episode begins and ends."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.env import Context, Env, Observation, State
from metaskill.networks.distributions import Gaussian

Act = Callable[[Observation], Gaussian]
"""A policy with its parameters in it: from what is observed to a distribution over actions."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Episodes:
    """Episodes side by side, each from its own reset (axes: episode, time).

    All have the length of the environment's longest episode. What follows a termination
    is filled with whatever the world did then: `valid` says which steps count.

    Attributes:
        obs: What the policy saw.
        raw_action: The behaviour policy's raw samples.
        log_prob: Their log probabilities under the behaviour policy.
        mean: Mean of the behaviour policy.
        log_std: Log standard deviation of the behaviour policy.
        reward: Reward of the step; 0 where it does not count.
        valid: Whether the step belongs to the episode.
    """

    obs: Float[Array, "*episode time obs"]
    raw_action: Float[Array, "*episode time action"]
    log_prob: Float[Array, "*episode time"]
    mean: Float[Array, "*episode time action"]
    log_std: Float[Array, "*episode time action"]
    reward: Float[Array, "*episode time"]
    valid: Bool[Array, "*episode time"]

    @property
    def total_return(self) -> Float[Array, "*episode"]:
        """Sum of each episode's rewards, undiscounted."""
        return jnp.sum(self.reward, axis=-1)

    @property
    def behaviour(self) -> Gaussian:
        """The policy that acted, at every step."""
        return Gaussian(self.mean, self.log_std)


def play_episodes(
    env: Env, context: Context, act: Act, key: PRNGKeyArray, n: int, obs_name: str = "state"
) -> Episodes:
    """Play `n` episodes of one task.

    A world whose episode is over goes on without being reset: n resets give n episodes,
    so that returns are unbiased, which those of auto-reset worlds cut at a fixed number of
    steps are not (short episodes would be over-represented).

    Args:
        env: The environment.
        context: The task.
        act: The policy.
        key: Source of the resets' and of the actions' randomness.
        n: Number of episodes.
        obs_name: The observation to keep.
    """
    keys = jax.random.split(key, n)
    return jax.vmap(lambda k: _play_episode(env, context, act, k, obs_name))(keys)


def _play_episode(env: Env, context: Context, act: Act, key: PRNGKeyArray, name: str) -> Episodes:
    reset_key, act_key = jax.random.split(key)

    def step(
        carry: tuple[State, Bool[Array, ""]], key: PRNGKeyArray
    ) -> tuple[tuple[State, Bool[Array, ""]], Episodes]:
        state, over = carry
        distribution = act(state.obs)
        raw_action = distribution.sample(key)
        after = env.step(state, distribution.to_action(raw_action))
        seen = Episodes(
            obs=state.obs[name],
            raw_action=raw_action,
            log_prob=distribution.log_prob(raw_action),
            mean=distribution.mean,
            log_std=jnp.broadcast_to(distribution.log_std, distribution.mean.shape),
            reward=jnp.where(over, 0.0, after.reward),
            valid=~over,
        )
        return (after, over | after.done), seen

    start = (env.reset(reset_key, context), jnp.zeros((), bool))
    _, episode = jax.lax.scan(step, start, jax.random.split(act_key, env.episode_length))
    return episode
