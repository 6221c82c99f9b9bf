"""What is computed of each task alone, and the gradient of its mean, some tasks at a time.

A device with many units is fastest with all tasks side by side, if it has the memory for them. A
processor is fastest with as few as its caches hold: a pass through a network makes, of each of a
task's thousands of observations, hundreds of activations.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.errors import UserError

Params = Any
Tasks = Any
"""A pytree; the first axis of each leaf is the task."""
Task = Any
Scalar = Float[Array, ""]


def require_parts(tasks_at_once: int | None, whole_name: str, whole: int) -> None:
    """Refuse a number of tasks at once that does not divide their whole number.

    Args:
        tasks_at_once: The number; None is the default.
        whole_name: What the configuration calls the whole number.
        whole: The whole number.

    Raises:
        UserError: If it does not divide it.
    """
    if tasks_at_once is not None and (tasks_at_once < 1 or whole % tasks_at_once):
        raise UserError(
            f"tasks_at_once is {tasks_at_once}: it must divide {whole_name}, which is {whole}, "
            "or be None."
        )


def divided(tasks: Tasks, n_parts: int) -> Tasks:
    """Return the tasks in equal parts (leading axes: part, task).

    Args:
        tasks: All of them.
        n_parts: A divisor of their number.
    """
    part_size = jax.tree.leaves(tasks)[0].shape[0] // n_parts
    return jax.tree.map(lambda leaf: leaf.reshape(n_parts, part_size, *leaf.shape[1:]), tasks)


def map_in_parts(function: Callable[[Task], Any], tasks: Tasks, part_size: int) -> Any:
    """Return what a function says of each task (leading axis: task).

    Args:
        function: Of one task.
        tasks: All of them.
        part_size: How many are taken side by side.
    """
    return jax.lax.map(function, tasks, batch_size=part_size)


def value_and_grad_in_parts(
    loss: Callable[[Params, Task], Scalar], params: Params, tasks: Tasks, part_size: int
) -> tuple[Scalar, Params]:
    """Return the mean of the tasks' losses, and its gradient.

    No more than a part's activations are in memory at a time.

    Args:
        loss: Of one task.
        params: What to differentiate by.
        tasks: All of them.
        part_size: How many make a part; a divisor of their number.
    """
    n_parts = jax.tree.leaves(tasks)[0].shape[0] // part_size

    def mean_loss(params: Params, part: Tasks) -> Scalar:
        return jnp.mean(jax.vmap(loss, in_axes=(None, 0))(params, part))

    def add(total: tuple[Scalar, Params], part: Tasks) -> tuple[tuple[Scalar, Params], None]:
        found = jax.value_and_grad(mean_loss)(params, part)
        return jax.tree.map(lambda old, new: old + new / n_parts, total, found), None

    zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
    (value, gradient), _ = jax.lax.scan(add, zero, divided(tasks, n_parts))
    return value, gradient
