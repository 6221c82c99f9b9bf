"""What is computed of each task alone is the same in parts of any size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.meta.in_parts import map_in_parts, value_and_grad_in_parts

TASKS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
PARAMS = {"weight": jnp.arange(3.0)}


def loss(params: dict, task: jax.Array) -> jax.Array:
    return jnp.sin(task @ params["weight"])


def mean_loss(params: dict, tasks: jax.Array) -> jax.Array:
    return jnp.mean(jnp.stack([loss(params, task) for task in tasks]))


@pytest.mark.parametrize("part_size", [1, 4, 12])
def test_parts_of_any_size_give_the_value_and_the_gradient_of_the_whole(part_size: int) -> None:
    value, gradient = value_and_grad_in_parts(loss, PARAMS, jnp.asarray(TASKS), part_size)
    expected, expected_gradient = jax.value_and_grad(mean_loss)(PARAMS, jnp.asarray(TASKS))
    assert float(value) == pytest.approx(float(expected), abs=1e-6)
    np.testing.assert_allclose(gradient["weight"], expected_gradient["weight"], atol=1e-6)


@pytest.mark.parametrize("part_size", [1, 5, 12])
def test_what_is_said_of_each_task_does_not_depend_on_the_others(part_size: int) -> None:
    tasks = jnp.asarray(TASKS)
    losses = map_in_parts(lambda task: loss(PARAMS, task), tasks, part_size)
    np.testing.assert_allclose(losses, [loss(PARAMS, task) for task in tasks], atol=1e-6)
