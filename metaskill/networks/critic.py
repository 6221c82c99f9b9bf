"""Critics: from an observation and an action to values."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.networks.mlp import MLP


class Critics(nn.Module):
    """Several independent MLPs of the same observation and action.

    Attributes:
        hidden_sizes: Widths of the hidden layers.
        activation: A name in `ACTIVATIONS`.
        number: How many.
    """

    hidden_sizes: Sequence[int]
    activation: str = "relu"
    number: int = 2

    @nn.compact
    def __call__(
        self, obs: Float[Array, "*batch obs"], action: Float[Array, "*batch action"]
    ) -> Float[Array, "*batch critic"]:
        """Return every critic's value."""
        x = jnp.concatenate([obs, action], axis=-1)
        # One by one: XLA multiplies small matrices faster on CPU without a batch axis.
        values = [MLP(self.hidden_sizes, 1, self.activation)(x) for _ in range(self.number)]
        return jnp.concatenate(values, axis=-1)
