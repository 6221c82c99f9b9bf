"""Computing something for the few worlds that need it, inside a program for all of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool

# Worlds are taken in this many chunks: small enough to follow the number that need it,
# large enough to fill the machine.
_CHUNKS = 32


def where_needed(function: Callable[[Any], Any], needed: Bool[Array, ""], argument: Any) -> Any:
    """Return `function(argument)` where `needed`, and zeros elsewhere.

    `vmap` turns a conditional into the computation of both sides for everyone. Here a
    batch is sorted instead, and the function runs on chunks of the worlds that need it,
    until there are none left: resetting the one world in a hundred whose episode ended
    costs one chunk. Any nesting of `vmap` is flattened to one batch of worlds.

    Args:
        function: From a pytree of arrays to one, for a single world. It must not close
            over traced values: whatever it depends on belongs into the argument.
        needed: Whether this world needs the result.
        argument: The function's argument. No derivative passes through it.
    """

    @custom_vmap
    def one_world(needed: Bool[Array, ""], argument: Any) -> Any:
        return jax.lax.cond(needed, function, lambda argument: _zeros(function, argument), argument)

    @one_world.def_vmap
    def over_worlds(size: int, in_batched: Any, needed: Array, argument: Any) -> tuple[Any, Any]:
        result = many_worlds(*_with_leading_axis(size, in_batched, (needed, argument)))
        return result, jax.tree.map(lambda _: True, result)

    @custom_vmap
    def many_worlds(needed: Bool[Array, " world"], argument: Any) -> Any:
        return _in_chunks(function, needed, argument)

    @many_worlds.def_vmap
    def over_batches(size: int, in_batched: Any, needed: Array, argument: Any) -> tuple[Any, Any]:
        batches = _with_leading_axis(size, in_batched, (needed, argument))
        n_worlds = batches[0].shape[1]
        worlds = jax.tree.map(lambda leaf: leaf.reshape(size * n_worlds, *leaf.shape[2:]), batches)
        result = jax.tree.map(
            lambda leaf: leaf.reshape(size, n_worlds, *leaf.shape[1:]), many_worlds(*worlds)
        )
        return result, jax.tree.map(lambda _: True, result)

    return one_world(jnp.asarray(needed), jax.lax.stop_gradient(argument))


def _in_chunks(function: Callable[[Any], Any], needed: Bool[Array, " world"], argument: Any) -> Any:
    n_worlds = needed.shape[0]
    chunk = -(-n_worlds // _CHUNKS)
    n_needed = jnp.sum(needed)
    # Worlds that need it come first; the padding lets the last chunk be a whole one.
    order = jnp.pad(jnp.argsort(~needed), (0, chunk))

    def body(carry: tuple[Array, Any]) -> tuple[Array, Any]:
        start, result = carry
        worlds = jax.lax.dynamic_slice(order, (start,), (chunk,))
        values = jax.vmap(function)(jax.tree.map(lambda leaf: leaf[worlds], argument))
        # Those that only fill the chunk are written nowhere.
        is_needed = start + jnp.arange(chunk) < n_needed
        target = jnp.where(is_needed, worlds, n_worlds)
        result = jax.tree.map(lambda old, new: old.at[target].set(new, mode="drop"), result, values)
        return start + chunk, result

    start = (jnp.zeros((), order.dtype), _zeros(jax.vmap(function), argument))
    _, result = jax.lax.while_loop(lambda carry: carry[0] < n_needed, body, start)
    return result


def _zeros(function: Callable[[Any], Any], argument: Any) -> Any:
    shapes = jax.eval_shape(function, argument)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _with_leading_axis(size: int, in_batched: Any, values: Any) -> Any:
    """Repeat what was not batched, so that every leaf has the batch's axis."""
    return jax.tree.map(
        lambda batched, leaf: (
            leaf if batched else jnp.broadcast_to(leaf[None], (size, *leaf.shape))
        ),
        tuple(in_batched),
        values,
    )
