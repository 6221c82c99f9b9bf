"""Replay: what was put in comes out, whole, uniformly, and without copying the rest."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context, State
from metaskill.physics.state import PhysicsState
from metaskill.rl.replay import Experience, Replay, init_replay, insert, remember, sample
from metaskill.rl.rollout import MemorylessExplorer, rollout, start_worker

write = jax.jit(jax.vmap(insert))
draw = jax.jit(sample, static_argnames="size")

Transition = tuple[float, float]
"""An episode's number and the step in it at which a transition starts."""


@dataclasses.dataclass(frozen=True)
class Counter:
    """Observes which episode it is in, and the step; ends at random, in either way."""

    end_probability: float
    name = "counter"
    action_size = 1
    control_timestep = 1.0
    episode_length = 1000
    observation_sizes = {"state": 2}  # noqa: RUF012

    def nominal_context(self) -> Context:
        return Context()

    def reset(self, key: jax.Array, context: Context) -> State:
        episode_key, key = jax.random.split(key)
        episode = jnp.floor(1e6 * jax.random.uniform(episode_key))
        false = jnp.zeros((), bool)
        return self._state(episode, jnp.zeros((), jnp.int32), key, false, false)

    def step(self, state: State, action: jax.Array) -> State:
        end_key, kind_key, key = jax.random.split(state.key, 3)
        ends = jax.random.bernoulli(end_key, self.end_probability)
        terminates = jax.random.bernoulli(kind_key)
        return self._state(
            state.obs["state"][0], state.step + 1, key, ends & terminates, ends & ~terminates
        )

    def _state(self, episode, step, key, terminated, truncated) -> State:
        none = jnp.zeros(0)
        count = step.astype(jnp.float32)
        return State(
            physics=PhysicsState(none, none, none, none, count, {}, jnp.zeros((), bool)),
            obs={"state": jnp.stack([episode, count])},
            reward=episode + count,
            terminated=terminated,
            truncated=truncated,
            context=Context(),
            step=step,
            key=key,
            metrics={"failed": jnp.zeros(())},
        )


@MemorylessExplorer
def act(obs: dict, key: jax.Array) -> tuple[jax.Array, dict]:
    return jnp.zeros(1), {"action": -obs["state"][1:]}


def experience(
    end_probability: float, length: int, n_worlds: int, blocks: int, seed: int = 0
) -> Iterator[Experience]:
    """Live on in some worlds; the trajectories of one block after another (axes: env, time)."""
    env = Counter(end_probability)
    keys = jax.random.split(jax.random.key(seed), n_worlds)
    workers = jax.jit(jax.vmap(lambda k: start_worker(env, lambda _: Context(), k)))(keys)
    live = jax.jit(jax.vmap(lambda worker: rollout(env, lambda _: Context(), act, worker, length)))
    for _ in range(blocks):
        workers, trajectory = live(workers)
        yield remember(trajectory)


def empty(example: Experience, n_worlds: int, capacity: int) -> Replay:
    one = jax.tree.map(lambda leaf: leaf[0, 0], example)
    replay = init_replay(one, capacity)
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (n_worlds, *leaf.shape)), replay)


def fill(capacity: int, **how: int | float) -> tuple[Replay, list[Experience]]:
    blocks = list(experience(**how))
    replays = empty(blocks[0], int(how["n_worlds"]), capacity)
    for block in blocks:
        replays = write(replays, block)
    return replays, blocks


def started(obs: jax.Array) -> set[Transition]:
    return {tuple(row) for row in np.asarray(obs).tolist()}


SHAPES = pytest.mark.parametrize(
    ("capacity", "length", "end_probability"),
    [(7, 1, 0.0), (7, 1, 0.3), (20, 1, 1.0), (20, 6, 0.4), (12, 6, 1.0), (64, 5, 0.1)],
)


@SHAPES
def test_it_holds_the_latest_transitions_with_their_true_next_observations(
    capacity: int, length: int, end_probability: float
) -> None:
    """However many episodes end, and wherever the write head is."""
    n_worlds = 3
    blocks = list(experience(end_probability, length, n_worlds, blocks=40))
    replays = empty(blocks[0], n_worlds, capacity)
    lived: list[list[Transition]] = [[] for _ in range(n_worlds)]
    ends: list[set[Transition]] = [set() for _ in range(n_worlds)]
    for block in blocks:
        replays = write(replays, block)
        for world in range(n_worlds):
            states = [tuple(row) for row in np.asarray(block.obs["state"][world]).tolist()]
            done = np.asarray(block.terminated | block.truncated)[world]
            lived[world] += states
            ends[world] |= {state for state, is_last in zip(states, done, strict=True) if is_last}
            starts = np.flatnonzero(replays.starts[world])
            obs = np.asarray(replays.obs["state"][world])
            held = started(obs[starts])
            # Each once, and the latest, without a gap.
            assert len(held) == len(starts)
            assert held == set(lived[world][-len(starts) :])
            np.testing.assert_array_equal(
                obs[(starts + 1) % capacity], obs[starts] + np.array([0.0, 1.0])
            )
            # One more would not fit: a slot for each, for each last observation, and for
            # the newest observation where the episode goes on.
            oldest = lived[world][: -len(starts)][-1:]
            wanted = held | set(oldest)
            needed = len(wanted) + len(wanted & ends[world]) + (states[-1] not in ends[world])
            assert not oldest or needed > capacity


@SHAPES
def test_samples_are_whole_transitions(capacity: int, length: int, end_probability: float) -> None:
    how = {"length": length, "end_probability": end_probability, "n_worlds": 3}
    replays, blocks = fill(capacity, blocks=30, **how)
    drawn = draw(replays, jax.random.key(1), 500)
    episode, step = np.asarray(drawn.obs["state"]).T
    np.testing.assert_array_equal(drawn.next_obs["state"], np.stack([episode, step + 1]).T)
    np.testing.assert_array_equal(drawn.choice["action"][:, 0], -step)
    np.testing.assert_array_equal(drawn.reward, episode + step + 1)
    lived = {
        tuple(state): (terminated, truncated)
        for block in blocks
        for state, terminated, truncated in zip(
            block.obs["state"].reshape(-1, 2).tolist(),
            block.terminated.ravel().tolist(),
            block.truncated.ravel().tolist(),
            strict=True,
        )
    }
    flags = zip(drawn.terminated.tolist(), drawn.truncated.tolist(), strict=True)
    for state, ended in zip(drawn.obs["state"].tolist(), flags, strict=True):
        assert lived[tuple(state)] == ended


def test_the_newest_transition_can_be_sampled_at_once() -> None:
    for end_probability in (0.0, 1.0):
        replays, blocks = fill(16, end_probability=end_probability, length=1, n_worlds=1, blocks=3)
        drawn = draw(replays, jax.random.key(0), 64)
        assert started(drawn.obs["state"]) == {
            tuple(block.obs["state"][0, 0].tolist()) for block in blocks
        }


@pytest.mark.parametrize("blocks", [5, 60])
def test_every_transition_is_as_likely_as_any_other(blocks: int) -> None:
    """Also where worlds hold different numbers of them, before and after the ring is full."""
    replays, _ = fill(48, end_probability=0.3, length=2, n_worlds=4, blocks=blocks)
    assert len(set(np.asarray(replays.starts.sum(axis=1)).tolist())) > 1 or blocks == 5
    n_transitions = int(replays.starts.sum())
    size = 200 * n_transitions
    drawn = draw(replays, jax.random.key(2), size)
    _, counts = np.unique(np.asarray(drawn.obs["state"]), axis=0, return_counts=True)
    assert len(counts) == n_transitions
    chi_square = np.sum((counts - 200.0) ** 2 / 200.0)
    degrees = n_transitions - 1
    assert abs(chi_square - degrees) < 4.0 * np.sqrt(2.0 * degrees)


def test_a_population_of_replays_equals_each_alone() -> None:
    members = [
        fill(16, end_probability=0.3, length=3, n_worlds=2, blocks=9, seed=seed)
        for seed in (0, 1, 2)
    ]
    replays = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(member for member, _ in members))
    blocks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(lived[-1] for _, lived in members))
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(jax.vmap(insert)))(replays, blocks)
    drawn = jax.jit(jax.vmap(lambda r, k: sample(r, k, 32)))(together, keys)
    for i, (member, lived) in enumerate(members):
        alone = write(member, lived[-1])
        for one, other in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_array_equal(one[i], other)
        drawn_alone = draw(alone, keys[i], 32)
        for one, other in zip(jax.tree.leaves(drawn), jax.tree.leaves(drawn_alone), strict=True):
            np.testing.assert_array_equal(one[i], other)


def test_it_is_written_in_place_under_vmap_and_scan() -> None:
    """A copy anywhere in the program would need memory beside the replay itself."""
    block = next(experience(0.1, length=2, n_worlds=4, blocks=1))
    members = 2

    def iteration(replays: Replay, key: jax.Array) -> tuple[Replay, jax.Array]:
        replays = jax.vmap(insert)(replays, block)
        return replays, sample(replays, key, 8).reward

    def run(replays: Replay, keys: jax.Array) -> tuple[Replay, jax.Array]:
        return jax.lax.scan(jax.vmap(iteration), replays, keys)

    def scratch_bytes(capacity: int) -> int:
        replays = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (members, *leaf.shape)), empty(block, 4, capacity)
        )
        keys = jax.random.split(jax.random.key(0), (5, members))
        program = jax.jit(run, donate_argnums=0).lower(replays, keys).compile()
        return program.memory_analysis().temp_size_in_bytes

    assert scratch_bytes(100_000) == scratch_bytes(100)
