"""Action distributions against numerical integration and Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.networks.distributions import Gaussian, TanhGaussian, find_distribution

MEAN, LOG_STD = jnp.array([0.3, -1.0]), jnp.array([-0.5, 0.2])
KINDS = pytest.mark.parametrize("kind", [Gaussian, TanhGaussian])


@KINDS
def test_density_integrates_to_one(kind) -> None:
    distribution = kind(MEAN[:1], LOG_STD[:1])
    u = jnp.linspace(-12.0, 12.0, 20001)
    action = distribution.to_action(u)
    density = jnp.exp(distribution.log_prob(u[:, None]))
    assert np.trapezoid(density, action) == pytest.approx(1.0, abs=1e-3)


@KINDS
def test_log_prob_sums_over_dimensions(kind) -> None:
    raw = jnp.array([0.7, -0.4])
    parts = [kind(MEAN[i : i + 1], LOG_STD[i : i + 1]).log_prob(raw[i : i + 1]) for i in (0, 1)]
    assert kind(MEAN, LOG_STD).log_prob(raw) == pytest.approx(float(parts[0] + parts[1]), rel=1e-6)


@KINDS
def test_entropy_is_minus_the_mean_log_prob(kind, key: jax.Array) -> None:
    keys = jax.random.split(key, 50_000)
    distribution = kind(MEAN, LOG_STD)
    samples = jax.vmap(distribution.sample)(keys)
    entropy = jnp.mean(jax.vmap(distribution.entropy)(keys))
    assert float(entropy) == pytest.approx(
        -float(jnp.mean(distribution.log_prob(samples))), abs=0.02
    )


@KINDS
def test_kl_matches_monte_carlo_and_is_zero_to_itself(kind, key: jax.Array) -> None:
    p, q = kind(MEAN, LOG_STD), kind(MEAN + 0.5, LOG_STD - 0.3)
    samples = jax.vmap(p.sample)(jax.random.split(key, 50_000))
    estimate = jnp.mean(p.log_prob(samples) - q.log_prob(samples))
    assert float(p.kl(q)) == pytest.approx(float(estimate), rel=0.05)
    assert float(p.kl(p)) == pytest.approx(0.0, abs=1e-6)


def test_tanh_log_prob_stays_finite_where_tanh_saturates() -> None:
    distribution = TanhGaussian(jnp.zeros(1), jnp.zeros(1))
    value, slope = jax.value_and_grad(lambda u: distribution.log_prob(u[None]))(jnp.float32(30.0))
    assert jnp.isfinite(value)
    assert jnp.isfinite(slope)


def test_saturation_is_how_far_the_mean_is_out_of_the_actuators_range() -> None:
    mean = jnp.array([[0.9, -1.0], [1.5, -3.0]])
    np.testing.assert_allclose(Gaussian(mean, LOG_STD).saturation(), [0.0, 0.5**2 + 2.0**2])
    np.testing.assert_array_equal(TanhGaussian(mean, LOG_STD).saturation(), [0.0, 0.0])


def test_unknown_name() -> None:
    with pytest.raises(UserError, match="did you mean 'gaussian'"):
        find_distribution("gausian")
