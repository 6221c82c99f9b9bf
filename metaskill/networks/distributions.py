"""Distributions over actions: a diagonal Gaussian, and one squashed into [-1, 1]."""

import dataclasses
import math
from typing import Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.errors import UserError, nearest

_LOG_2PI = math.log(2.0 * math.pi)


class ActionDistribution(Protocol):
    """A distribution over actions, handled through its *raw* samples.

    A raw sample is what the density is evaluated at, before any squashing: storing it
    instead of the action avoids inverting tanh near its limits.
    """

    def sample(self, key: PRNGKeyArray) -> Float[Array, "*batch action"]:
        """Draw a raw sample."""
        ...

    def log_prob(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch"]:
        """Log density of the action of a raw sample, summed over action dimensions."""
        ...

    def to_action(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch action"]:
        """Return the action of a raw sample."""
        ...

    def mode(self) -> Float[Array, "*batch action"]:
        """Return the action to take when not exploring."""
        ...

    def entropy(self, key: PRNGKeyArray) -> Float[Array, "*batch"]:
        """Differential entropy, or an unbiased one-sample estimate of it."""
        ...

    def saturation(self) -> Float[Array, "*batch"]:
        """How far the mean lies outside the actuators' range, squared and summed."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Gaussian:
    """N(mean, diag(exp(log_std))^2)."""

    mean: Float[Array, "*batch action"]
    log_std: Float[Array, "*#batch action"]

    def sample(self, key: PRNGKeyArray) -> Float[Array, "*batch action"]:
        """Draw mean + std * noise."""
        noise = jax.random.normal(key, self.mean.shape)
        return self.mean + jnp.exp(self.log_std) * noise

    def log_prob(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch"]:
        """Return log N(raw; mean, std), summed over action dimensions."""
        standardized = (raw - self.mean) * jnp.exp(-self.log_std)
        return jnp.sum(-0.5 * jnp.square(standardized) - self.log_std - 0.5 * _LOG_2PI, axis=-1)

    def to_action(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch action"]:
        """Return the sample itself; environments clip it."""
        return raw

    def mode(self) -> Float[Array, "*batch action"]:
        """Return the mean."""
        return self.mean

    def entropy(self, key: PRNGKeyArray) -> Float[Array, "*batch"]:
        """Return the exact entropy: sum of log_std + log(2 pi e) / 2."""
        del key
        log_std = jnp.broadcast_to(self.log_std, self.mean.shape)
        return jnp.sum(log_std + 0.5 * (_LOG_2PI + 1.0), axis=-1)

    def saturation(self) -> Float[Array, "*batch"]:
        """Return sum max(|mean| - 1, 0)^2: environments clip actions to [-1, 1]."""
        excess = jnp.maximum(jnp.abs(self.mean) - 1.0, 0.0)
        return jnp.sum(jnp.square(excess), axis=-1)

    def kl(self, other: "Gaussian") -> Float[Array, "*batch"]:
        """Return KL(self || other), exactly."""
        variance_ratio = jnp.exp(2.0 * (self.log_std - other.log_std))
        distance = jnp.square((self.mean - other.mean) * jnp.exp(-other.log_std))
        terms = variance_ratio + distance - 1.0 - 2.0 * (self.log_std - other.log_std)
        return 0.5 * jnp.sum(terms, axis=-1)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TanhGaussian:
    """The distribution of tanh(u / scale), u ~ N(mean, diag(exp(log_std))^2).

    Attributes:
        mean: Mean of u.
        log_std: Logarithm of its standard deviation.
        scale: Where tanh bends. Whoever multiplies actions by it has u squashed into
            [-scale, scale] by a map whose slope at 0 is 1.
    """

    mean: Float[Array, "*batch action"]
    log_std: Float[Array, "*#batch action"]
    scale: float = dataclasses.field(default=1.0, metadata={"static": True})

    @property
    def base(self) -> Gaussian:
        """The Gaussian before squashing."""
        return Gaussian(self.mean, self.log_std)

    def sample(self, key: PRNGKeyArray) -> Float[Array, "*batch action"]:
        """Draw u."""
        return self.base.sample(key)

    def log_prob(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch"]:
        """Return log p(tanh v) = log N(u) - sum log((1 - tanh(v)^2) / scale), v = u / scale."""
        return self.base.log_prob(raw) - self._log_slope(raw)

    def to_action(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch action"]:
        """Return tanh(u / scale)."""
        return jnp.tanh(raw / self.scale)

    def mode(self) -> Float[Array, "*batch action"]:
        """Return that of the mean: the median, and what everyone calls the deterministic action."""
        return self.to_action(self.mean)

    def entropy(self, key: PRNGKeyArray) -> Float[Array, "*batch"]:
        """Return the Gaussian's entropy plus one sample of the log slope of tanh."""
        raw = self.sample(key)
        return self.base.entropy(key) + self._log_slope(raw)

    def saturation(self) -> Float[Array, "*batch"]:
        """Return 0: no action lies outside."""
        return jnp.zeros(self.mean.shape[:-1], self.mean.dtype)

    def kl(self, other: "TanhGaussian") -> Float[Array, "*batch"]:
        """Return KL(self || other): that of the Gaussians, as tanh is one-to-one."""
        return self.base.kl(other.base)

    def _log_slope(self, raw: Float[Array, "*batch action"]) -> Float[Array, "*batch"]:
        slopes = _log_tanh_slope(raw / self.scale) - math.log(self.scale)
        return jnp.sum(slopes, axis=-1)


def _log_tanh_slope(u: Array) -> Array:
    """log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), without cancellation."""
    return 2.0 * (math.log(2.0) - u - jax.nn.softplus(-2.0 * u))


DISTRIBUTIONS: dict[str, type[Gaussian] | type[TanhGaussian]] = {
    "gaussian": Gaussian,
    "tanh_gaussian": TanhGaussian,
}


def find_distribution(name: str) -> type[Gaussian] | type[TanhGaussian]:
    """Return the distribution called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in DISTRIBUTIONS:
        raise UserError(f"no distribution is called {name!r}: {nearest(name, DISTRIBUTIONS)}")
    return DISTRIBUTIONS[name]
