"""Step sizes that fall to 0 as training ends."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def annealed(
    rate: float | Array, annealing_updates: float | Array, updates: Int[Array, ""]
) -> Float[Array, ""]:
    """Return a step size after so many updates.

    rate (1 + cos(pi min(updates / annealing_updates, 1))) / 2 (Loshchilov and Hutter 2017,
    equation 5, without restarts)

    Args:
        rate: What it begins as.
        annealing_updates: The update at which it is 0; with 0 it stays what it was.
        updates: How many were made.
    """
    span = jnp.asarray(annealing_updates, jnp.float32)
    done = jnp.clip(updates.astype(jnp.float32) / jnp.maximum(span, 1.0), 0.0, 1.0)
    return rate * jnp.where(span > 0.0, 0.5 * (1.0 + jnp.cos(jnp.pi * done)), 1.0)
