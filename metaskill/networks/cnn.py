"""The four-block convolutional network of few-shot classification (Vinyals et al. 2016)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Images = Float[Array, "image height width channel"]


class CNN4(nn.Module):
    """Four blocks of convolution, batch norm and ReLU, and a linear layer on top.

    As in Finn et al. 2017: Omniglot has 64 filters, strided convolutions and the mean over
    what is left of the image; miniImageNet 32 filters, 2x2 pooling, and all that is left.

    Attributes:
        output_size: Width of the output: the number of classes.
        filters: Filters of each block.
        pooled: Whether blocks pool, instead of striding.
    """

    output_size: int
    filters: int = 64
    pooled: bool = False

    def setup(self) -> None:
        """Make the layers."""
        self.blocks = [_Block(self.filters, self.pooled) for _ in range(4)]
        self.head = nn.Dense(self.output_size)

    def features(self, images: Images) -> Float[Array, "image feature"]:
        """Return what the linear layer sees."""
        x = images
        for block in self.blocks:
            x = block(x)
        return x.reshape(len(x), -1) if self.pooled else jnp.mean(x, axis=(1, 2))

    def __call__(self, images: Images) -> Float[Array, "image output"]:
        """Return one row of outputs an image."""
        return self.head(self.features(images))


class _Block(nn.Module):
    filters: int
    pooled: bool

    @nn.compact
    def __call__(self, x: Images) -> Images:
        x = nn.Dense(self.filters, name="convolution")(_patches(x, 1 if self.pooled else 2))
        x = nn.relu(_BatchNorm()(x))
        return _pool(x) if self.pooled else x


class _BatchNorm(nn.Module):
    """Batch norm with the current batch's statistics, in training and in testing alike.

    Running averages would carry statistics from one task to the next.
    """

    @nn.compact
    def __call__(self, x: Images) -> Images:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        mean = jnp.mean(x, axis=(0, 1, 2))
        variance = jnp.mean((x - mean) ** 2, axis=(0, 1, 2))
        return scale * (x - mean) * jax.lax.rsqrt(variance + 1e-3) + bias


def _patches(x: Images, stride: int) -> Images:
    """Return the 3x3 neighbourhoods of every (or every other) pixel as channels, zero-padded.

    A convolution is a matrix product with them. Where every task has filters of its own, a
    convolution with a task axis is a grouped one, for which CPUs have no fast program.
    """
    (height, above, below), (width, left, right) = (_extent(n, stride) for n in x.shape[1:3])
    x = jnp.pad(x, ((0, 0), (above, below), (left, right), (0, 0)))
    shifted = [
        x[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)
    ]
    return jnp.concatenate(shifted, axis=-1)


def _extent(size: int, stride: int) -> tuple[int, int, int]:
    """Return how far the first pixels of neighbourhoods reach, and the padding at both ends."""
    reach = (-(-size // stride) - 1) * stride + 1
    padding = max(reach + 2 - size, 0)
    return reach, padding // 2, padding - padding // 2


def _pool(x: Images) -> Images:
    """Return the maxima of 2x2 squares; an odd last row or column is dropped."""
    images, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = x.reshape(images, height // 2, 2, width // 2, 2, channels)
    return jnp.max(x, axis=(2, 4))
