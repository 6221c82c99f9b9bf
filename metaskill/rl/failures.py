"""Counting the worlds that broke down, together and by cause."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.envs.env import State

Failures = dict[str, Bool[Array, "*steps"]]
"""Whether a step was a world's last because it broke down, by cause.

`simulation`: the engine gave up; `not_finite`: anything else left the finite numbers.
"""


def failures_of(
    after: State, not_finite: Bool[Array, ""], counts: Bool[Array, ""] | bool = True
) -> Failures:
    """Return the failures of one step.

    Args:
        after: The state that a `contained_step` led to.
        not_finite: What it said of the world.
        counts: Whether the step is one of an episode, and not after its end.
    """
    return {
        "simulation": (after.metrics["failed"] > 0) & ~not_finite & counts,
        "not_finite": not_finite & counts,
    }


def no_failures() -> Failures:
    """Return the failures before the first step."""
    return {cause: jnp.zeros((), bool) for cause in ("simulation", "not_finite")}


def failure_metrics(failures: Failures, prefix: str = "") -> dict[str, Float[Array, ""]]:
    """Count failures: `failed_worlds`, and `failed_worlds/CAUSE` of each cause.

    Args:
        failures: Of any number of steps.
        prefix: Beginning of the metrics' names, such as `eval/`.
    """
    counts = {cause: jnp.sum(each.astype(jnp.float32)) for cause, each in failures.items()}
    return {
        f"{prefix}failed_worlds": counts["simulation"] + counts["not_finite"],
        **{f"{prefix}failed_worlds/{cause}": count for cause, count in counts.items()},
    }
