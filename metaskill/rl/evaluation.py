"""The return of whole episodes."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.envs.policy import Policy
from metaskill.envs.pose import Pose, pose_of
from metaskill.envs.runner import Taken, begin_episode, begin_in, policy_keys, run_policy
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
    env: Env, sample_context: SampleContext, policy: Policy, key: PRNGKeyArray
) -> Episode:
    """Run one episode of one world to its end."""

    def look(episode: Episode, taken: Taken) -> tuple[Episode, None]:
        failures = failures_of(taken.after, taken.not_finite, counts=taken.alive)
        return Episode(
            total_reward=episode.total_reward + jnp.where(taken.alive, taken.after.reward, 0.0),
            length=episode.length + jnp.where(taken.alive, 1, 0),
            terminated=episode.terminated | (taken.after.terminated & taken.alive),
            failures=jax.tree.map(jnp.logical_or, episode.failures, failures),
        ), None

    nothing = Episode(jnp.zeros(()), jnp.zeros((), jnp.int32), jnp.zeros((), bool), no_failures())
    start = begin_episode(env, sample_context, policy, key)
    keys = policy_keys(key, env.episode_length)
    _, episode, _ = run_policy(env, policy, start, keys, look, nothing)
    return episode


def evaluate_policy(
    env: Env, sample_context: SampleContext, policy: Policy, key: PRNGKeyArray, n_episodes: int
) -> Metrics:
    """Return statistics of whole episodes."""
    keys = jax.random.split(key, n_episodes)
    episodes = jax.vmap(lambda k: run_episode(env, sample_context, policy, k))(keys)
    return {
        "eval/return": jnp.mean(episodes.total_reward),
        "eval/return_std": jnp.std(episodes.total_reward),
        "eval/length": jnp.mean(episodes.length.astype(jnp.float32)),
        "eval/terminated": jnp.mean(episodes.terminated.astype(jnp.float32)),
        **failure_metrics(episodes.failures, "eval/"),
    }


def record_episode(env: Env, policy: Policy, key: PRNGKeyArray, n_steps: int) -> Pose:
    """Return how one world under the nominal context stands (axis: time), for drawing.

    Where the episode ends early, the world stays as it was then.
    """
    start = begin_in(env.reset(key, env.nominal_context()), policy, key)

    def look(nothing: tuple, taken: Taken) -> tuple[tuple, Pose]:
        return nothing, pose_of(taken.after)

    _, _, poses = run_policy(env, policy, start, policy_keys(key, n_steps), look, ())
    return poses
