"""Mazes out of a seed."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.errors import UserError


def make_maze(size: int, seed: int, loops: float = 0.1) -> Bool[np.ndarray, "rows columns"]:
    """Make a maze in which every free cell can be reached from every other.

    Rooms at odd rows and columns are joined by a walk that goes on to any room not yet
    visited, and back where there is none (depth first, as in recursive backtracking); then
    some of the walls between two rooms are taken out, so that there is more than one way.

    Args:
        size: Rooms along each side.
        seed: Determines the maze.
        loops: The share of the inner walls that are taken out beside.

    Returns:
        Where walls are, rows along y: 2 size + 1 cells a side.

    Raises:
        UserError: If there would be no maze.
    """
    if not 2 <= size <= 50 or not 0.0 <= loops <= 1.0:
        raise UserError(
            "a maze has 2 to 50 rooms a side and a share of loops from 0 to 1, "
            f"not {size} and {loops}."
        )
    generator = np.random.default_rng(seed)
    walls = np.ones((2 * size + 1, 2 * size + 1), bool)
    walls[1::2, 1::2] = False
    visited = np.zeros((size, size), bool)
    visited[0, 0] = True
    path = [(0, 0)]
    while path:
        row, column = path[-1]
        onwards = [
            (r, c)
            for r, c in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1))
            if 0 <= r < size and 0 <= c < size and not visited[r, c]
        ]
        if not onwards:
            path.pop()
            continue
        r, c = onwards[generator.integers(len(onwards))]
        visited[r, c] = True
        walls[row + r + 1, column + c + 1] = False
        path.append((r, c))
    # Between two rooms one index is even and the other odd.
    rows, columns = np.nonzero(walls[1:-1, 1:-1])
    between = (rows + columns) % 2 == 1
    rows, columns = rows[between] + 1, columns[between] + 1
    removed = generator.random(len(rows)) < loops
    walls[rows[removed], columns[removed]] = False
    return walls


def free_cells(walls: Bool[np.ndarray, "rows columns"]) -> np.ndarray:
    """Return the middles (x, y) of all free cells; a cell is one unit wide."""
    rows, columns = np.nonzero(~walls)
    return np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32)


def draw_free_cells(
    walls: Bool[Array, "rows columns"], key: PRNGKeyArray, count: int
) -> Float[Array, "count 2"]:
    """Draw the middles (x, y) of different free cells of a maze that may be traced."""
    free = jnp.ravel(~walls).astype(jnp.float32)
    chances = free / jnp.sum(free)
    cells = jax.random.choice(key, free.size, (count,), replace=False, p=chances)
    rows, columns = jnp.divmod(cells, walls.shape[1])
    return jnp.stack([columns, rows], axis=1).astype(jnp.float32) + 0.5
