"""The return of whole episodes."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env, Observation, State
from metaskill.envs.pose import Pose, pose_of
from metaskill.learner import Metrics


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Episode:
    """What one episode came to.

    Attributes:
        total_reward: Sum of rewards, undiscounted.
        length: Control steps.
        terminated: Whether it ended before its time.
    """

    total_reward: Float[Array, ""]
    length: Int[Array, ""]
    terminated: Bool[Array, ""]


def run_episode(
    env: Env,
    sample_context: SampleContext,
    policy: Callable[[Observation], Float[Array, " action"]],
    key: PRNGKeyArray,
) -> Episode:
    """Run one episode of one world to its end under a deterministic policy."""
    context_key, reset_key = jax.random.split(key)
    state = env.reset(reset_key, sample_context(context_key))

    def step(
        carry: tuple[State, Episode, Bool[Array, ""]], _: None
    ) -> tuple[tuple[State, Episode, Bool[Array, ""]], None]:
        state, episode, over = carry
        state = env.step(state, policy(state.obs))
        episode = Episode(
            total_reward=episode.total_reward + jnp.where(over, 0.0, state.reward),
            length=episode.length + jnp.where(over, 0, 1),
            terminated=episode.terminated | (state.terminated & ~over),
        )
        return (state, episode, over | state.done), None

    nothing = Episode(jnp.zeros(()), jnp.zeros((), jnp.int32), jnp.zeros((), bool))
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

    def step(state: State, _: None) -> tuple[State, Pose]:
        after = env.step(state, policy(state.obs))
        state = jax.tree.map(lambda old, new: jnp.where(state.done, old, new), state, after)
        return state, pose_of(state)

    _, poses = jax.lax.scan(step, state, None, length=n_steps)
    return poses
