"""Only the worlds that need it pay, and each gets what it would have got alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.where_needed import where_needed


def draw(argument: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
    key, scale = argument
    value_key, next_key = jax.random.split(key)
    value = scale * jax.random.normal(value_key, (3,))
    return {"value": value, "key": next_key, "empty": jnp.zeros(0)}


@pytest.mark.parametrize("shape", [(), (1,), (7,), (100,), (3, 40), (2, 3, 5)])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_any_nesting_of_vmap_gives_each_world_its_own_result(shape, share: float) -> None:
    needed = jax.random.uniform(jax.random.key(1), shape) < share
    keys = jax.random.split(jax.random.key(0), shape)
    others = jax.random.split(jax.random.key(2), shape)

    def function(needed: jax.Array, key: jax.Array, other: jax.Array) -> dict[str, jax.Array]:
        otherwise = draw((other, jnp.float32(1.0)))
        return where_needed(draw, needed, (key, jnp.float32(2.0)), otherwise)

    alone = draw
    for _ in shape:
        function, alone = jax.vmap(function), jax.vmap(alone, in_axes=((0, None),))
    result = jax.jit(function)(needed, keys, others)
    fresh, kept = alone((keys, jnp.float32(2.0))), alone((others, jnp.float32(1.0)))
    np.testing.assert_allclose(
        result["value"], jnp.where(needed[..., None], fresh["value"], kept["value"]), rtol=1e-6
    )
    np.testing.assert_array_equal(
        jax.random.key_data(result["key"]),
        jnp.where(
            needed[..., None], jax.random.key_data(fresh["key"]), jax.random.key_data(kept["key"])
        ),
    )


def test_the_function_may_close_over_what_an_outer_vmap_traces() -> None:
    def of_task(scale: jax.Array) -> jax.Array:
        def of_world(needed: jax.Array, x: jax.Array) -> jax.Array:
            return where_needed(lambda x: scale * x, needed, x, otherwise=-x)

        return jax.vmap(of_world)(jnp.array([True, False, True]), jnp.arange(3.0))

    result = jax.jit(jax.vmap(of_task))(jnp.array([2.0, 3.0]))
    np.testing.assert_array_equal(result, [[0.0, -1.0, 4.0], [0.0, -1.0, 6.0]])


def test_the_function_runs_on_few_worlds_when_few_need_it() -> None:
    worlds = 0

    def count(batch: np.ndarray) -> np.ndarray:
        nonlocal worlds
        worlds += np.size(batch)
        return np.asarray(batch)

    def function(x: jax.Array) -> jax.Array:
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.pure_callback(count, shape, x, vmap_method="broadcast_all")

    needed = jnp.zeros(160, bool).at[jnp.array([3, 77, 159])].set(True)
    x = jnp.ones(160)
    result = jax.jit(jax.vmap(lambda n, x: where_needed(function, n, x, otherwise=0 * x)))(
        needed, x
    )
    assert float(jnp.sum(result)) == 3.0
    assert worlds == 5


def test_derivatives_flow_to_what_is_kept_only() -> None:
    def loss(x: jax.Array) -> jax.Array:
        def world(needed: jax.Array, x: jax.Array) -> jax.Array:
            return where_needed(jnp.sin, needed, x, otherwise=x * x)

        return jnp.sum(jax.vmap(world)(jnp.array([True, False]), x))

    np.testing.assert_allclose(jax.grad(loss)(jnp.array([1.0, 3.0])), [0.0, 6.0])
