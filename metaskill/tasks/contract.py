"""What a distribution over one task parameter is, and how one is made into a pytree."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.errors import UserError

Draw = Float[Array, "*shape"]
Bounds = tuple[Draw, Draw]
ListLike = ArrayLike | Sequence[Any]


class Distribution(Protocol):
    """A distribution over one task parameter, a float32 scalar or array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one draw."""
        ...

    @property
    def is_discrete(self) -> bool:
        """Whether `log_prob` is the log of a probability instead of a density."""
        ...

    def sample(self, key: PRNGKeyArray) -> Draw:
        """Draw one value."""
        ...

    def log_prob(self, value: Draw) -> Float[Array, ""]:
        """Return the log density (or probability) of one value, summed over components.

        Raises:
            UserError: If the value's shape is not that of one draw, or there is no density.
        """
        ...

    def bounds(self) -> Bounds:
        """Return the smallest and the largest value, per component; may be infinite."""
        ...


_T = TypeVar("_T")


def as_pytree(cls: type[_T]) -> type[_T]:
    """Register a dataclass as a pytree of its fields, less those with metadata `static`.

    `register_dataclass` would unflatten through the constructor; transformations put
    placeholders into leaves, which the constructors here could not check.
    """
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    data = [field.name for field in fields if not field.metadata.get("static")]
    static = [field.name for field in fields if field.metadata.get("static")]

    def flatten(instance: _T) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
        leaves = [(jax.tree_util.GetAttrKey(name), getattr(instance, name)) for name in data]
        return leaves, tuple(getattr(instance, name) for name in static)

    def unflatten(static_values: tuple[Any, ...], leaves: Any) -> _T:
        instance = object.__new__(cls)
        for name, value in zip([*data, *static], [*leaves, *static_values], strict=True):
            object.__setattr__(instance, name, value)
        return instance

    jax.tree_util.register_pytree_with_keys(cls, flatten, unflatten)
    return cls


def settle(instance: object, *names: str) -> bool:
    """Make fields float32 and say whether all their values are known.

    They become NumPy arrays, which stay known, and can be checked, under a trace.
    """
    values = [getattr(instance, name) for name in names]
    traced = [isinstance(value, jax.core.Tracer) for value in values]
    for name, value, is_traced in zip(names, values, traced, strict=True):
        array = value.astype(jnp.float32) if is_traced else np.asarray(value, np.float32)
        object.__setattr__(instance, name, array)
    return not any(traced)


def one_draw(value: ArrayLike, shape: tuple[int, ...]) -> Draw:
    """Return `value` as float32, refusing a batch, whose densities would silently be summed."""
    value = jnp.asarray(value, jnp.float32)
    if value.shape != shape:
        raise UserError(
            f"log_prob takes one draw of shape {shape}, not {value.shape}: "
            "use jax.vmap for a batch of values."
        )
    return value


def show(value: ArrayLike) -> str:
    """Write a parameter for an error's message."""
    return str(np.asarray(value).tolist())
