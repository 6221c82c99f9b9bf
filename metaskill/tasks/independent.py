"""What distributions with independent components share, point masses above all."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.errors import UserError
from metaskill.tasks.contract import Bounds, Draw, one_draw, settle, show


class Independent(abc.ABC):
    """Independent components, each of which may be a point mass."""

    is_discrete: ClassVar[bool] = False

    def _settle(self, *names: str) -> bool:
        known = settle(self, *names)
        shapes = {name: np.shape(getattr(self, name)) for name in names}
        try:
            np.broadcast_shapes(*shapes.values())
        except ValueError:
            kind = type(self).__name__
            raise UserError(f"{kind} needs parameters of one shape, not {shapes}.") from None
        return known

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one draw: that of the parameters together."""
        return np.broadcast_shapes(*(np.shape(leaf) for leaf in jax.tree.leaves(self)))

    def sample(self, key: PRNGKeyArray) -> Draw:
        """Draw one value, its components independently."""
        is_point, point = self._point()
        return jnp.where(is_point, point, self._draw(key))

    def log_prob(self, value: Draw) -> Float[Array, ""]:
        """Return the log density of one value, summed over components."""
        value = one_draw(value, self.shape)
        is_point, point = self._point()
        at_point = jnp.where(value == point, 0.0, -jnp.inf)
        return jnp.sum(jnp.where(is_point, at_point, self._log_density(value)))

    @abc.abstractmethod
    def bounds(self) -> Bounds:
        """Return the smallest and the largest value."""

    @abc.abstractmethod
    def _point(self) -> tuple[Array, Array]:
        """Which components are point masses, and where."""

    @abc.abstractmethod
    def _draw(self, key: PRNGKeyArray) -> Draw:
        """Draw, where no component is a point mass."""

    @abc.abstractmethod
    def _log_density(self, value: Draw) -> Draw:
        """Log density by component, where no component is a point mass."""


class Range(Independent):
    """What lies between `low` and `high`."""

    low: ArrayLike
    high: ArrayLike

    def bounds(self) -> Bounds:
        """Return low and high."""
        return full(self.low, self.shape), full(self.high, self.shape)

    def _point(self) -> tuple[Array, Array]:
        low, high = self.bounds()
        return low == high, low

    def _check_range(self) -> None:
        check_order(type(self).__name__, self.low, self.high, finite=True)


def full(value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return a parameter in the shape of a draw."""
    return jnp.broadcast_to(jnp.asarray(value), shape)


def check_order(kind: str, low: ArrayLike, high: ArrayLike, finite: bool = False) -> None:
    """Refuse a range that is none.

    Raises:
        UserError: If low > high, or a bound is not finite although it must be.
    """
    # Written so that a NaN is refused too.
    if not np.all(np.asarray(low) <= np.asarray(high)):
        raise UserError(f"{kind} needs low <= high, not {show(low)} and {show(high)}.")
    if finite and not np.all(np.isfinite(low) & np.isfinite(high)):
        raise UserError(f"{kind} needs finite bounds, not {show(low)} and {show(high)}.")
