"""The maze: its layout, its walls, its goal."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import State
from metaskill.envs.maze import Maze
from metaskill.envs.maze_layout import free_cells, make_maze
from metaskill.errors import UserError


def reachable(walls: np.ndarray) -> int:
    """Count the cells that a flood from the first room fills."""
    seen, front = {(1, 1)}, [(1, 1)]
    while front:
        row, column = front.pop()
        for r, c in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            if not walls[r, c] and (r, c) not in seen:
                seen.add((r, c))
                front.append((r, c))
    return len(seen)


@pytest.mark.parametrize("seed", range(5))
def test_every_free_cell_can_be_reached(seed: int) -> None:
    walls = make_maze(7, seed)
    assert walls.shape == (15, 15)
    assert walls[0].all()
    assert walls[:, -1].all()
    assert reachable(walls) == len(free_cells(walls))


def test_without_loops_there_is_one_way() -> None:
    # 36 rooms and the 35 gaps of a tree that joins them.
    assert len(free_cells(make_maze(6, 0, loops=0.0))) == 36 + 35


def test_a_seed_is_a_maze() -> None:
    np.testing.assert_array_equal(make_maze(8, 3), make_maze(8, 3))
    assert (make_maze(8, 3) != make_maze(8, 4)).any()
    with pytest.raises(UserError, match="2 to 50 rooms"):
        make_maze(1, 0)


@pytest.fixture(scope="module")
def maze() -> Maze:
    return Maze(size=4, episode_length=50)


@pytest.fixture(scope="module")
def step(maze: Maze):
    return jax.jit(maze.step)


def at(maze: Maze, position: list[float], goal: list[float]) -> State:
    walls = np.ones((9, 9), np.float32)
    walls[1, 1:4] = 0.0  # A corridor along x.
    context = dataclasses.replace(
        maze.nominal_context(),
        physics={"walls": jnp.array(walls)},
        reward={"start": jnp.array(position), "goal": jnp.array(goal)},
    )
    return maze.reset(jax.random.key(0), context)


def test_walls_stop_it_and_it_slides_along_them(maze: Maze, step) -> None:
    state = at(maze, [1.5, 1.5], [7.5, 7.5])
    for _ in range(30):
        state = step(state, jnp.array([1.0, 1.0]))
    x, y = state.physics.qpos
    assert 3.5 < x <= 4.0 - maze.radius  # The corridor's end.
    assert 1.5 < y <= 2.0 - maze.radius
    np.testing.assert_array_equal(state.physics.qvel, 0.0)
    assert step._cache_size() == 1


def test_actions_are_clipped_and_speed_is_bounded(maze: Maze, step) -> None:
    state = at(maze, [1.5, 1.5], [7.5, 7.5])
    once = step(state, jnp.array([5.0, 0.0]))
    np.testing.assert_allclose(once.physics.qpos, [1.6, 1.5], rtol=1e-6)
    twice = step(once, jnp.array([1.0, 0.0]))
    np.testing.assert_allclose(twice.physics.qvel, [0.16, 0.0], rtol=1e-6)


def test_the_goal_gives_one_and_ends_the_episode(maze: Maze, step) -> None:
    before = at(maze, [1.5, 1.5], [2.08, 1.5])
    assert before.reward == 0.0
    assert not before.terminated
    after = step(before, jnp.array([1.0, 0.0]))
    assert after.reward == 1.0
    assert after.terminated
    assert not after.truncated
    far = step(at(maze, [1.5, 1.5], [3.5, 1.5]), jnp.array([1.0, 0.0]))
    assert far.reward == 0.0
    assert not far.terminated


def test_time_truncates(maze: Maze, step) -> None:
    late = dataclasses.replace(at(maze, [1.5, 1.5], [7.5, 7.5]), step=jnp.int32(49))
    after = step(late, jnp.zeros(2))
    assert after.truncated
    assert not after.terminated


def test_it_sees_the_walls_around(maze: Maze) -> None:
    state = at(maze, [2.5, 1.5], [7.5, 7.5])
    assert state.obs["state"].shape == (maze.observation_sizes["state"],)
    view = np.asarray(state.obs["state"][6:]).reshape(9, 9)
    # Half a cell apart from x = 0.5 to x = 4.5: free from 1 up to 4, and from y = 1 up to 2.
    np.testing.assert_array_equal(view[4], [1, 0, 0, 0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(view[:, 4], [1, 1, 1, 0, 0, 1, 1, 1, 1])


def test_starts_and_goals_are_free_and_differ(maze: Maze) -> None:
    contexts = jax.vmap(maze.sample_context)(jax.random.split(jax.random.key(0), 64))
    starts, goals = (np.asarray(contexts.reward[name]) for name in ("start", "goal"))
    for points in (starts, goals):
        cells = np.floor(points).astype(int)
        assert not maze.walls[cells[:, 1], cells[:, 0]].any()
    assert (np.abs(starts - goals).max(axis=1) > 0).all()
    assert len(np.unique(starts, axis=0)) > 10


def test_mazes_of_several_seeds_are_drawn() -> None:
    maze = Maze(size=4, layout=5, layouts=3)
    contexts = jax.vmap(maze.sample_context)(jax.random.split(jax.random.key(0), 64))
    walls = np.asarray(contexts.physics["walls"]) > 0.5
    which = [[i for i in range(3) if (drawn == make_maze(4, 5 + i)).all()].pop() for drawn in walls]
    assert set(which) == {0, 1, 2}
    for name in ("start", "goal"):
        cells = np.floor(np.asarray(contexts.reward[name])).astype(int)
        assert not walls[np.arange(64), cells[:, 1], cells[:, 0]].any()
    with pytest.raises(UserError, match="layouts is 0: it must be at least 1"):
        Maze(layouts=0)


def test_across_leads_from_corner_to_corner() -> None:
    maze = Maze(size=4, across=True)
    contexts = jax.vmap(maze.sample_context)(jax.random.split(jax.random.key(0), 64))
    np.testing.assert_array_equal(contexts.reward["goal"], np.full((64, 2), 7.5))
    starts = np.asarray(contexts.reward["start"])
    assert len(np.unique(starts, axis=0)) > 10
    assert (np.abs(starts - 1.5) <= 0.5 - maze.radius).all()
