"""Experience of one world under a policy, as a scan."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext, auto_reset
from metaskill.envs.env import Context, Env, Observation, State
from metaskill.envs.policy import Memory, Policy
from metaskill.rl.failures import Failures

Choice = dict[str, Array]
"""Whatever a learner wants to remember of how an action was chosen."""

Act = Callable[[Observation, PRNGKeyArray], tuple[Float[Array, " action"], Choice]]
"""Chooses an action without a memory."""


class Explorer(Protocol):
    """A policy (`envs.policy`) that also says what to remember of how it chose an action."""

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the memory at the beginning of an episode."""
        ...

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Choice, Memory]:
        """Return an action, what to remember of its choice, and the memory after it."""
        ...


@dataclasses.dataclass(frozen=True)
class MemorylessExplorer:
    """Explores without a memory.

    Attributes:
        choose: From an observation and a key to an action, with what to remember of it.
    """

    choose: Act

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the empty memory."""
        del world, key
        return ()

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Choice, Memory]:
        """Choose by the observation alone."""
        action, choice = self.choose(world.obs, key)
        return action, choice, memory


@dataclasses.dataclass(frozen=True)
class Follower:
    """Acts as a policy does and remembers nothing of its choices.

    Attributes:
        policy: The policy.
    """

    policy: Policy

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the policy's memory."""
        return self.policy.begin(world, key)

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Choice, Memory]:
        """Return the policy's action."""
        action, memory = self.policy.act(world, memory, key)
        return action, {}, memory


Begin = Callable[[State, PRNGKeyArray], Memory]
"""`begin` of an explorer or a policy."""

# Tells the key that a memory begins with from those that actions are drawn with.
_MEMORY = 0x3E3


def begin_nothing(world: State, key: PRNGKeyArray) -> Memory:
    """Return the empty memory."""
    del world, key
    return ()


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Worker:
    """One world in the middle of an episode, and that episode's running totals.

    Attributes:
        state: The world.
        episode_return: Return of the episode so far.
        key: Source of the explorer's randomness.
        memory: The explorer's memory.
    """

    state: State
    episode_return: Float[Array, ""]
    key: PRNGKeyArray
    memory: Memory = ()


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Transition:
    """One step of one world; a trajectory has a leading `time` axis.

    Attributes:
        obs: What the policy saw.
        next_obs: What it led to: at the end of an episode its true last observation.
        choice: What the explorer wanted to remember.
        begins: Whether the episode begins with this step, and a memory with it.
        reward: Reward of the step.
        terminated: The episode ended without a future.
        truncated: The episode was cut.
        episode_return: Return of the episode so far, this step included.
        episode_length: Steps of the episode so far, this step included.
        metrics: The environment's metrics of this step, and `not_finite`.
        context: The parameters of the episode's MDP, for learners that regress on them.
    """

    obs: Observation
    next_obs: Observation
    choice: Choice
    begins: Bool[Array, ""]
    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    truncated: Bool[Array, ""]
    episode_return: Float[Array, ""]
    episode_length: Int[Array, ""]
    metrics: dict[str, Float[Array, ""]]
    context: Context

    @property
    def done(self) -> Bool[Array, "..."]:
        """Whether the episode ended, for whichever reason."""
        return self.terminated | self.truncated


def start_worker(
    env: Env, sample_context: SampleContext, key: PRNGKeyArray, begin: Begin = begin_nothing
) -> Worker:
    """Begin a first episode.

    Args:
        env: The environment.
        sample_context: Draws the episode's context.
        key: Source of all randomness.
        begin: `Explorer.begin` of whoever is going to act.
    """
    context_key, reset_key, worker_key = jax.random.split(key, 3)
    state = env.reset(reset_key, sample_context(context_key))
    memory = begin(state, jax.random.fold_in(worker_key, _MEMORY))
    return Worker(state, jnp.zeros(()), worker_key, memory)


def rollout(
    env: Env, sample_context: SampleContext, explorer: Explorer, worker: Worker, length: int
) -> tuple[Worker, Transition]:
    """Follow a policy for `length` steps, through as many episodes as they hold.

    Args:
        env: The environment.
        sample_context: Draws the context of each new episode.
        explorer: The policy. Its memory begins anew with each episode.
        worker: Where to begin.
        length: Number of steps.

    Returns:
        Where it ended, and the trajectory (axis: time).
    """
    step_and_reset = auto_reset(env, sample_context)

    def step(worker: Worker, _: None) -> tuple[Worker, Transition]:
        act_key, key = jax.random.split(worker.key)
        action, choice, memory = explorer.act(worker.state, worker.memory, act_key)
        next_state, outcome = step_and_reset(worker.state, action)
        episode_return = worker.episode_return + outcome.reward
        transition = Transition(
            obs=worker.state.obs,
            next_obs=outcome.obs,
            choice=choice,
            begins=worker.state.step == 0,
            reward=outcome.reward,
            terminated=outcome.terminated,
            truncated=outcome.truncated,
            episode_return=episode_return,
            episode_length=outcome.step,
            metrics=outcome.metrics,
            context=outcome.context,
        )
        begun = explorer.begin(next_state, jax.random.fold_in(act_key, _MEMORY))
        worker = Worker(
            next_state,
            jnp.where(outcome.done, 0.0, episode_return),
            key,
            jax.tree.map(lambda new, old: jnp.where(outcome.done, new, old), begun, memory),
        )
        return worker, transition

    return jax.lax.scan(step, worker, None, length=length)


def finished_episode_metrics(trajectory: Transition) -> dict[str, Float[Array, ""]]:
    """Average over the episodes that ended in a trajectory (any leading axes).

    Returns:
        `episode_return`, `episode_length`, `context/GROUP/NAME` for what was drawn of
        physics and interface (all NaN where no episode ended), and `episodes`.
    """
    done = trajectory.done
    episodes = jnp.sum(done).astype(jnp.float32)

    def mean(values: Array) -> Array:
        components = values.reshape(*done.shape, -1).mean(-1)
        return jnp.sum(jnp.where(done, components, 0.0)) / episodes

    drawn = {"physics": trajectory.context.physics, "interface": trajectory.context.interface}
    return {
        "episode_return": mean(trajectory.episode_return),
        "episode_length": mean(trajectory.episode_length.astype(jnp.float32)),
        "episodes": episodes,
        **{
            f"context/{group}/{name}": mean(value)
            for group, values in drawn.items()
            for name, value in values.items()
        },
    }


def trajectory_failures(trajectory: Transition) -> Failures:
    """Say which steps of a trajectory were a world's last because it broke down."""
    return {
        "simulation": trajectory.metrics["failed"] > 0,
        "not_finite": trajectory.metrics["not_finite"] > 0,
    }
