"""Orthogonal initial weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.networks.mlp import MLP
from metaskill.networks.orthogonal import orthogonal


@pytest.mark.parametrize("shape", [(64, 64), (17, 128), (128, 1), (1, 1)])
def test_the_smaller_side_is_orthonormal_times_the_scale(shape: tuple[int, int]) -> None:
    weights = np.array(orthogonal(1.5)(jax.random.key(0), shape), np.float64)
    assert weights.shape == shape
    gram = weights @ weights.T if shape[0] < shape[1] else weights.T @ weights
    np.testing.assert_allclose(gram, 1.5**2 * np.eye(min(shape)), atol=1e-5)


def test_every_draw_of_many_converges() -> None:
    keys = jax.random.split(jax.random.key(1), 2000)
    weights = jax.jit(jax.vmap(lambda key: orthogonal(1.0)(key, (8, 8))))(keys)
    gram = jnp.einsum("bij,bik->bjk", weights, weights, precision="highest")
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(8), gram.shape), atol=1e-4)


def test_no_direction_is_preferred() -> None:
    """Uniform over rotations and reflections: entries have mean 0 and variance 1/n."""
    keys = jax.random.split(jax.random.key(2), 4000)
    weights = jax.jit(jax.vmap(lambda key: orthogonal(1.0)(key, (3, 3))))(keys)
    np.testing.assert_allclose(jnp.mean(weights, 0), 0.0, atol=0.04)
    np.testing.assert_allclose(jnp.mean(weights**2, 0), 1 / 3, atol=0.03)
    assert abs(float(jnp.mean(jnp.linalg.det(weights) > 0)) - 0.5) < 0.04


def test_a_population_of_deep_networks_is_initialized_again_and_again() -> None:
    """QR decompositions, mapped over a population, sooner or later wait forever here."""

    def init(key: jax.Array) -> tuple:
        keys = jax.random.split(key)
        return tuple(MLP((64, 64), 4).init(k, jnp.zeros(17)) for k in keys)

    initialize = jax.jit(jax.vmap(init))
    for seed in range(50):
        jax.block_until_ready(initialize(jax.random.split(jax.random.key(seed), 3)))
