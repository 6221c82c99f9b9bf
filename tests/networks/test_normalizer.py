"""Running statistics equal those of all the data at once."""

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.networks.normalizer import init_statistics, normalize, update_statistics


def test_merging_batches_equals_one_pass(key: jax.Array) -> None:
    data = 5.0 + 3.0 * jax.random.normal(key, (60, 4, 2))
    statistics = init_statistics(2)
    for batch in jnp.split(data, [10, 40]):
        statistics = update_statistics(statistics, batch)
    flat = np.asarray(data).reshape(-1, 2)
    assert float(statistics.count) == 240
    np.testing.assert_allclose(statistics.mean, flat.mean(0), rtol=1e-5)
    np.testing.assert_allclose(statistics.std, flat.std(0), rtol=1e-5)


def test_no_data_normalizes_by_the_identity() -> None:
    obs = jnp.array([0.5, -2.0])
    np.testing.assert_array_equal(normalize(init_statistics(2), obs), obs)


def test_constant_observations_and_outliers_stay_finite() -> None:
    statistics = update_statistics(init_statistics(1), jnp.ones((8, 1)))
    assert float(normalize(statistics, jnp.array([1.0]))[0]) == 0.0
    assert float(normalize(statistics, jnp.array([1e9]))[0]) == 10.0
