"""Running mean and variance of observations, as data."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_HEAVY = 1e9  # Beyond what single precision adds a batch to, and far below its largest number.


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class RunningStatistics:
    """Moments of all observations seen so far.

    Attributes:
        count: Number of observations, or what is left of it where they fade.
        mean: Their mean.
        sum_of_squares: Sum of squared differences from the mean.
    """

    count: Float[Array, ""]
    mean: Float[Array, " obs"]
    sum_of_squares: Float[Array, " obs"]

    @property
    def std(self) -> Float[Array, " obs"]:
        """Standard deviation; 1 before the first observation."""
        variance = self.sum_of_squares / jnp.maximum(self.count, 1.0)
        return jnp.where(self.count > 0, jnp.sqrt(variance), 1.0)


def init_statistics(size: int) -> RunningStatistics:
    """Return the statistics of no observations, which normalize by the identity."""
    return RunningStatistics(jnp.zeros(()), jnp.zeros(size), jnp.zeros(size))


def update_statistics(
    statistics: RunningStatistics, batch: Float[Array, "*batch obs"]
) -> RunningStatistics:
    """Merge a batch of observations in (Chan, Golub & LeVeque 1979).

    delta = mean_b - mean;  mean' = mean + delta n_b / n;
    S' = S + S_b + delta^2 count n_b / n.
    """
    batch = batch.reshape(-1, batch.shape[-1])
    batch_count = float(batch.shape[0])
    batch_mean = jnp.mean(batch, axis=0)
    batch_squares = jnp.sum(jnp.square(batch - batch_mean), axis=0)
    count = statistics.count + batch_count
    delta = batch_mean - statistics.mean
    return RunningStatistics(
        count=count,
        mean=statistics.mean + delta * (batch_count / count),
        sum_of_squares=statistics.sum_of_squares
        + batch_squares
        + jnp.square(delta) * (statistics.count * batch_count / count),
    )


def faded(statistics: RunningStatistics, share: float) -> RunningStatistics:
    """Return the same moments, that weigh `share` of what they did in later merges."""
    return dataclasses.replace(
        statistics,
        count=share * statistics.count,
        sum_of_squares=share * statistics.sum_of_squares,
    )


def held(statistics: RunningStatistics) -> RunningStatistics:
    """Return the same moments, that weigh so much that later merges leave them as they are."""
    return faded(statistics, _HEAVY)


def normalize(
    statistics: RunningStatistics, obs: Float[Array, "*batch obs"], limit: float = 10.0
) -> Float[Array, "*batch obs"]:
    """Return (obs - mean) / std, clipped to ±limit."""
    standardized = (obs - statistics.mean) / jnp.maximum(statistics.std, 1e-6)
    return jnp.clip(standardized, -limit, limit)
