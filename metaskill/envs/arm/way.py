"""The shortest way around walls, in the plane."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_CROSSING = 2.0
_COST_OF_DEPTH = 10.0


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Walls, and points to turn at on the way around them.

    Attributes:
        walls: Both ends of each wall, metres (axes: wall, end, x-y).
        nodes: Points that stand off from the walls' ends by more than the clearance.
        clearance: How far from walls ways keep where they can, metres.
    """

    walls: Float[np.ndarray, "walls 2 2"]
    nodes: Float[np.ndarray, "nodes 2"]
    clearance: float


class Way(NamedTuple):
    """A way to a goal.

    Attributes:
        target: Where to go next, in a straight line: a node, or the goal.
        length: How long the whole way is, metres.
    """

    target: Float[Array, " xy_or_xyz"]
    length: Float[Array, ""]


def way_around(start: Float[Array, "2"], goal: Float[Array, "2"], obstacle: Obstacle) -> Way:
    """Return the shortest way, by Bellman and Ford's relaxation over straight lines.

    A line that comes closer to a wall than the clearance costs as if it were longer, 10 m a
    metre, so that who stands close to a wall moves away from it; one through a wall costs 2 m
    more.
    """
    points = jnp.concatenate([start[None], jnp.asarray(obstacle.nodes), goal[None]])
    steps = _length(points[:, None] - points[None])
    each = jax.vmap(jax.vmap(_distance_and_crossing, (None, None, 0)), (None, 0, None))
    distances, crosses = jax.vmap(each, (0, None, None))(
        points, points, jnp.asarray(obstacle.walls)
    )
    depth = jnp.sum(jnp.maximum(obstacle.clearance - distances, 0.0), axis=-1)
    costs = steps + _COST_OF_DEPTH * depth + _CROSSING * jnp.sum(crosses, axis=-1)
    # Standing still is no step.
    costs += jnp.diag(jnp.full(len(points), jnp.inf))
    remaining = jnp.full(len(points), jnp.inf).at[-1].set(0.0)
    lengths = jnp.zeros(len(points))
    following = jnp.zeros(len(points), jnp.int32)
    for _ in range(len(points) - 1):
        through = costs + remaining
        best = jnp.argmin(through, axis=1)
        following = best
        lengths = (jnp.take_along_axis(steps, best[:, None], 1)[:, 0] + lengths[best]).at[-1].set(0)
        remaining = jnp.min(through, axis=1).at[-1].set(0.0)
    return Way(target=points[following[0]], length=lengths[0])


def _distance_and_crossing(
    one: Float[Array, "2"], other: Float[Array, "2"], wall: Float[Array, "2 2"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return how close a straight line comes to a wall, and whether (1 or 0) it crosses it."""
    ends = jnp.stack(
        [
            _from_segment(one, wall),
            _from_segment(other, wall),
            _from_segment(wall[0], jnp.stack([one, other])),
            _from_segment(wall[1], jnp.stack([one, other])),
        ]
    )
    apart = _side(wall[0], wall[1], one) * _side(wall[0], wall[1], other)
    across = _side(one, other, wall[0]) * _side(one, other, wall[1])
    crosses = (apart < 0) & (across < 0)
    return jnp.where(crosses, 0.0, jnp.min(ends)), crosses.astype(jnp.float32)


def _from_segment(point: Float[Array, "2"], segment: Float[Array, "2 2"]) -> Float[Array, ""]:
    """Return the distance of a point from a line between two points."""
    first, along = segment[0], segment[1] - segment[0]
    share = (point - first) @ along / jnp.maximum(along @ along, 1e-12)
    return _length(point - first - jnp.clip(share, 0.0, 1.0) * along)


def _length(vector: Float[Array, "*n 2"]) -> Float[Array, "*n"]:
    """Return the Euclidean norm, with a derivative also at zero."""
    return jnp.sqrt(jnp.sum(vector**2, axis=-1) + 1e-12)


def _side(one: Float[Array, "2"], other: Float[Array, "2"], point: Float[Array, "2"]) -> Array:
    """Return a number whose sign tells on which side of a line a point lies."""
    (x, y), (u, v) = other - one, point - one
    return x * v - y * u
