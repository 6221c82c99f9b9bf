"""Initial weights with orthonormal rows or columns, of matrix products alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

# The smallest singular value grows by half in each iteration until it is near 1. With 1024 rows
# and columns it begins below 5e-8, for which this is just enough, once in 10,000 draws.
_ITERATIONS = 48


def orthogonal(scale: float) -> Callable[..., Array]:
    """Make an initializer of matrices W with W'W or WW' = scale^2 I, whichever is smaller.

    W is the orthogonal factor of a Gaussian matrix's polar decomposition, uniform over all
    such matrices, by the iteration of Newton and Schulz (Higham, Functions of Matrices,
    2008, section 8.3): X <- X (3 I - X'X) / 2.

    Initializers usually take the QR decomposition. JAX's one for CPUs, where it is mapped
    over members of a population, blocks the threads that it waits for: with two cores, two
    layers are enough for a program that never ends (jaxlib 0.10). Matrix products are also
    what a GPU maps well.
    """

    def init(
        key: PRNGKeyArray, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32
    ) -> Float[Array, "input output"]:
        n_rows, n_columns = max(shape), min(shape)
        gaussian = jax.random.normal(key, (n_rows, n_columns))
        # The largest singular value is close to this sum; up to its 1.7-fold converges.
        x = gaussian / (jnp.sqrt(1.0 * n_rows) + jnp.sqrt(1.0 * n_columns))

        def iterate(_: int, x: Array) -> Array:
            gram = jnp.matmul(x.T, x, precision="highest")
            return 1.5 * x - 0.5 * jnp.matmul(x, gram, precision="highest")

        x = jax.lax.fori_loop(0, _ITERATIONS, iterate, x)
        return (scale * (x if shape == x.shape else x.T)).astype(dtype)

    return init
