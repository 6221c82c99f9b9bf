"""Grids of contexts: every combination of some parameters' values, all else nominal."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.envs.env import Context
from metaskill.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class Axis:
    """One parameter, and the values that it takes on a grid.

    Attributes:
        name: Which number of a context: a name among those of `numbers_by_name`.
        values: Its values, increasing.

    Raises:
        UserError: If there are no values, or they do not increase.
    """

    name: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse values that would make cells twice, or none."""
        # Written so that a NaN is refused too.
        increase = np.all(np.diff(self.values) > 0) and np.all(np.isfinite(self.values))
        if not self.values or not increase:
            raise UserError(
                f"{self.name} needs finite values in increasing order, each once, "
                f"not {', '.join(f'{value:g}' for value in self.values) or 'none'}."
            )


def numbers_by_name(context: Context) -> dict[str, float]:
    """Return every number of a context: `physics.mass`, of an array `reward.goal.0`.

    An array whose numbers are all equal is there as a whole too: `interface.action_delay`.
    """
    return {
        name: float(np.ravel(getattr(context, group)[entry])[index][0])
        for name, (group, entry, index) in _places(context).items()
    }


def grid_contexts(nominal: Context, axes: Sequence[Axis]) -> Context:
    """Return the contexts of all combinations of the axes' values (leading axis: cell).

    Cells are in C order: the values of the last axis change fastest.

    Args:
        nominal: Where all that is on no axis comes from.
        axes: At least one.

    Raises:
        UserError: If the context has no such number, or two axes are of the same one.
    """
    places = _places(nominal)
    for axis in axes:
        if axis.name not in places:
            free = set(places) - {other.name for other in axes}
            raise UserError(
                f"no parameter here is called {axis.name!r}: {nearest(axis.name, free)}"
            )
        if sum(other.name == axis.name for other in axes) > 1:
            raise UserError(f"{axis.name} is on two axes of the grid: give all its values in one.")
    columns = np.meshgrid(*(axis.values for axis in axes), indexing="ij")
    n_cells = columns[0].size
    contexts = jax.tree.map(
        lambda leaf: jnp.broadcast_to(jnp.asarray(leaf), (n_cells, *jnp.shape(leaf))), nominal
    )
    for axis, column in zip(axes, columns, strict=True):
        group, entry, index = places[axis.name]
        entries = getattr(contexts, group)
        leaf = entries[entry]
        values = column.ravel().astype(leaf.dtype)[:, None]
        flat = leaf.reshape(n_cells, -1).at[:, index].set(values)
        changed = {**entries, entry: flat.reshape(leaf.shape)}
        contexts = dataclasses.replace(contexts, **{group: changed})
    return contexts


def _places(context: Context) -> dict[str, tuple[str, str, slice]]:
    """Return group, entry and where in the flattened entry every number is, by its name."""
    places = {}
    for group in ("physics", "reward", "interface"):
        for entry, value in getattr(context, group).items():
            name, numbers = f"{group}.{entry}", np.ravel(value)
            if np.all(numbers == numbers[0]):
                places[name] = (group, entry, slice(None))
            if np.ndim(value):
                for i in range(numbers.size):
                    places[f"{name}.{i}"] = (group, entry, slice(i, i + 1))
    return places
