"""The convolutional network against plain convolutions."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.networks.cnn import CNN4


@pytest.mark.parametrize(("pooled", "size"), [(False, 28), (False, 13), (True, 21)])
def test_it_is_convolution_batch_norm_relu(pooled: bool, size: int) -> None:
    images = jax.random.uniform(jax.random.key(0), (3, size, size, 2))
    network = CNN4(5, filters=4, pooled=pooled)
    params = jax.jit(network.init)(jax.random.key(1), images)
    x = images
    for i in range(4):
        layer = params["params"][f"blocks_{i}"]["convolution"]
        kernel = layer["kernel"].reshape(3, 3, -1, 4)
        stride = 1 if pooled else 2
        x = jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = x + layer["bias"]
        x = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-3)
        x = nn.relu(x)
        x = nn.max_pool(x, (2, 2), (2, 2)) if pooled else x
    features = x.reshape(3, -1) if pooled else x.mean((1, 2))
    head = params["params"]["head"]
    expected = features @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(network.apply(params, images), expected, rtol=1e-3, atol=1e-4)
