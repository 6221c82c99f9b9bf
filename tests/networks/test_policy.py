"""Policies: where they start, and where their standard deviation can go."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.networks.policy import GaussianPolicy, StateDependentGaussianPolicy


@pytest.mark.parametrize("kind", [GaussianPolicy, StateDependentGaussianPolicy])
@pytest.mark.parametrize("initial_std", [0.1, 1.0])
def test_it_starts_around_zero_with_the_standard_deviation_asked_for(
    kind, initial_std: float
) -> None:
    policy = kind(3, (16,), initial_std=initial_std)
    obs = jax.random.normal(jax.random.key(0), (100, 4))
    distribution = policy.apply(policy.init(jax.random.key(1), obs), obs)
    np.testing.assert_allclose(distribution.mean, 0.0, atol=0.1)
    std = jnp.broadcast_to(jnp.exp(distribution.log_std), (100, 3))
    np.testing.assert_allclose(std, initial_std, rtol=0.2)


def test_a_standard_deviation_of_its_own_for_every_state_within_limits() -> None:
    policy = StateDependentGaussianPolicy(2, (16,))
    obs = jax.random.normal(jax.random.key(0), (50, 4))
    params = policy.init(jax.random.key(1), obs)
    params = jax.tree.map(lambda leaf: 100.0 * leaf, params)
    log_std = policy.apply(params, 100.0 * obs).log_std
    assert log_std.shape == (50, 2)
    assert len(np.unique(log_std)) > 1
    assert jnp.all((log_std >= -5.0) & (log_std <= 2.0))


def test_latents_are_added_to_the_last_inputs() -> None:
    policy = GaussianPolicy(2, (16,), num_latents=2)
    obs = jax.random.normal(jax.random.key(0), (5, 4))
    params = policy.init(jax.random.key(1), obs)
    np.testing.assert_array_equal(params["params"]["latents"], 0.0)
    offset = jnp.array([0.5, -2.0])
    moved = {"params": {**params["params"], "latents": offset}}
    expected = policy.apply(params, obs.at[:, 2:].add(offset))
    np.testing.assert_allclose(policy.apply(moved, obs).mean, expected.mean, rtol=1e-6)
