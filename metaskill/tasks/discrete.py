"""Distributions over finitely many values: a list, a grid, a single one."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.errors import UserError
from metaskill.tasks.contract import Bounds, Draw, ListLike, as_pytree, one_draw, settle, show
from metaskill.tasks.independent import Range


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Grid(Range):
    """Equal probabilities for `n` evenly spaced values from low to high, both among them."""

    low: ArrayLike
    high: ArrayLike
    n: int = dataclasses.field(metadata={"static": True})

    is_discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self._settle("low", "high"):
            self._check_range()
            if self.n < 2 and not (self.n == 1 and np.all(np.equal(self.low, self.high))):
                raise UserError(
                    f"Grid needs at least 2 points to go from low to high, not {self.n}."
                )

    def _points(self, index: Int[Array, "*shape"]) -> Draw:
        low, high = self.bounds()
        inner = low + index.astype(jnp.float32) * ((high - low) / max(self.n - 1, 1))
        return jnp.where(index == self.n - 1, high, inner)

    def _draw(self, key: PRNGKeyArray) -> Draw:
        return self._points(jax.random.randint(key, self.shape, 0, self.n))

    def _log_density(self, value: Draw) -> Draw:
        low, high = self.bounds()
        spacing = jnp.where(low == high, 1.0, high - low) / max(self.n - 1, 1)
        nearest = self._points(
            jnp.clip(jnp.round((value - low) / spacing), 0, self.n - 1).astype(jnp.int32)
        )
        # Compilers may round the points differently here and where they were drawn.
        rounding = 1e-6 * jnp.maximum(jnp.abs(low), jnp.abs(high))
        return jnp.where(jnp.abs(value - nearest) <= rounding, -math.log(self.n), -jnp.inf)


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Discrete:
    """One of several values, which may be arrays: the leading axis counts the choices.

    Attributes:
        values: The choices.
        probabilities: One each; equal if not given.
    """

    values: ListLike
    probabilities: ListLike | None = None

    is_discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, "values")
        if np.ndim(self.values) == 0 or np.shape(self.values)[0] == 0:
            raise UserError("Discrete needs at least one value to choose, as a list.")
        n = np.shape(self.values)[0]
        if self.probabilities is None:
            object.__setattr__(self, "probabilities", np.full(n, 1.0 / n, np.float32))
        settle_probabilities(self, "Discrete", "probabilities", n)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one value."""
        return np.shape(self.values)[1:]

    def sample(self, key: PRNGKeyArray) -> Draw:
        """Choose one value."""
        return jnp.asarray(self.values)[choose(key, self.probabilities)]

    def log_prob(self, value: Draw) -> Float[Array, ""]:
        """Return the log probability of exactly this value."""
        values = jnp.asarray(self.values)
        same = jnp.reshape(values == one_draw(value, self.shape), (values.shape[0], -1))
        chances = jnp.where(jnp.all(same, axis=1), jnp.asarray(self.probabilities), 0.0)
        return jnp.log(jnp.sum(chances))

    def bounds(self) -> Bounds:
        """Return the smallest and largest choice, per component."""
        values = jnp.asarray(self.values)
        return jnp.min(values, axis=0), jnp.max(values, axis=0)


@as_pytree
@dataclasses.dataclass(frozen=True, eq=False)
class Fixed:
    """Always the same value."""

    value: ArrayLike

    is_discrete: ClassVar[bool] = True

    def __post_init__(self) -> None:
        settle(self, "value")

    @property
    def shape(self) -> tuple[int, ...]:
        """The value's shape."""
        return np.shape(self.value)

    def sample(self, key: PRNGKeyArray) -> Draw:
        """Return the value."""
        del key
        return jnp.asarray(self.value)

    def log_prob(self, value: Draw) -> Float[Array, ""]:
        """Return 0 for the value and -inf for any other."""
        same = jnp.all(one_draw(value, self.shape) == jnp.asarray(self.value))
        return jnp.where(same, 0.0, -jnp.inf)

    def bounds(self) -> Bounds:
        """Return the value, twice."""
        return jnp.asarray(self.value), jnp.asarray(self.value)


def choose(key: PRNGKeyArray, probabilities: ListLike | None) -> Int[Array, ""]:
    """Draw an index by its probability."""
    chances = jnp.asarray(probabilities)
    return jax.random.choice(key, chances.shape[0], p=chances)


def settle_probabilities(instance: object, kind: str, name: str, n: int) -> None:
    """Make a field `n` float32 probabilities.

    Raises:
        UserError: If they are known not to be that.
    """
    known = settle(instance, name)
    chances = getattr(instance, name)
    if np.shape(chances) != (n,):
        raise UserError(f"{kind} needs {n} {name}, one each, not shape {np.shape(chances)}.")
    if known and not (np.all(chances >= 0.0) and abs(chances.sum(dtype=float) - 1.0) < 1e-5):
        raise UserError(f"{kind} needs {name} >= 0 that sum to 1, not {show(chances)}.")
