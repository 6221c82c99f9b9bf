"""Advantages and returns along a trajectory."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def generalized_advantages(
    reward: Float[Array, " time"],
    value: Float[Array, " time"],
    next_value: Float[Array, " time"],
    terminated: Bool[Array, " time"],
    done: Bool[Array, " time"],
    discount: Float[Array, ""] | float,
    gae_lambda: Float[Array, ""] | float,
) -> Float[Array, " time"]:
    """Compute generalized advantage estimates (Schulman et al. 2016, equation 16).

        delta_t = r_t + discount (1 - terminated_t) V(s'_t) - V(s_t)
        A_t = delta_t + discount lambda (1 - done_t) A_{t+1}

    Termination stops the bootstrap; truncation stops only the sum over time, because
    the world would have gone on.

    Args:
        reward: r_t.
        value: V(s_t).
        next_value: V(s'_t) at the *true* next observation, before any reset.
        terminated: Whether s'_t has no future.
        done: Whether the episode ended at s'_t, for whichever reason.
        discount: Discount factor.
        gae_lambda: 0 for one-step advantages, 1 for Monte Carlo returns.

    Returns:
        A_t. A_t + V(s_t) is the lambda-return, the value function's target.
    """
    delta = reward + discount * jnp.where(terminated, 0.0, next_value) - value
    decay = discount * gae_lambda * jnp.where(done, 0.0, 1.0)

    def backwards(advantage: Float[Array, ""], inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        delta_t, decay_t = inputs
        advantage = delta_t + decay_t * advantage
        return advantage, advantage

    _, advantages = jax.lax.scan(backwards, jnp.zeros(()), (delta, decay), reverse=True)
    return advantages
