"""Distributions with a density: uniform, log-uniform, normal, truncated normal."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray

from metaskill.errors import UserError
from metaskill.tasks.contract import Bounds, Draw, as_pytree, show
from metaskill.tasks.independent import Independent, Range, check_order, full

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
# Beyond this many standard deviations float32 has no probability left to divide by.
_FARTHEST_TAIL = 12.0


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)  # Comparing arrays gives no truth value.
class Uniform(Range):
    """U[low, high]."""

    low: ArrayLike
    high: ArrayLike

    def __post_init__(self) -> None:
        if self._settle("low", "high"):
            self._check_range()

    def _draw(self, key: PRNGKeyArray) -> Draw:
        low, high = self.bounds()
        fraction = jax.random.uniform(key, self.shape)
        # Rounding may carry the sum past `high`.
        return jnp.clip(low + fraction * (high - low), low, high)

    def _log_density(self, value: Draw) -> Draw:
        low, high = self.bounds()
        width = jnp.where(low == high, 1.0, high - low)
        return jnp.where((value >= low) & (value <= high), -jnp.log(width), -jnp.inf)


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class LogUniform(Range):
    """The distribution of exp(u), u ~ U[log low, log high]."""

    low: ArrayLike
    high: ArrayLike

    def __post_init__(self) -> None:
        if self._settle("low", "high"):
            if not np.all(np.asarray(self.low) > 0.0):
                raise UserError(f"LogUniform needs low > 0, not {show(self.low)}.")
            self._check_range()

    def _draw(self, key: PRNGKeyArray) -> Draw:
        low, high = self.bounds()
        log_low, log_high = jnp.log(low), jnp.log(high)
        fraction = jax.random.uniform(key, self.shape)
        return jnp.clip(jnp.exp(log_low + fraction * (log_high - log_low)), low, high)

    def _log_density(self, value: Draw) -> Draw:
        low, high = self.bounds()
        width = jnp.where(low == high, 1.0, jnp.log(high) - jnp.log(low))
        inside = (value >= low) & (value <= high)
        density = -jnp.log(jnp.where(inside, value, 1.0)) - jnp.log(width)
        return jnp.where(inside, density, -jnp.inf)


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Normal(Independent):
    """N(mean, std^2)."""

    mean: ArrayLike
    std: ArrayLike

    def __post_init__(self) -> None:
        if self._settle("mean", "std"):
            _check_spread("Normal", self.mean, self.std)

    def bounds(self) -> Bounds:
        """Return ±inf, or the mean where std is 0."""
        is_point, mean = self._point()
        return jnp.where(is_point, mean, -jnp.inf), jnp.where(is_point, mean, jnp.inf)

    def _point(self) -> tuple[Array, Array]:
        return jnp.asarray(self.std) == 0.0, full(self.mean, self.shape)

    def _draw(self, key: PRNGKeyArray) -> Draw:
        return jnp.asarray(self.mean) + self.std * jax.random.normal(key, self.shape)

    def _log_density(self, value: Draw) -> Draw:
        std = _nonzero(self.std)
        return -0.5 * jnp.square((value - self.mean) / std) - jnp.log(std) - _HALF_LOG_2PI


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class TruncatedNormal(Independent):
    """N(mean, std^2) given that the value lies in [low, high]; either may be infinite."""

    mean: ArrayLike
    std: ArrayLike
    low: ArrayLike
    high: ArrayLike

    def __post_init__(self) -> None:
        if not self._settle("mean", "std", "low", "high"):
            return
        _check_spread("TruncatedNormal", self.mean, self.std)
        check_order("TruncatedNormal", self.low, self.high)
        mean, low, high = (np.asarray(p) for p in (self.mean, self.low, self.high))
        reach = _FARTHEST_TAIL * np.asarray(self.std)
        if np.any((low - mean > reach) | (mean - high > reach)):
            raise UserError(
                f"TruncatedNormal needs a range within {_FARTHEST_TAIL:g} std of its mean "
                f"{show(self.mean)}, not [{show(self.low)}, {show(self.high)}]."
            )

    def bounds(self) -> Bounds:
        """Return low and high, or the mean where std is 0."""
        is_point, point = self._point()
        return jnp.where(is_point, point, self.low), jnp.where(is_point, point, self.high)

    def _point(self) -> tuple[Array, Array]:
        low, high = jnp.asarray(self.low), jnp.asarray(self.high)
        point = jnp.where(low == high, low, jnp.asarray(self.mean))
        return (low == high) | (jnp.asarray(self.std) == 0.0), full(point, self.shape)

    def _standard_range(self) -> tuple[Array, Array, Array]:
        """Return the standardized range, mirrored where its far end is the upper one.

        Probabilities near 0 have digits to spare in float32, those near 1 do not.
        """
        low, high = self._standardized(self.low), self._standardized(self.high)
        sign = jnp.where(low > -high, -1.0, 1.0)
        return sign, jnp.where(sign > 0.0, low, -high), jnp.where(sign > 0.0, high, -low)

    def _standardized(self, bound: ArrayLike) -> Array:
        # Infinities would make the gradient 0 * inf.
        bound = jnp.asarray(bound)
        finite = jnp.where(jnp.isfinite(bound), bound, 0.0)
        return jnp.where(jnp.isfinite(bound), (finite - self.mean) / _nonzero(self.std), bound)

    def _draw(self, key: PRNGKeyArray) -> Draw:
        sign, low, high = self._standard_range()
        # The midpoints of float32's 2^23 uniform fractions: never 0, of quantile -inf.
        fraction = jax.random.uniform(key, self.shape) + 2.0**-24
        standard = ndtri(ndtr(low) + fraction * (ndtr(high) - ndtr(low)))
        return jnp.clip(self.mean + sign * self.std * standard, self.low, self.high)

    def _log_density(self, value: Draw) -> Draw:
        std = _nonzero(self.std)
        _, low, high = self._standard_range()
        density = -0.5 * jnp.square((value - self.mean) / std) - jnp.log(std) - _HALF_LOG_2PI
        inside = (value >= jnp.asarray(self.low)) & (value <= jnp.asarray(self.high))
        return jnp.where(inside, density - jnp.log(ndtr(high) - ndtr(low)), -jnp.inf)


def _nonzero(std: ArrayLike) -> Array:
    """Spare point masses, whose density is not used, a division by zero."""
    return jnp.where(jnp.asarray(std) == 0.0, 1.0, jnp.asarray(std))


def _check_spread(kind: str, mean: ArrayLike, std: ArrayLike) -> None:
    if not (np.all(np.asarray(std) >= 0.0) and np.all(np.isfinite(mean) & np.isfinite(std))):
        raise UserError(
            f"{kind} needs a finite mean and a finite std >= 0, not {show(mean)} and {show(std)}."
        )
