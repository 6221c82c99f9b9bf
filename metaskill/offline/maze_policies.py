"""A planner as a policy that collects: through any maze, from one random cell to the next."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.envs.env import Env, State
from metaskill.envs.maze import Maze
from metaskill.envs.maze_layout import draw_free_cells
from metaskill.envs.policy import Scripted
from metaskill.errors import UserError
from metaskill.offline.policies import CollectingPolicy, label_goal

LARGEST_NOISE = 0.5
"""An episode's standard deviation is drawn up to that."""

SMOOTHING = 0.8
"""How much of a step's noise is that of the step before: it errs in a direction."""

CRUISE = 0.2
"""The speed that it aims at, cells a step: a little below what the motors reach."""

APPROACH = 0.4
"""What part of the way to where it is going next a step covers, below that speed."""

NEIGHBOURS = np.array([[0, 1], [0, -1], [1, 0], [-1, 0]])  # Row and column.


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PlannerMemory:
    """What the planner keeps within an episode.

    Attributes:
        target: The row and the column where it is going.
        steps_left: How many cells away from there each cell is; infinity in walls.
        scale: Standard deviation of this episode's noise.
        noise: The noise of the last step, in units of `scale`.
    """

    target: Int[Array, "2"]
    steps_left: Float[Array, "rows columns"]
    scale: Float[Array, ""]
    noise: Float[Array, "2"]


def wander(env: Env) -> CollectingPolicy:
    """Return the planner: to random free cells by shortest ways, whatever the goal is.

    Raises:
        UserError: If the environment is no maze.
    """
    if not isinstance(env, Maze):
        raise UserError(
            f"planner finds its way in mazes, and {env.name} is none (or stands behind an "
            "interface): choose maze."
        )

    def start(state: State, key: PRNGKeyArray) -> PlannerMemory:
        target_key, scale_key = jax.random.split(key)
        walls = _walls(state)
        target = _draw_target(walls, target_key)
        return PlannerMemory(
            target=target,
            steps_left=_relax(walls, _only(walls, target)),
            scale=jax.random.uniform(scale_key, maxval=LARGEST_NOISE),
            noise=jnp.zeros(2),
        )

    def act(
        state: State, memory: PlannerMemory, key: PRNGKeyArray
    ) -> tuple[Float[Array, "2"], PlannerMemory]:
        target_key, noise_key = jax.random.split(key)
        walls, here = _walls(state), _cell(state.physics.qpos)
        arrived = jnp.all(here == memory.target)
        target = jnp.where(arrived, _draw_target(walls, target_key), memory.target)
        # Where it goes on to the same cell there is nothing to relax, and that ends at once: a
        # condition would be computed either way once there are many worlds.
        field = jnp.where(arrived, _only(walls, target), memory.steps_left)
        steps_left = _relax(walls, field)
        towards = _next_waypoint(steps_left, here) - state.physics.qpos
        velocity = APPROACH * towards
        velocity /= jnp.maximum(1.0, jnp.linalg.norm(velocity) / CRUISE)
        action = (velocity - (1.0 - env.drag) * state.physics.qvel) / env.push
        fresh = jax.random.normal(noise_key, (2,))
        noise = SMOOTHING * memory.noise + np.float32(np.sqrt(1.0 - SMOOTHING**2)) * fresh
        return action + memory.scale * noise, PlannerMemory(target, steps_left, memory.scale, noise)

    def label(state: State, memory: PlannerMemory) -> dict[str, Array]:
        return {**label_goal(state, memory), "noise": memory.scale}

    return CollectingPolicy(Scripted(start, act), label)


def steps_to(
    walls: Bool[Array, "rows columns"], target: Int[Array, "2"]
) -> Float[Array, "rows columns"]:
    """Return how many cells away from a target every cell is, around walls.

        d(target) = 0,    d(cell) = 1 + min d(its four neighbours)

    by relaxing all cells at once until nothing changes; infinity in walls and where no way is.
    """
    return _relax(walls, _only(walls, target))


def _only(walls: Array, target: Int[Array, "2"]) -> Float[Array, "rows columns"]:
    return jnp.full(walls.shape, jnp.inf).at[target[0], target[1]].set(0.0)


def _relax(walls: Array, field: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
    def relaxed(field: Array) -> Array:
        # The outermost cells are walls, so that nothing comes around the edge.
        around = [jnp.roll(field, shift, axis) for shift in (1, -1) for axis in (0, 1)]
        nearest = jnp.min(jnp.stack(around), axis=0) + 1.0
        return jnp.where(walls, jnp.inf, jnp.minimum(field, nearest))

    def goes_on(fields: tuple[Array, Array]) -> Array:
        before, after = fields
        return jnp.any(before != after)

    _, field = jax.lax.while_loop(
        goes_on, lambda fields: (fields[1], relaxed(fields[1])), (field, relaxed(field))
    )
    return field


def _next_waypoint(steps_left: Array, here: Int[Array, "2"]) -> Float[Array, "2"]:
    """Return the middle of the neighbour that is nearest to the target, or of the target."""
    candidates = here + jnp.concatenate([jnp.zeros((1, 2), jnp.int32), jnp.asarray(NEIGHBOURS)])
    distances = steps_left.at[candidates[:, 0], candidates[:, 1]].get(
        mode="fill", fill_value=jnp.inf
    )
    row, column = candidates[jnp.argmin(distances)]
    return jnp.stack([column, row]).astype(jnp.float32) + 0.5


def _walls(state: State) -> Bool[Array, "rows columns"]:
    return state.context.physics["walls"] > 0.5


def _cell(position: Float[Array, "2"]) -> Int[Array, "2"]:
    """Return the row and the column of a place."""
    x, y = jnp.floor(position).astype(jnp.int32)
    return jnp.stack([y, x])


def _draw_target(walls: Bool[Array, "rows columns"], key: PRNGKeyArray) -> Int[Array, "2"]:
    (place,) = draw_free_cells(walls, key, 1)
    return _cell(place)
