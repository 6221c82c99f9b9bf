"""The gradient of a mean over tasks, taken some tasks at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Params = Any
Tasks = Any
"""A pytree; the first axis of each leaf is the task."""
Scalar = Float[Array, ""]


def value_and_grad_in_parts(
    loss: Callable[[Params, Tasks], Scalar], params: Params, tasks: Tasks, part_size: int
) -> tuple[Scalar, Params]:
    """Return a loss and its gradient, of which no more than a part is in memory at a time.

    A device with many units is fastest with all tasks side by side, if it has the memory for
    them; a processor's cache holds less.

    Args:
        loss: The mean over some tasks.
        params: What to differentiate by.
        tasks: All of them.
        part_size: How many make a part; a divisor of their number.
    """
    n_parts = jax.tree.leaves(tasks)[0].shape[0] // part_size
    if n_parts == 1:
        return jax.value_and_grad(loss)(params, tasks)
    parts = jax.tree.map(lambda leaf: leaf.reshape(n_parts, part_size, *leaf.shape[1:]), tasks)

    def add(total: tuple[Scalar, Params], part: Tasks) -> tuple[tuple[Scalar, Params], None]:
        found = jax.value_and_grad(loss)(params, part)
        return jax.tree.map(lambda old, new: old + new / n_parts, total, found), None

    zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
    (value, gradient), _ = jax.lax.scan(add, zero, parts)
    return value, gradient
