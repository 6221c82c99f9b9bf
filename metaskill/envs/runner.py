"""Running a policy in one world: the one loop behind evaluation, video, data, options, grids."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.containment import contained_step
from metaskill.envs.env import Env, State
from metaskill.envs.policy import Memory, Policy

# Tells the policy's keys from those that an environment makes of the same key.
_POLICY = 0x90110

Summary = TypeVar("Summary")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Running:
    """A world, and the memory of the policy that acts in it.

    Attributes:
        world: The world.
        memory: The policy's memory.
    """

    world: State
    memory: Memory


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Taken:
    """One control step.

    Attributes:
        before: The world before it.
        action: What the policy chose.
        after: The world after it; of an episode that is over, its last state.
        alive: Whether the step was taken: False once the episode is over.
        not_finite: Whether the step left the finite numbers, and was contained.
    """

    before: State
    action: Float[Array, " action"]
    after: State
    alive: Bool[Array, ""]
    not_finite: Bool[Array, ""]


Look = Callable[[Any, Taken], tuple[Any, Any]]
"""What is kept of a step: from a summary so far to the summary after it, and the step's trace."""


def begin_episode(
    env: Env, sample_context: SampleContext, policy: Policy, key: PRNGKeyArray
) -> Running:
    """Draw a context and an initial state, and begin the policy's memory."""
    context_key, reset_key = jax.random.split(key)
    return begin_in(env.reset(reset_key, sample_context(context_key)), policy, key)


def begin_in(world: State, policy: Policy, key: PRNGKeyArray) -> Running:
    """Begin the policy's memory in a world that an episode begins in."""
    return Running(world, policy.begin(world, jax.random.fold_in(key, _POLICY)))


def policy_keys(key: PRNGKeyArray, length: int) -> PRNGKeyArray:
    """Return the policy's keys for an episode whose world was made of the same key."""
    return jax.random.split(jax.random.fold_in(key, _POLICY + 1), length)


def run_policy(
    env: Env,
    policy: Policy,
    start: Running,
    keys: PRNGKeyArray,
    look: Look,
    summary: Summary,
) -> tuple[Running, Summary, Any]:
    """Let a policy act for some steps, or until the episode ends; the world then stands still.

    A step that leaves the finite numbers ends the episode (`contained_step`).

    Args:
        env: The environment.
        policy: Who acts.
        start: Where to begin.
        keys: Sources of the policy's randomness, one a control step; the world has its own.
        look: What is kept of a step.
        summary: The summary before the first step.

    Returns:
        Where it ended, the last summary, and the traces (axis: time).
    """
    contained = contained_step(env)

    def step(
        carry: tuple[Running, Summary], key: PRNGKeyArray
    ) -> tuple[tuple[Running, Summary], Any]:
        running, summary = carry
        before, alive = running.world, ~running.world.done
        action, memory = policy.act(before, running.memory, key)
        outcome, not_finite = contained(before, action)
        after = jax.tree.map(
            lambda old, new: jnp.where(alive, new, old), running, Running(outcome, memory)
        )
        taken = Taken(before, action, after.world, alive, alive & not_finite)
        summary, trace = look(summary, taken)
        return (after, summary), trace

    (end, summary), trace = jax.lax.scan(step, (start, summary), keys)
    return end, summary, trace
