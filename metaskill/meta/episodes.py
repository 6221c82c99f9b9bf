"""Whole episodes of one task, for learners that must know where an episode begins and ends."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.containment import contained_step
from metaskill.envs.env import Context, Env, Observation, State
from metaskill.networks.distributions import Gaussian
from metaskill.rl.failures import Failures, failures_of

See = Callable[[Observation], Float[Array, " obs"]]
"""What a policy makes its observation of."""

Act = Callable[[Float[Array, " obs"]], Gaussian]
"""A policy with its parameters in it: from what it sees to a distribution over actions."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Episodes:
    """Episodes side by side, each from its own reset (axes: episode, time).

    All have the length of the environment's longest episode. What follows a termination
    is filled with whatever the world did then: `valid` says which steps count.

    Attributes:
        obs: What the policy saw, and the episode's noise behind it.
        raw_action: The behaviour policy's raw samples.
        log_prob: Their log probabilities under the behaviour policy.
        mean: Mean of the behaviour policy.
        log_std: Log standard deviation of the behaviour policy.
        reward: Reward of the step; 0 where it does not count.
        valid: Whether the step belongs to the episode.
        failures: Whether the episode ended because its world broke down, by cause.
    """

    obs: Float[Array, "*episode time obs"]
    raw_action: Float[Array, "*episode time action"]
    log_prob: Float[Array, "*episode time"]
    mean: Float[Array, "*episode time action"]
    log_std: Float[Array, "*episode time action"]
    reward: Float[Array, "*episode time"]
    valid: Bool[Array, "*episode time"]
    failures: Failures = dataclasses.field(default_factory=dict)

    @property
    def total_return(self) -> Float[Array, "*episode"]:
        """Sum of each episode's rewards, undiscounted."""
        return jnp.sum(self.reward, axis=-1)

    @property
    def behaviour(self) -> Gaussian:
        """The policy that acted, at every step."""
        return Gaussian(self.mean, self.log_std)


def play_episodes(
    env: Env,
    context: Context,
    see: See,
    act: Act,
    key: PRNGKeyArray,
    noise: Float[Array, "episode latent"],
) -> Episodes:
    """Play episodes of one task.

    A world whose episode is over goes on without being reset: n resets give n episodes,
    so that returns are unbiased, which those of auto-reset worlds cut at a fixed number of
    steps are not (short episodes would be over-represented).

    Args:
        env: The environment.
        context: The task.
        see: What the policy is given, and what is kept.
        act: The policy.
        key: Source of the resets' and of the actions' randomness.
        noise: What follows the observation, throughout each episode; of no width if nothing does.
    """
    keys = jax.random.split(key, len(noise))
    return jax.vmap(lambda k, own: _play_episode(env, context, see, act, k, own))(keys, noise)


def _play_episode(
    env: Env,
    context: Context,
    see: See,
    act: Act,
    key: PRNGKeyArray,
    noise: Float[Array, " latent"],
) -> Episodes:
    reset_key, act_key = jax.random.split(key)
    contained = contained_step(env)

    def step(
        carry: tuple[State, Bool[Array, ""]], key: PRNGKeyArray
    ) -> tuple[tuple[State, Bool[Array, ""]], Episodes]:
        state, over = carry
        obs = jnp.concatenate([see(state.obs), noise])
        distribution = act(obs)
        raw_action = distribution.sample(key)
        after, not_finite = contained(state, distribution.to_action(raw_action))
        seen = Episodes(
            obs=obs,
            raw_action=raw_action,
            log_prob=distribution.log_prob(raw_action),
            mean=distribution.mean,
            log_std=jnp.broadcast_to(distribution.log_std, distribution.mean.shape),
            reward=jnp.where(over, 0.0, after.reward),
            valid=~over,
            failures=failures_of(after, not_finite, counts=~over),
        )
        return (after, over | after.done), seen

    start = (env.reset(reset_key, context), jnp.zeros((), bool))
    _, episode = jax.lax.scan(step, start, jax.random.split(act_key, env.episode_length))
    return episode
