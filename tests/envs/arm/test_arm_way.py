"""Ways around walls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.arm.way import Obstacle, way_around

WALL = Obstacle(
    walls=np.array([[[0.0, -0.1], [0.0, 0.1]]], np.float32),
    nodes=np.array([(x, y) for x in (-0.06, 0.06) for y in (-0.16, 0.16)], np.float32),
    clearance=0.05,
)


@pytest.fixture(scope="module")
def way():
    return jax.jit(jax.vmap(lambda start, goal: way_around(start, goal, WALL)))


def test_the_way_is_straight_or_around_the_nearer_end(way) -> None:
    starts = jnp.array([[-0.2, 0.3], [-0.2, 0.02], [-0.2, -0.02], [0.06, 0.16]])
    goals = jnp.array([[0.2, 0.3], [0.2, 0.02], [0.2, -0.02], [0.2, 0.02]])
    targets, lengths = way(starts, goals)
    np.testing.assert_allclose(targets, [[0.2, 0.3], [-0.06, 0.16], [-0.06, -0.16], [0.2, 0.02]])
    around = 2 * np.hypot(0.14, 0.14) + 0.12
    np.testing.assert_allclose(lengths, [0.4, around, around, np.hypot(0.14, 0.14)], rtol=1e-5)


def test_who_follows_the_way_arrives_and_meets_no_wall(way) -> None:
    keys = jax.random.split(jax.random.key(0))
    points = jax.random.uniform(keys[0], (200, 2), minval=-0.3, maxval=0.3)
    goals = jax.random.uniform(keys[1], (200, 2), minval=-0.3, maxval=0.3)
    # Closer to the wall than a hand is wide no hand begins, and no goal lies.
    away = (jnp.abs(points[:, 0]) > 0.05) & (jnp.abs(goals[:, 0]) > 0.05)
    points, goals = points[away], goals[away]
    closest = np.inf
    for _ in range(120):
        targets, _ = way(points, goals)
        step = targets - points
        far = jnp.linalg.norm(step, axis=1, keepdims=True)
        points = points + step * jnp.minimum(1.0, 0.01 / jnp.maximum(far, 1e-6))
        beside = jnp.maximum(jnp.abs(points[:, 1]) - 0.1, 0.0)
        closest = min(closest, float(jnp.min(jnp.hypot(points[:, 0], beside))))
    np.testing.assert_allclose(points, goals, atol=1e-5)
    assert closest > 0.04


def test_close_to_a_wall_the_way_leads_on(way) -> None:
    touching = jnp.array([[-0.03, 0.0]])
    (target,), (length,) = way(touching, jnp.array([[0.2, 0.03]]))
    np.testing.assert_allclose(target, [-0.06, 0.16])
    assert 0.4 < length < 0.7
