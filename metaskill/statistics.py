"""Statistics over seeds."""

import numpy as np


def interquartile_mean(values: np.ndarray) -> float:
    """Return the mean of the middle half of the values (Agarwal et al. 2021).

    With n values, n/4 are trimmed from each end; a fraction of a value keeps that
    fraction of its weight.
    """
    return float(_interquartile_means(values))


def bootstrap_interval(values: np.ndarray, n_resamples: int = 10_000) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the interquartile mean."""
    generator = np.random.default_rng(0)
    samples = generator.choice(values, (n_resamples, len(values)))
    low, high = np.percentile(_interquartile_means(samples), [2.5, 97.5])
    return float(low), float(high)


def _interquartile_means(samples: np.ndarray) -> np.ndarray:
    """Return the interquartile mean of each row."""
    ordered = np.sort(samples, axis=-1)
    n = ordered.shape[-1]
    ranks = np.arange(n)
    weights = np.clip(np.minimum(ranks + 1 - n / 4, 3 * n / 4 - ranks), 0.0, 1.0)
    return np.sum(weights * ordered, axis=-1) / np.sum(weights)
