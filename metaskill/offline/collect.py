"""Collecting episodes: many worlds at once, in one compiled program."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs import runner
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env, State
from metaskill.errors import UserError, nearest
from metaskill.offline.episodes import OF_STATES, OF_STEPS, Episodes
from metaskill.offline.policies import CollectingPolicy

_PATIENCE = 3  # Batches in a row in which every simulation breaks.


class Seen(NamedTuple):
    """What is kept of a state."""

    observations: Float[Array, "*time obs"]
    qpos: Float[Array, "*time nq"]
    qvel: Float[Array, "*time nv"]


class Taken(NamedTuple):
    """What is kept of a step, and whether it was taken: not after the end of the episode."""

    actions: Float[Array, "*time action"]
    rewards: Float[Array, "*time"]
    terminated: Bool[Array, "*time"]
    truncated: Bool[Array, "*time"]
    alive: Bool[Array, "*time"]


class Recording(NamedTuple):
    """One episode of one world; what follows its end means nothing.

    Attributes:
        first: Its first state.
        later: The states after its steps (axis: time).
        steps: Its steps (axis: time).
        broken: Whether the simulation broke, or left the finite numbers.
        label: What it was about.
    """

    first: Seen
    later: Seen
    steps: Taken
    broken: Bool[Array, ""]
    label: dict[str, Array]


class Batch(NamedTuple):
    """Some episodes, and how many others were left out because their simulation broke."""

    episodes: Episodes
    n_broken: int


def record_whole_episode(
    env: Env,
    sample_context: SampleContext,
    policy: CollectingPolicy,
    key: PRNGKeyArray,
    observation: str = "state",
) -> Recording:
    """Act in one world from the beginning to the end of an episode."""
    context_key, reset_key, memory_key, act_key = jax.random.split(key, 4)
    state = env.reset(reset_key, sample_context(context_key))

    def seen(state: State) -> Seen:
        return Seen(state.obs[observation], state.physics.qpos, state.physics.qvel)

    def look(broken: Bool[Array, ""], taken: runner.Taken) -> tuple[Array, tuple[Seen, Taken]]:
        after = taken.after
        breaks = taken.not_finite | (after.metrics["failed"] > 0)
        action = jnp.clip(taken.action, -1.0, 1.0)
        step = Taken(action, after.reward, after.terminated, after.truncated, taken.alive)
        return broken | (taken.alive & breaks), (seen(after), step)

    start = runner.Running(state, policy.policy.begin(state, memory_key))
    keys = jax.random.split(act_key, env.episode_length)
    end, broken, (later, steps) = runner.run_policy(
        env, policy.policy, start, keys, look, jnp.zeros((), bool)
    )
    return Recording(seen(state), later, steps, broken, policy.label(end.world, end.memory))


def collect(
    env: Env,
    sample_context: SampleContext,
    policy: CollectingPolicy,
    key: PRNGKeyArray,
    n_episodes: int,
    n_worlds: int = 256,
    observation: str = "state",
) -> Iterator[Batch]:
    """Collect whole episodes, in batches of as many as there are worlds.

    Args:
        env: The environment.
        sample_context: Draws each episode's context.
        policy: Who acts.
        key: Source of all randomness.
        n_episodes: How many.
        n_worlds: Worlds side by side.
        observation: Which observation is kept.

    Raises:
        UserError: If there is no such observation, or nothing but broken simulations.
    """
    if observation not in env.observation_sizes:
        hint = nearest(observation, env.observation_sizes)
        raise UserError(f"{env.name} has no observation {observation!r}: {hint}")
    n_worlds = min(n_worlds, n_episodes)
    record = jax.jit(
        jax.vmap(lambda key: record_whole_episode(env, sample_context, policy, key, observation))
    )
    n_left, in_vain, number = n_episodes, 0, 0
    while n_left:
        keys = jax.random.split(jax.random.fold_in(key, number), n_worlds)
        recordings = jax.tree.map(np.asarray, record(keys))
        kept = np.flatnonzero(~recordings.broken)[:n_left]
        n_broken = int(np.sum(recordings.broken))
        number += 1
        in_vain = 0 if len(kept) else in_vain + 1
        if in_vain == _PATIENCE:
            raise UserError(
                f"the simulation of {env.name} broke in each of {_PATIENCE * n_worlds} episodes: "
                "nothing can be collected like this."
            )
        if len(kept):
            n_left -= len(kept)
            chosen = jax.tree.map(lambda leaf, kept=kept: leaf[kept], recordings)
            yield Batch(_to_episodes(chosen, policy), n_broken)


def _to_episodes(recordings: Any, policy: CollectingPolicy) -> Episodes:
    """Lay recordings (axis: world) out one after the other, without what followed their ends."""
    alive = recordings.steps.alive
    lengths = alive.sum(axis=1).astype(np.int64)
    has_state = np.concatenate([np.ones((len(alive), 1), bool), alive], axis=1)
    columns = {
        name: np.concatenate(
            [getattr(recordings.first, name)[:, None], getattr(recordings.later, name)], axis=1
        )[has_state]
        for name in OF_STATES
    }
    columns |= {name: getattr(recordings.steps, name)[alive] for name in OF_STEPS}
    # What goes on beyond the time that there was is cut.
    last = np.cumsum(lengths) - 1
    columns["truncated"][last] |= ~columns["terminated"][last]
    labels = tuple(
        policy.in_words({name: values[i] for name, values in recordings.label.items()})
        for i in range(len(lengths))
    )
    return Episodes(**columns, lengths=lengths, labels=labels)
