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
    """Return the shortest way: straight to the goal, or by a first and a last node.

    A line that comes closer to a wall than the clearance costs as if it were longer, 10 m a
    metre, so that who stands close to a wall moves away from it; one through a wall costs 2 m
    more.
    """
    nodes = jnp.asarray(obstacle.nodes)
    between = _between_nodes(obstacle)
    leave = jax.vmap(lambda node: _line(start, node, obstacle))(nodes)
    arrive = jax.vmap(lambda node: _line(node, goal, obstacle))(nodes)
    straight = _line(start, goal, obstacle)
    costs = leave.cost[:, None] + between.cost + arrive.cost
    first, last = jnp.unravel_index(jnp.argmin(costs), costs.shape)
    length = leave.length[first] + between.length[first, last] + arrive.length[last]
    is_straight = straight.cost <= jnp.min(costs)
    return Way(
        target=jnp.where(is_straight, goal, nodes[first]),
        length=jnp.where(is_straight, straight.length, length),
    )


class _Line(NamedTuple):
    """What it takes to go from one point to another.

    Attributes:
        cost: What is compared.
        length: How far it is, metres.
    """

    cost: Float[Array, "*lines"]
    length: Float[Array, "*lines"]


def _between_nodes(obstacle: Obstacle) -> _Line:
    """Return the cheapest ways from node to node (axes: first, last), whatever lies between.

    Of constants alone, so that no world computes it.
    """
    nodes = jnp.asarray(obstacle.nodes)
    each = jax.vmap(jax.vmap(lambda a, b: _line(a, b, obstacle), (None, 0)), (0, None))
    apart = ~jnp.eye(len(nodes), dtype=bool)
    cost, length = (jnp.where(apart, values, 0.0) for values in each(nodes, nodes))
    # Each round doubles the number of lines that a way may have.
    for _ in range(len(nodes).bit_length()):
        through = cost[:, :, None] + cost[None]
        middle = jnp.argmin(through, axis=1, keepdims=True)
        lengths = length[:, :, None] + length[None]
        cost = jnp.take_along_axis(through, middle, 1)[:, 0]
        length = jnp.take_along_axis(lengths, middle, 1)[:, 0]
    return _Line(cost, length)


def _line(one: Float[Array, "2"], other: Float[Array, "2"], obstacle: Obstacle) -> _Line:
    """Return what a straight line takes."""
    distances, crosses = jax.vmap(_distance_and_crossing, (None, None, 0))(
        one, other, jnp.asarray(obstacle.walls)
    )
    length = _length(one - other)
    depth = jnp.sum(jnp.maximum(obstacle.clearance - distances, 0.0))
    return _Line(length + _COST_OF_DEPTH * depth + _CROSSING * jnp.sum(crosses), length)


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
