"""The return of whole episodes."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.containment import contained_step
from metaskill.envs.env import Env, Observation, State
from metaskill.envs.pose import Pose, pose_of
from metaskill.learner import Metrics
from metaskill.rl.failures import Failures, failure_metrics, failures_of, no_failures


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Episode:
    """What one episode came to.

    Attributes:
        total_reward: Sum of rewards, undiscounted.
        length: Control steps.
        terminated: Whether it ended before its time.
        failures: Why its world broke down, if it did.
    """

    total_reward: Float[Array, ""]
    length: Int[Array, ""]
    terminated: Bool[Array, ""]
    failures: Failures


def run_episode(
    env: Env,
    sample_context: SampleContext,
    policy: Callable[[Observation], Float[Array, " action"]],
    key: PRNGKeyArray,
) -> Episode:
    """Run one episode of one world to its end under a deterministic policy."""
    context_key, reset_key = jax.random.split(key)
    state = env.reset(reset_key, sample_context(context_key))
    contained = contained_step(env)

    def step(
        carry: tuple[State, Episode, Bool[Array, ""]], _: None
    ) -> tuple[tuple[State, Episode, Bool[Array, ""]], None]:
        state, episode, over = carry
        state, not_finite = contained(state, policy(state.obs))
        failures = failures_of(state, not_finite, counts=~over)
        episode = Episode(
            total_reward=episode.total_reward + jnp.where(over, 0.0, state.reward),
            length=episode.length + jnp.where(over, 0, 1),
            terminated=episode.terminated | (state.terminated & ~over),
            failures=jax.tree.map(jnp.logical_or, episode.failures, failures),
        )
        return (state, episode, over | state.done), None

    nothing = Episode(jnp.zeros(()), jnp.zeros((), jnp.int32), jnp.zeros((), bool), no_failures())
    start = (state, nothing, jnp.zeros((), bool))
    (_, episode, _), _ = jax.lax.scan(step, start, None, length=env.episode_length)
    return episode


def evaluate_policy(
    env: Env,
    sample_context: SampleContext,
    policy: Callable[[Observation], Float[Array, " action"]],
    key: PRNGKeyArray,
    n_episodes: int,
) -> Metrics:
    """Return statistics of whole episodes under a deterministic policy."""
    keys = jax.random.split(key, n_episodes)
    episodes = jax.vmap(lambda k: run_episode(env, sample_context, policy, k))(keys)
    return {
        "eval/return": jnp.mean(episodes.total_reward),
        "eval/return_std": jnp.std(episodes.total_reward),
        "eval/length": jnp.mean(episodes.length.astype(jnp.float32)),
        "eval/terminated": jnp.mean(episodes.terminated.astype(jnp.float32)),
        **failure_metrics(episodes.failures, "eval/"),
    }


def record_episode(
    env: Env,
    policy: Callable[[Observation], Float[Array, " action"]],
    key: PRNGKeyArray,
    n_steps: int,
) -> Pose:
    """Return how one world under the nominal context stands (axis: time), for drawing.

    Where the episode ends early, the world stays as it was then.
    """
    state = env.reset(key, env.nominal_context())
    contained = contained_step(env)

    def step(state: State, _: None) -> tuple[State, Pose]:
        after = contained(state, policy(state.obs))[0]
        state = jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, after)
        return state, pose_of(state)

    _, poses = jax.lax.scan(step, state, None, length=n_steps)
    return poses
