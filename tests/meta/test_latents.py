"""Noise on latents, and where it says that they should go."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.meta.latents import better_noise, stratified_noise


def test_noise_is_standard_normal_and_spread_evenly_over_the_episodes() -> None:
    noise = np.asarray(stratified_noise(jax.random.key(0), 20, 3))
    parts = np.floor(20 * jax.scipy.stats.norm.cdf(noise)).astype(int)
    np.testing.assert_array_equal(np.sort(parts, axis=0), np.arange(20)[:, None].repeat(3, axis=1))
    assert not np.array_equal(parts[:, 0], parts[:, 1])  # Each latent has an order of its own.
    keys = jax.random.split(jax.random.key(1), 500)
    many = jax.vmap(lambda key: stratified_noise(key, 20, 1))(keys)
    assert not np.array_equal(many[0], many[1])
    assert float(many.mean()) == pytest.approx(0.0, abs=0.01)
    assert float(many.std()) == pytest.approx(1.0, abs=0.01)


def test_no_latents_have_no_noise() -> None:
    assert stratified_noise(jax.random.key(0), 20, 0).shape == (20, 0)
    assert better_noise(jnp.zeros((20, 0)), jnp.arange(20.0), 0.5).shape == (0,)


def test_without_noise_the_latents_stay() -> None:
    np.testing.assert_array_equal(better_noise(jnp.zeros((5, 2)), jnp.arange(5.0), 0.5), 0.0)


def test_the_step_is_the_gradient_of_an_exponential_utility() -> None:
    """Of log E exp(A / tau) over noise about the latents, by importance weights."""
    noise = stratified_noise(jax.random.key(0), 8, 2)
    returns = jax.random.normal(jax.random.key(1), (8,))
    advantage = (returns - returns.mean()) / returns.std()

    def log_utility(latents):
        log_ratio = 0.5 * jnp.sum(jnp.square(noise) - jnp.square(noise - latents), axis=-1)
        return jax.nn.logsumexp(advantage / 0.7 + log_ratio)

    expected = jax.grad(log_utility)(jnp.zeros(2))
    np.testing.assert_allclose(better_noise(noise, returns, 0.7), expected, rtol=1e-5)


def test_it_finds_a_goal_that_noise_passes_on_both_sides() -> None:
    """Where the distance counts, and the gradient of the mean return would go too far."""
    noise = stratified_noise(jax.random.key(0), 20, 1)
    for goal in (-1.0, 0.0, 0.6):
        found = better_noise(noise, -jnp.abs(noise[:, 0] - goal), 0.2)
        assert float(found[0]) == pytest.approx(goal, abs=0.2)


def test_at_high_temperatures_it_has_the_direction_of_the_policy_gradient() -> None:
    noise = stratified_noise(jax.random.key(0), 40, 2)
    noise -= noise.mean(axis=0)
    returns = noise @ jnp.array([3.0, -1.0])
    advantage = (returns - returns.mean()) / returns.std()
    np.testing.assert_allclose(
        100.0 * better_noise(noise, returns, 100.0), advantage @ noise / 40, atol=0.05
    )
