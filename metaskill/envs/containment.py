"""Worlds that leave the finite numbers: contained before anyone computes with them.

`auto_reset` contains the worlds of training, `contained_step` those of everyone else who steps an
environment: evaluation, videos, collection, options, views for other libraries.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import Env, State

ContainedStep = Callable[[State, Float[Array, " action"]], tuple[State, Bool[Array, ""]]]
"""From a state and an action to the next state, and whether the world left the finite numbers."""


def contained_step(env: Env) -> ContainedStep:
    """Make a step function for those who do not reset a world that is lost.

    An episode ends as `contain` says where observation, reward, positions or velocities are not
    finite, and the metric `failed` is 1. The world then stands where it was before, so that
    whoever draws or records its physics, or goes on stepping it, has numbers to do so.

    Args:
        env: The environment.

    Returns:
        `step(state, action) -> (state, not_finite)`.
    """

    def step(state: State, action: Float[Array, " action"]) -> tuple[State, Bool[Array, ""]]:
        outcome = env.step(state, action)
        physics = outcome.physics
        finite = _is_finite((outcome.obs, outcome.reward, physics.qpos, physics.qvel))
        contained = _end_unless(finite, state, outcome)
        physics = jax.tree.map(
            lambda old, new: jnp.where(finite, new, old), state.physics, outcome.physics
        )
        failed = jnp.where(finite, contained.metrics["failed"], 1.0)
        metrics = {**contained.metrics, "failed": failed}
        return dataclasses.replace(contained, physics=physics, metrics=metrics), ~finite

    return step


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
    finite = _is_finite((outcome.obs, outcome.reward))
    return _end_unless(finite, before, outcome), ~finite


def _is_finite(tree: Any) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _end_unless(finite: Bool[Array, ""], before: State, outcome: State) -> State:
    return dataclasses.replace(
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
