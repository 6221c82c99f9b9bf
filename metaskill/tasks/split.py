"""Hold out part of a range: training and held-out values that never coincide."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.errors import UserError
from metaskill.tasks.continuous import Uniform
from metaskill.tasks.contract import (
    Bounds,
    Distribution,
    Draw,
    ListLike,
    as_pytree,
    one_draw,
    settle,
)


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Intervals:
    """Uniform over a union of disjoint half-open intervals [low, high) of a line.

    Attributes:
        lows: Where each interval begins.
        highs: Where each ends; itself outside.
    """

    lows: ListLike
    highs: ListLike

    is_discrete: ClassVar[bool] = False
    shape: ClassVar[tuple[int, ...]] = ()

    def __post_init__(self) -> None:
        if not settle(self, "lows", "highs"):
            return
        lows, highs = np.asarray(self.lows), np.asarray(self.highs)
        one_list = lows.ndim == 1 and lows.shape == highs.shape and lows.size > 0
        if not (one_list and np.all(lows < highs) and np.all(highs[:-1] <= lows[1:])):
            raise UserError("Intervals needs intervals with low < high, in order, not overlapping.")

    def sample(self, key: PRNGKeyArray) -> Draw:
        """Draw an interval by its width, then a value in it."""
        interval_key, value_key = jax.random.split(key)
        lows, highs = jnp.asarray(self.lows), jnp.asarray(self.highs)
        widths = highs - lows
        i = jax.random.choice(interval_key, widths.shape[0], p=widths / jnp.sum(widths))
        value = lows[i] + jax.random.uniform(value_key) * widths[i]
        # Rounding must not reach the next interval, which may belong to other tasks.
        last = jnp.nextafter(*jax.lax.stop_gradient((highs[i], lows[i])))
        return jnp.clip(value, lows[i], last)

    def log_prob(self, value: Draw) -> Float[Array, ""]:
        """Return minus the log of the total width inside, -inf outside."""
        value = one_draw(value, self.shape)
        lows, highs = jnp.asarray(self.lows), jnp.asarray(self.highs)
        inside = jnp.any((value >= lows) & (value < highs))
        return jnp.where(inside, -jnp.log(jnp.sum(highs - lows)), -jnp.inf)

    def bounds(self) -> Bounds:
        """Return the first low and the last high."""
        return jnp.asarray(self.lows)[0], jnp.asarray(self.highs)[-1]


def split_range(
    low: float, high: float, cells: int = 20, every: int = 5
) -> tuple[Distribution, Distribution]:
    """Cut [low, high) into equal cells, of which every so-many-th is held out.

    The held-out cells lie inside the range: its ends are for training, so that held-out
    tasks ask for interpolation. By default they are a fifth of the range in four places,
    each a twentieth wide: both parts have the range's mean, and nearly its spread, so that
    figures stay comparable with those of papers that test on the whole range.

    Args:
        low: Lower end.
        high: Upper end; where equal to `low`, there is one task and nothing to hold out.
        cells: Number of cells.
        every: One of this many cells is held out.

    Returns:
        The distributions of training and of held-out values, uniform over their cells.

    Raises:
        UserError: If the range cannot be cut like that.
    """
    if low == high:
        return Uniform(low, high), Uniform(low, high)
    if not 2 <= every <= cells:
        raise UserError(
            f"a split holds out one of 2 or more cells, at most of all {cells}, not of {every}."
        )
    edges = np.linspace(low, high, cells + 1).astype(np.float32)
    if not np.all(np.diff(edges) > 0.0):
        raise UserError(f"a split of a range needs low < high in {cells} cells, not {low}, {high}.")
    held_out = np.arange(cells) % every == every // 2
    return (
        Intervals(edges[:-1][~held_out], edges[1:][~held_out]),
        Intervals(edges[:-1][held_out], edges[1:][held_out]),
    )
