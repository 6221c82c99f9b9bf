"""A training state as named arrays, which can be stored, and back."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.errors import UserError
from metaskill.training.distributed import gathered

Newer = Callable[[], dict[str, np.ndarray]]
"""Makes leaves, by name, that a stored state may be too old to have."""


def to_arrays(state: Any) -> dict[str, np.ndarray]:
    """Copy a pytree's leaves to the host, by their paths in it; of PRNG keys, the data.

    Empty arrays (the activations of a robot without any) are not worth storing.
    """
    return {name: gathered(_storable(leaf)) for name, leaf in _named_leaves(state) if leaf.size}


def from_arrays(
    template: Any,
    arrays: dict[str, np.ndarray],
    newer: Newer = dict,
) -> Any:
    """Return the state that `to_arrays` made arrays of.

    Args:
        template: A pytree of the state's structure; shapes and dtypes suffice.
        arrays: Its leaves by name.
        newer: Asked only where some are missing.

    Raises:
        UserError: If they are those of another configuration.
    """
    if any(like.size and name not in arrays for name, like in _named_leaves(template)):
        arrays = {**newer(), **arrays}

    def leaf_of(name: str, like: Any) -> Any:
        if not like.size:
            return jnp.zeros(like.shape, like.dtype)
        stored = arrays.get(name)
        wanted = jax.eval_shape(_storable, like)
        if stored is None or stored.shape != wanted.shape or stored.dtype != wanted.dtype:
            raise UserError(
                f"the checkpoint does not fit this configuration at {name!r}: use the run's own."
            )
        array = jnp.array(stored, copy=True)  # It will be donated.
        return jax.random.wrap_key_data(array) if _is_key(like) else array

    leaves = [leaf_of(name, like) for name, like in _named_leaves(template)]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def hyperparameters(state: Any) -> dict[str, Any]:
    """Return the leaves of a state that are hyperparameters, by their paths in it."""
    return {name: leaf for name, leaf in _named_leaves(state) if "hparams" in name.split(".")}


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in leaves]


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def _storable(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf
