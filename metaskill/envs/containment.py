"""Worlds that leave the finite numbers: contained before anyone computes with them."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from metaskill.envs.env import State


def contain(before: State, outcome: State) -> tuple[State, Bool[Array, ""]]:
    """End the episode of a world whose step gave an observation or reward that is not finite.

    An engine flags a simulation that breaks down (`metrics["failed"]`) and stands it at
    rest. This catches whatever else can go wrong, in closed-form dynamics, in rewards and
    in observations.

    Args:
        before: Where the world was.
        outcome: What the environment returned.

    Returns:
        The outcome, and whether it was not finite. Such a world has terminated with reward
        0 in the last observation that was finite; its physics are left as they are, to be
        reset.
    """
    seen = (outcome.obs, outcome.reward)
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(seen)]))
    contained = dataclasses.replace(
        outcome,
        obs=jax.tree.map(
            lambda old, new: jnp.where(finite, new, jnp.nan_to_num(old, posinf=0.0, neginf=0.0)),
            before.obs,
            outcome.obs,
        ),
        reward=jnp.where(finite, outcome.reward, 0.0),
        terminated=outcome.terminated | ~finite,
        truncated=outcome.truncated & finite,
        metrics=jax.tree.map(
            lambda value: jnp.where(finite, value, jnp.zeros_like(value)), outcome.metrics
        ),
    )
    return contained, ~finite
