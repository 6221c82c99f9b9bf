"""Replay: the latest experience of many worlds, on the device, each observation once."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.env import Observation
from metaskill.rl.rollout import Transition


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Experience:
    """What is remembered of a transition; any leading axes.

    Attributes:
        obs: What the policy saw.
        next_obs: What it led to: at the end of an episode its true last observation.
        choice: What `act` wanted to remember, the action among it.
        reward: Reward of the step, as the environment gave it.
        terminated: The episode ended without a future.
        truncated: The episode was cut.
    """

    obs: Observation
    next_obs: Observation
    choice: dict[str, Array]
    reward: Float[Array, "*batch"]
    terminated: Bool[Array, "*batch"]
    truncated: Bool[Array, "*batch"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Replay:
    """A ring of one world's latest observations; replays of many have a leading `env` axis.

    A slot holds an observation and, where a transition starts there, that transition's
    choice, reward and end; its next observation is that of the following slot. The last
    observation of an episode has a slot of its own, in which nothing starts, so that an
    episode of T steps takes T + 1 slots and no observation is held twice. The newest
    observation waits in the slot that is written next.

    So whatever starts in a slot may be sampled: it has its true next observation, however
    the ring was written.

    Attributes:
        obs: Observations (axis: slot).
        steps: Choice, reward and ends (axis: slot), meaningful where `starts`.
        starts: Whether a transition starts in the slot.
        written: Slots written so far; the next is this one, modulo the capacity.
    """

    obs: Observation
    steps: dict[str, Any]
    starts: Bool[Array, "*env slot"]
    written: Int[Array, "*env"]

    @property
    def capacity(self) -> int:
        """Number of slots of each world."""
        return self.starts.shape[-1]

    @property
    def filled(self) -> Float[Array, "*env"]:
        """Share of the slots of each world that hold something."""
        return jnp.minimum(self.written / self.capacity, 1.0)


def remember(transition: Transition) -> Experience:
    """Return the part of a transition that replay holds."""
    names = [field.name for field in dataclasses.fields(Experience)]
    return Experience(**{name: getattr(transition, name) for name in names})


def init_replay(example: Experience, capacity: int) -> Replay:
    """Return the empty replay of one world.

    Args:
        example: One transition, or its shapes and types.
        capacity: Number of slots. A trajectory of n steps, which may be as many episodes,
            needs 2 n.
    """

    def empty(leaf: Any) -> Array:
        return jnp.zeros((capacity, *leaf.shape), leaf.dtype)

    return Replay(
        obs=jax.tree.map(empty, example.obs),
        steps=jax.tree.map(empty, _steps(example)),
        starts=jnp.zeros(capacity, bool),
        written=jnp.zeros((), jnp.int32),
    )


def insert(replay: Replay, trajectory: Experience) -> Replay:
    """Write a trajectory over the oldest slots of one world.

    Only the slots that change are touched: where the replay is donated, or carried through
    a scan, the cost does not depend on the capacity.

    Args:
        replay: One world's replay.
        trajectory: Its steps (axis: time), which go on where the last trajectory stopped.
    """
    capacity, length = replay.capacity, trajectory.reward.shape[0]
    done = trajectory.terminated | trajectory.truncated
    # A last observation moves everything after it by a slot.
    n_ended = jnp.cumsum(done.astype(jnp.int32))
    step_slot = replay.written + jnp.arange(length) + n_ended - done.astype(jnp.int32)
    step_slot = step_slot % capacity
    is_followed_by_nothing = done.at[-1].set(True)
    next_slot = jnp.where(is_followed_by_nothing, (step_slot + 1) % capacity, capacity)
    slots = jnp.concatenate([step_slot, next_slot])
    return Replay(
        obs=jax.tree.map(
            lambda ring, obs, next_obs: ring.at[slots].set(
                jnp.concatenate([obs, next_obs]), mode="drop"
            ),
            replay.obs,
            trajectory.obs,
            trajectory.next_obs,
        ),
        steps=jax.tree.map(
            lambda ring, steps: ring.at[step_slot].set(steps), replay.steps, _steps(trajectory)
        ),
        starts=replay.starts.at[slots].set(jnp.arange(2 * length) < length, mode="drop"),
        written=replay.written + length + n_ended[-1],
    )


def sample(replays: Replay, key: PRNGKeyArray, size: int) -> Experience:
    """Draw transitions of all worlds, uniformly and with replacement.

    Slots are drawn until every one of them starts a transition; about one in T does not
    where episodes have T steps.

    Args:
        replays: The replays of many worlds (axis: env), in which something was inserted.
        key: Source of the draws.
        size: How many.
    """
    n_worlds, capacity = replays.starts.shape
    n_filled = jnp.minimum(jnp.max(replays.written), capacity)

    def draw(key: PRNGKeyArray) -> tuple[Int[Array, " draw"], Int[Array, " draw"]]:
        world_key, slot_key = jax.random.split(key)
        world = jax.random.randint(world_key, (size,), 0, n_worlds)
        return world, jax.random.randint(slot_key, (size,), 0, n_filled)

    def redraw(
        carry: tuple[PRNGKeyArray, Int[Array, " draw"], Int[Array, " draw"]],
    ) -> tuple[PRNGKeyArray, Int[Array, " draw"], Int[Array, " draw"]]:
        key, world, slot = carry
        draw_key, key = jax.random.split(key)
        starts = replays.starts[world, slot]
        new_world, new_slot = draw(draw_key)
        return key, jnp.where(starts, world, new_world), jnp.where(starts, slot, new_slot)

    draw_key, key = jax.random.split(key)
    _, world, slot = jax.lax.while_loop(
        lambda carry: ~jnp.all(replays.starts[carry[1], carry[2]]), redraw, (key, *draw(draw_key))
    )
    return Experience(
        obs=jax.tree.map(lambda ring: ring[world, slot], replays.obs),
        next_obs=jax.tree.map(lambda ring: ring[world, (slot + 1) % capacity], replays.obs),
        **jax.tree.map(lambda ring: ring[world, slot], replays.steps),
    )


def _steps(experience: Experience) -> dict[str, Any]:
    """Return what a slot holds beside the observation."""
    return {
        "choice": experience.choice,
        "reward": experience.reward,
        "terminated": experience.terminated,
        "truncated": experience.truncated,
    }
