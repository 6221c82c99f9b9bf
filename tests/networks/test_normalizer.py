"""Running statistics equal those of all the data at once."""

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.networks.normalizer import (
    faded,
    held,
    init_statistics,
    normalize,
    update_statistics,
)


def test_merging_batches_equals_one_pass(key: jax.Array) -> None:
    data = 5.0 + 3.0 * jax.random.normal(key, (60, 4, 2))
    statistics = init_statistics(2)
    for batch in jnp.split(data, [10, 40]):
        statistics = update_statistics(statistics, batch)
    flat = np.asarray(data).reshape(-1, 2)
    assert float(statistics.count) == 240
    np.testing.assert_allclose(statistics.mean, flat.mean(0), rtol=1e-5)
    np.testing.assert_allclose(statistics.std, flat.std(0), rtol=1e-5)


def test_what_has_faded_keeps_its_moments_and_weighs_less(key: jax.Array) -> None:
    old, new = 4.0 + jax.random.normal(key, (2, 100, 3))
    less = faded(update_statistics(init_statistics(3), old), 0.25)
    np.testing.assert_allclose(less.mean, old.mean(0), rtol=1e-5)
    np.testing.assert_allclose(less.std, old.std(0), rtol=1e-5)
    merged, weights = update_statistics(less, new), np.repeat([0.25, 1.0], 100)
    both = np.concatenate([old, new])
    mean = np.average(both, axis=0, weights=weights)
    variance = np.average((both - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(merged.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(merged.std, np.sqrt(variance), rtol=1e-5)


def test_what_is_held_normalizes_as_before_whatever_is_merged(key: jax.Array) -> None:
    old, new = 3.0 + jax.random.normal(key, (100, 3)), jnp.full((10_000, 3), 5.0)
    running = update_statistics(init_statistics(3), old)
    merged = update_statistics(held(running), new)
    np.testing.assert_allclose(normalize(merged, old), normalize(running, old), atol=1e-5)


def test_no_data_normalizes_by_the_identity() -> None:
    obs = jnp.array([0.5, -2.0])
    np.testing.assert_array_equal(normalize(init_statistics(2), obs), obs)


def test_constant_observations_and_outliers_stay_finite() -> None:
    statistics = update_statistics(init_statistics(1), jnp.ones((8, 1)))
    assert float(normalize(statistics, jnp.array([1.0]))[0]) == 0.0
    assert float(normalize(statistics, jnp.array([1e9]))[0]) == 10.0
