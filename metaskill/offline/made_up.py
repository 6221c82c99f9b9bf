"""Episodes of random numbers: for tests, benchmarks, and trying out what reads data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from metaskill.offline.episodes import Episodes


def made_up_episodes(
    random: np.random.Generator,
    lengths: Sequence[int],
    labels: Sequence[dict[str, Any]] | None = None,
    sizes: tuple[int, int, int, int] = (3, 2, 1, 2),
) -> Episodes:
    """Make episodes of some lengths, every other one of which terminates.

    Args:
        random: Where the numbers come from.
        lengths: Steps of each episode.
        labels: What they are about; by default a goal of two numbers each.
        sizes: Columns of observations, qpos, qvel and actions.
    """
    steps, states = sum(lengths), sum(lengths) + len(lengths)
    ends = np.zeros(steps, bool)
    ends[np.cumsum(lengths) - 1] = True
    terminates = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)

    def numbers(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    if labels is None:
        labels = [{"goal": numbers(2).tolist()} for _ in lengths]
    return Episodes(
        observations=numbers(states, sizes[0]),
        qpos=numbers(states, sizes[1]),
        qvel=numbers(states, sizes[2]),
        actions=np.tanh(numbers(steps, sizes[3])),
        rewards=numbers(steps),
        terminated=ends & terminates,
        truncated=ends & ~terminates,
        lengths=np.array(lengths, np.int64),
        labels=tuple(labels),
    )
