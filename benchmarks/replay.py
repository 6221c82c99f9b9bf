"""Replay under a population: what inserting and sampling cost at different capacities.

python -m benchmarks.replay writes benchmarks/results/replay.json.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.throughput import ratio, seconds_in_turns
from metaskill.results.figure import Figure, measured
from metaskill.results.file import write_results
from metaskill.rl.replay import Experience, Replay, init_replay, insert, sample

RESULTS = pathlib.Path(__file__).parent / "results"
MEMBERS, WORLDS, BATCHES, BATCH_SIZE = 8, 64, 8, 256
OBS, ACTIONS = 17, 6  # Those of HalfCheetah.
SMALL, LARGE = 100_000, 1_000_000  # Observations of a member; both are far beyond caches.
ITERATIONS = 50
LIMIT = 1.5


def main() -> None:
    """Measure and write."""
    programs = {"small": program(SMALL), "large": program(LARGE)}
    seconds = seconds_in_turns({name: run for name, (run, _) in programs.items()}, rounds=15)
    cost, interval = ratio(seconds["large"], seconds["small"])
    scratch = {name: scratch_bytes for name, (_, scratch_bytes) in programs.items()}
    figures = {
        "replay_capacity_cost": Figure(
            cost,
            interval,
            [cost],
            f"time of an iteration with {LARGE} observations a member over {SMALL}; a copy "
            "would make it 10; what is left is how far away memory is",
            limit=LIMIT,
        ),
        "replay_scratch_bytes_a_slot": measured(
            (scratch["large"] - scratch["small"]) / (MEMBERS * (LARGE - SMALL)),
            "memory that the program needs beside the replay, for each slot of it",
            limit=0.01,
        ),
    }
    settings = {
        "members": MEMBERS,
        "worlds": WORLDS,
        "sampled_transitions": BATCHES * BATCH_SIZE,
        "milliseconds_an_iteration": {
            name: 1e3 * float(np.median(values)) / ITERATIONS for name, values in seconds.items()
        },
    }
    print(write_results(RESULTS, "replay", figures, settings))
    for name, figure in figures.items():
        print(f"{name} {figure.value:.4g}  passed: {figure.passed}")
    print(settings["milliseconds_an_iteration"])


def program(capacity: int) -> tuple[Callable[[], Any], int]:
    """Compile iterations that insert a step of every world and sample their batches.

    Returns:
        A function that runs them, on a replay that is full, and the bytes that they need
        beside it.
    """

    def step(key: jax.Array) -> Experience:
        """One step of one world, in an episode of about a thousand."""
        obs_key, action_key, end_key = jax.random.split(key, 3)
        obs = jax.random.normal(obs_key, (2, OBS))
        return Experience(
            obs={"state": obs[0]},
            next_obs={"state": obs[1]},
            choice={"action": jax.random.uniform(action_key, (ACTIONS,))},
            reward=jnp.zeros(()),
            terminated=jnp.zeros((), bool),
            truncated=jax.random.bernoulli(end_key, 1e-3),
        )

    def iteration(replays: Replay, key: jax.Array) -> tuple[Replay, jax.Array]:
        world_key, sample_key = jax.random.split(key)
        steps = jax.vmap(step)(jax.random.split(world_key, WORLDS))
        replays = jax.vmap(insert)(replays, jax.tree.map(lambda leaf: leaf[:, None], steps))
        drawn = sample(replays, sample_key, BATCHES * BATCH_SIZE)
        seen = (drawn.obs["state"], drawn.next_obs["state"], drawn.choice["action"], drawn.reward)
        return replays, jnp.sum(jnp.stack([jnp.sum(leaf) for leaf in seen]))

    def run(replays: Replay, keys: jax.Array) -> tuple[Replay, jax.Array]:
        return jax.lax.scan(jax.vmap(iteration), replays, keys)

    one = init_replay(jax.eval_shape(step, jax.random.key(0)), capacity // WORLDS)
    replays = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (MEMBERS, WORLDS, *leaf.shape)).copy(), one
    )
    # As after many rounds of the ring, with the last observation of an episode here and there.
    starts = jax.random.bernoulli(jax.random.key(1), 0.999, replays.starts.shape)
    written = jnp.full_like(replays.written, one.capacity)
    state = [Replay(replays.obs, replays.steps, starts, written)]
    keys = jax.random.split(jax.random.key(2), (ITERATIONS, MEMBERS))
    compiled = jax.jit(run, donate_argnums=0).lower(state[0], keys).compile()

    def go_on() -> None:
        state[0], totals = compiled(state[0], keys)
        jax.block_until_ready(totals)

    memory = compiled.memory_analysis()
    assert memory is not None
    return go_on, memory.temp_size_in_bytes


if __name__ == "__main__":
    main()
