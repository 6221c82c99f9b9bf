"""What episodes of a task differ in: starts, goals, the order of subtasks, drawn from a key."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.task import Task
from metaskill.errors import UserError, nearest

ORDER = "order"
"""The context's entry that says when each subtask's turn is: 1, 2, ..., and 0 for never."""

Layout = dict[str, Array]
"""Starts, goals and order, by their names in `context.reward`."""


class Layouts:
    """The layouts of a task."""

    def __init__(self, task: Task, asked: tuple[str, ...] | None = None):
        """Collect what the task's objects and subtasks draw.

        Args:
            task: The task.
            asked: The subtasks that are asked for, in this order, in every episode; by
                default what the task says.

        Raises:
            UserError: If there is no such subtask, or it is asked for twice.
        """
        self.ranges: dict[str, Range] = {
            f"{thing.name}_start": thing.start for thing in task.objects if thing.start is not None
        }
        for subtask in task.subtasks:
            if subtask.goal is not None:
                self.ranges[goal_entry(subtask.name)] = subtask.goal
        self._names = tuple(subtask.name for subtask in task.subtasks)
        self._n_drawn = task.n_asked if asked is None else None
        if asked is None:
            asked = self._names[: task.n_asked]
        self._order = self.order_of(asked)

    def order_of(self, names: tuple[str, ...]) -> Float[Array, " subtasks"]:
        """Return the context's `order` that asks for subtasks in a given order.

        Raises:
            UserError: If there is no such subtask, or it is asked for twice.
        """
        for name in names:
            if name not in self._names:
                free = set(self._names) - set(names)
                raise UserError(f"no subtask is called {name!r}: {nearest(name, free)}")
        if len(set(names)) < len(names) or not names:
            raise UserError("ask for at least one subtask, and for each at most once.")
        ranks = {name: rank for rank, name in enumerate(names, 1)}
        return jnp.array([float(ranks.get(name, 0)) for name in self._names])

    def nominal(self) -> Layout:
        """Return the middle of every range, and the first of the orders."""
        return {**middles(self.ranges), ORDER: self._order}

    def sample(self, key: PRNGKeyArray) -> Layout:
        """Draw a layout."""
        order_key, key = jax.random.split(key)
        return {**draw(self.ranges, key), ORDER: self._draw_order(order_key)}

    def _draw_order(self, key: PRNGKeyArray) -> Float[Array, " subtasks"]:
        if self._n_drawn is None:
            return self._order
        ranks = jax.random.permutation(key, len(self._names)).astype(jnp.float32) + 1.0
        return jnp.where(ranks <= self._n_drawn, ranks, 0.0)


def draw(ranges: dict[str, Range], key: PRNGKeyArray) -> dict[str, Array]:
    """Draw every entry, uniformly in its range."""
    keys = jax.random.split(key, len(ranges)) if ranges else ()
    return {
        name: jax.random.uniform(
            keys[index],
            np.shape(interval.low),
            minval=jnp.asarray(interval.low, jnp.float32),
            maxval=jnp.asarray(interval.high, jnp.float32),
        )
        for index, (name, interval) in enumerate(ranges.items())
    }


def middles(ranges: dict[str, Range]) -> dict[str, Array]:
    """Return the middle of every range."""
    return {
        name: jnp.asarray((np.asarray(each.low) + np.asarray(each.high)) / 2, jnp.float32)
        for name, each in ranges.items()
    }


def goal_entry(subtask: str) -> str:
    """Return the name of a subtask's goal in the context."""
    return f"{subtask}_goal"


def weights_of(task: Task) -> dict[str, Array]:
    """Return the reward's weights by their names in the context."""
    values = dataclasses.asdict(task.weights)
    return {f"{name}_weight": jnp.float32(value) for name, value in values.items()}
