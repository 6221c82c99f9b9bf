"""Generalized advantages against their definition as a sum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.rl.returns import generalized_advantages

DISCOUNT, LAMBDA = 0.9, 0.8


def by_definition(reward, value, next_value, terminated, done):
    """A_t = sum_k (discount lambda)^k delta_{t+k}, up to the end of the episode."""
    delta = reward + DISCOUNT * (1 - terminated) * next_value - value
    advantages = np.zeros_like(reward)
    for t in range(len(reward)):
        for k in range(t, len(reward)):
            advantages[t] += (DISCOUNT * LAMBDA) ** (k - t) * delta[k]
            if done[k]:
                break
    return advantages


def test_equals_the_sum_over_each_episode() -> None:
    generator = np.random.default_rng(0)
    reward, value, next_value = generator.normal(size=(3, 30)).astype(np.float32)
    terminated = generator.random(30) < 0.1
    done = terminated | (generator.random(30) < 0.1)
    advantages = generalized_advantages(
        reward, value, next_value, jnp.asarray(terminated), jnp.asarray(done), DISCOUNT, LAMBDA
    )
    expected = by_definition(reward, value, next_value, terminated, done)
    np.testing.assert_allclose(advantages, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("terminated", "expected"), [(True, 1.0), (False, 1.0 + 0.9 * 7.0)])
def test_truncation_bootstraps_and_termination_does_not(terminated: bool, expected: float) -> None:
    advantage = generalized_advantages(
        jnp.ones(1),
        jnp.zeros(1),
        jnp.full(1, 7.0),
        jnp.array([terminated]),
        jnp.array([True]),
        DISCOUNT,
        LAMBDA,
    )
    assert float(advantage[0]) == pytest.approx(expected)


def test_exact_values_give_zero_advantage() -> None:
    """In a chain with r = 1 forever, V = 1 / (1 - discount) leaves nothing to improve."""
    value = jnp.full(12, 1.0 / (1.0 - DISCOUNT))
    false = jnp.zeros(12, bool)
    advantages = jax.jit(generalized_advantages)(
        jnp.ones(12), value, value, false, false, DISCOUNT, LAMBDA
    )
    np.testing.assert_allclose(advantages, 0.0, atol=1e-5)
