"""The planner finds shortest ways, and follows them through mazes that differ by world."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.maze import Maze
from metaskill.envs.maze_layout import make_maze
from metaskill.envs.point_mass import PointMass
from metaskill.errors import UserError
from metaskill.offline.collect import collect
from metaskill.offline.maze_policies import steps_to
from metaskill.offline.policies import make_policy


def flooded(walls: np.ndarray, target: tuple[int, int]) -> np.ndarray:
    """Distances by breadth-first search."""
    distances = np.full(walls.shape, np.inf)
    distances[target] = 0.0
    front = [target]
    while front:
        row, column = front.pop(0)
        for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            if not walls[cell] and np.isinf(distances[cell]):
                distances[cell] = distances[row, column] + 1
                front.append(cell)
    return distances


def test_ways_are_shortest() -> None:
    walls = np.stack([make_maze(5, seed, loops=0.3) for seed in range(4)])
    targets = np.array([[1, 1], [9, 9], [5, 3], [1, 9]])
    found = jax.jit(jax.vmap(steps_to))(jnp.asarray(walls), jnp.asarray(targets))
    for maze, target, distances in zip(walls, targets, found, strict=True):
        np.testing.assert_array_equal(distances, flooded(maze, tuple(target)))


def test_it_wanders_all_over_mazes_that_differ() -> None:
    maze = Maze(size=4, episode_length=150, layouts=8)
    policy = make_policy("planner", maze)
    (batch,) = collect(maze, maze.sample_context, policy, jax.random.key(0), n_episodes=32)
    episodes = batch.episodes
    episodes.check("what was collected")
    whole = np.flatnonzero(episodes.lengths == 150)
    assert len(whole) > 5  # The others came across the goal, which ends an episode.
    cells = [
        len(np.unique(np.floor(episodes.qpos[first : first + 151]).astype(int), axis=0))
        for first in episodes.first_states[whole]
    ]
    # On a way of ten cells it passes each once; targets lie about as far apart.
    assert np.median(cells) > 10
    noise = [label["noise"] for label in episodes.labels]
    assert 0.0 <= min(noise) < max(noise) <= 0.5


def test_it_refuses_what_is_no_maze() -> None:
    with pytest.raises(UserError, match="point_mass is none"):
        make_policy("planner", PointMass())
