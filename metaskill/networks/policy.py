"""Policies: from an observation to a distribution over actions."""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.networks.distributions import Gaussian, TanhGaussian, find_distribution
from metaskill.networks.mlp import MLP


class GaussianPolicy(nn.Module):
    """An MLP for the mean, and one learned log standard deviation per action.

    Attributes:
        action_size: Number of action dimensions.
        hidden_sizes: Widths of the hidden layers.
        activation: A name in `networks.mlp.ACTIVATIONS`.
        distribution: `gaussian` or `tanh_gaussian`.
        initial_std: Standard deviation of the untrained policy.
        num_latents: Latent parameters, which are added to as many inputs at the observation's
            end: what is there varies about them.
    """

    action_size: int
    hidden_sizes: Sequence[int]
    activation: str = "tanh"
    distribution: str = "tanh_gaussian"
    initial_std: float = 1.0
    num_latents: int = 0

    @nn.compact
    def __call__(self, obs: Float[Array, "*batch obs"]) -> Gaussian | TanhGaussian:
        """Return the distribution over actions; its mean starts near 0."""
        if self.num_latents:
            latents = self.param("latents", nn.initializers.zeros, (self.num_latents,))
            obs = jnp.concatenate(
                [obs[..., : -self.num_latents], obs[..., -self.num_latents :] + latents], axis=-1
            )
        mean = MLP(self.hidden_sizes, self.action_size, self.activation, output_scale=0.01)(obs)
        log_std = self.param(
            "log_std", nn.initializers.constant(jnp.log(self.initial_std)), (self.action_size,)
        )
        return find_distribution(self.distribution)(mean, log_std)


class StateDependentGaussianPolicy(nn.Module):
    """An MLP for the mean and the log standard deviation of every action.

    The log standard deviation is squashed into [-5, 2] as low + (high - low) (1 + tanh) / 2,
    smoothly, so that it can always come back from its limits.

    Attributes:
        action_size: Number of action dimensions.
        hidden_sizes: Widths of the hidden layers.
        activation: A name in `networks.mlp.ACTIVATIONS`.
        distribution: `gaussian` or `tanh_gaussian`.
        initial_std: Standard deviation of the untrained policy.
        scale: Of `tanh_gaussian`: where tanh bends.
    """

    action_size: int
    hidden_sizes: Sequence[int]
    activation: str = "relu"
    distribution: str = "tanh_gaussian"
    initial_std: float = 1.0
    scale: float = 1.0

    @nn.compact
    def __call__(self, obs: Float[Array, "*batch obs"]) -> Gaussian | TanhGaussian:
        """Return the distribution over actions; its mean starts near 0."""
        low, high = -5.0, 2.0
        outputs = MLP(self.hidden_sizes, 2 * self.action_size, self.activation, output_scale=0.01)
        mean, raw = jnp.split(outputs(obs), 2, axis=-1)
        start = math.atanh(2.0 * (math.log(self.initial_std) - low) / (high - low) - 1.0)
        log_std = low + (high - low) * (1.0 + jnp.tanh(raw + start)) / 2.0
        kind = find_distribution(self.distribution)
        return kind(mean, log_std, self.scale) if kind is TanhGaussian else kind(mean, log_std)
