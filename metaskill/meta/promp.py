"""The outer steps of ProMP: Adam on an objective that is computed anew at every step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from metaskill.meta.policy_gradient import Scalar

Params = Any
Part = Any


def proximal_loss(
    clipped_after: Scalar,
    kl_before: Scalar,
    kl_weight: float | Array,
) -> Scalar:
    """Return minus the objective of ProMP for one task (Rothfuss et al. 2018, equation 12).

        J = J^CLIP(theta') - eta KL(pi_theta_o || pi_theta),
        theta' = theta + alpha grad J^LR(theta)

    The first term keeps the adapted policy near the one that acted, the second the policy
    before adaptation.

    Args:
        clipped_after: `clipped_loss` of the adapted parameters.
        kl_before: `kl_from_behaviour` on what they were adapted to.
        kl_weight: eta.
    """
    return clipped_after + kl_weight * kl_before


def adam_epochs(
    value_and_grad: Callable[[Params, Part], tuple[Scalar, Params]],
    adam: optax.GradientTransformation,
    params: Params,
    moments: optax.OptState,
    parts: Part,
    learning_rate: float | Array,
    n_epochs: int,
) -> tuple[Params, optax.OptState, dict[str, Scalar]]:
    """Make a step of Adam on every part of the data, some times over.

    Args:
        value_and_grad: The loss of the parameters before adaptation on a part of the data, and
            its gradient; it adapts them, from the stored data, at every call.
        adam: `optax.scale_by_adam` or its like.
        params: Where to begin.
        moments: Adam's.
        parts: The data (leading axis: part).
        learning_rate: Step size.
        n_epochs: Passes over the data.

    Returns:
        Parameters, moments, the mean loss of the last pass, and the first step's gradient norm.
        (With advantages normalized, the first step's loss is always 0: what it falls to later
        is the improvement.)
    """

    def step(
        carry: tuple[Params, optax.OptState], part: Part
    ) -> tuple[tuple[Params, optax.OptState], dict[str, Scalar]]:
        params, moments = carry
        value, grads = value_and_grad(params, part)
        # optax raises a float to an integer power, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"):
            updates, moments = adam.update(grads, moments, params)
        params = jax.tree.map(lambda p, u: p - learning_rate * u, params, updates)
        return (params, moments), {"outer": value, "grad_norm": optax.tree.norm(grads)}

    def epoch(
        carry: tuple[Params, optax.OptState], _: None
    ) -> tuple[tuple[Params, optax.OptState], dict[str, Scalar]]:
        return jax.lax.scan(step, carry, parts)

    (params, moments), history = jax.lax.scan(epoch, (params, moments), None, length=n_epochs)
    first_norm = history["grad_norm"][0, 0]
    return params, moments, {"outer": jnp.mean(history["outer"][-1]), "grad_norm": first_norm}
