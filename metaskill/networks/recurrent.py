"""Recurrent networks: a sequence to one vector, and one vector to a sequence."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float


class SequenceEncoder(nn.Module):
    """An LSTM over a sequence, and a linear layer of what it has come to.

    Attributes:
        hidden_size: Width of the LSTM.
        output_size: Width of the output.
    """

    hidden_size: int
    output_size: int

    @nn.compact
    def __call__(self, sequence: Float[Array, "*batch time input"]) -> Float[Array, "*batch out"]:
        """Return one vector a sequence."""
        outputs = nn.RNN(nn.OptimizedLSTMCell(self.hidden_size))(sequence)
        return nn.Dense(self.output_size)(outputs[..., -1, :])


class SequenceDecoder(nn.Module):
    """An LSTM that is given the same vector in every step.

    Attributes:
        hidden_size: Width of the LSTM.
        output_size: Width of a step's output.
        length: Steps.
    """

    hidden_size: int
    output_size: int
    length: int

    @nn.compact
    def __call__(self, vector: Float[Array, "*batch input"]) -> Float[Array, "*batch time out"]:
        """Return a sequence a vector."""
        shape = (*vector.shape[:-1], self.length, vector.shape[-1])
        inputs = jnp.broadcast_to(vector[..., None, :], shape)
        outputs = nn.RNN(nn.OptimizedLSTMCell(self.hidden_size))(inputs)
        return nn.Dense(self.output_size)(outputs)
