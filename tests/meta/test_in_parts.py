"""A gradient taken in parts is the gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.meta.in_parts import value_and_grad_in_parts

TASKS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
PARAMS = {"weight": jnp.arange(3.0)}


def loss(params: dict, tasks: jax.Array) -> jax.Array:
    return jnp.mean(jnp.sin(tasks @ params["weight"]))


@pytest.mark.parametrize("part_size", [1, 4, 12])
def test_parts_of_any_size_give_the_value_and_the_gradient_of_the_whole(part_size: int) -> None:
    value, gradient = value_and_grad_in_parts(loss, PARAMS, jnp.asarray(TASKS), part_size)
    expected, expected_gradient = jax.value_and_grad(loss)(PARAMS, jnp.asarray(TASKS))
    assert float(value) == pytest.approx(float(expected), abs=1e-6)
    np.testing.assert_allclose(gradient["weight"], expected_gradient["weight"], atol=1e-6)
