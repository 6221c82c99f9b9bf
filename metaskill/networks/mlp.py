"""Multilayer perceptrons."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.errors import UserError, nearest
from metaskill.networks.orthogonal import orthogonal

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "relu": nn.relu,
    "silu": nn.silu,
    "elu": nn.elu,
}


def find_activation(name: str) -> Callable[[Array], Array]:
    """Return the activation called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in ACTIVATIONS:
        raise UserError(f"no activation is called {name!r}: {nearest(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]


class MLP(nn.Module):
    """Dense layers with an activation between them, orthogonally initialized.

    Attributes:
        hidden_sizes: Widths of the hidden layers.
        output_size: Width of the output.
        activation: A name in `ACTIVATIONS`.
        output_scale: Gain of the last layer's initial weights.
    """

    hidden_sizes: Sequence[int]
    output_size: int
    activation: str = "tanh"
    output_scale: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "*batch input"]) -> Float[Array, "*batch output"]:
        """Apply the layers to the last axis."""
        activation = find_activation(self.activation)
        for size in self.hidden_sizes:
            x = nn.Dense(size, kernel_init=orthogonal(2.0**0.5))(x)
            x = activation(x)
        scale = self.output_scale
        return nn.Dense(self.output_size, kernel_init=orthogonal(scale))(x)
