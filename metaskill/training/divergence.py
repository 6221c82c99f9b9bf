"""Members whose updates are no longer numbers, and what to continue them with."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool


def diverged_members(
    metrics: dict[str, np.ndarray], tolerated: int, failed: Bool[np.ndarray, " population"]
) -> Bool[np.ndarray, " population"] | None:
    """Say which members skipped more updates in a chunk than is tolerated.

    Args:
        metrics: Arrays with axes (iteration, population).
        tolerated: Skipped updates that are no reason to worry.
        failed: Members that nobody looks at any more.

    Returns:
        None where no member did.
    """
    if "skipped_updates" not in metrics:
        return None
    diverged: np.ndarray = (metrics["skipped_updates"].sum(axis=0) > tolerated) & ~failed
    return diverged if diverged.any() else None


def with_new_keys(state: Any, members: Bool[np.ndarray, " population"], number: int) -> Any:
    """Change every PRNG key of some members; the others will live the same life again.

    Args:
        state: A training state (axis: population).
        members: Whose keys change.
        number: Folded into the keys: another number, another life.
    """

    def renew(leaf: jax.Array) -> jax.Array:
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return leaf
        folded = jax.vmap(lambda key: jax.random.fold_in(key, number))(leaf.ravel())
        chosen = members.reshape(-1, *[1] * (leaf.ndim - 1))
        return jnp.where(chosen, folded.reshape(leaf.shape), leaf)

    return jax.tree.map(renew, state)
