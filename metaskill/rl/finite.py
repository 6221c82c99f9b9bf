"""The hook by which any learner refuses an update that is not a number."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool


def all_finite(tree: Any) -> Bool[Array, ""]:
    """Say whether every number in a tree is finite.

    The loss and the gradient's norm are evidence enough for a gradient step: the norm is
    finite only where every gradient is.
    """
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return jnp.all(jnp.stack(finite))


def accept_if(accepted: Bool[Array, ""], proposed: Any, current: Any) -> Any:
    """Return the proposed tree where it is accepted, else the current one, bit for bit.

        params, optimizer = accept_if(all_finite((loss, grad_norm)), proposed, current)

    Unlike `optax.apply_if_finite` it covers whatever the learner carries (parameters,
    moments, normalizers, targets), keeps no state, and never gives up and accepts: what
    happens when skipping becomes a habit is the trainer's decision. The learner says how
    often it skipped in its metric `skipped_updates`.
    """
    return jax.tree.map(lambda new, old: jnp.where(accepted, new, old), proposed, current)
