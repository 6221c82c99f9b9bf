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


def where_needed(
    function: Callable[[Any], Any], needed: Bool[Array, ""], argument: Any, otherwise: Any
) -> Any:
    """Return `function(argument)` where `needed`, and `otherwise` elsewhere.

    `vmap` turns a conditional into the computation of both sides for everyone. Here a
    batch is sorted instead, and the function runs on chunks of the worlds that need it,
    until there are none left: resetting the one world in a hundred whose episode ended
    costs one chunk. Its results are written over `otherwise`, so that worlds which need
    nothing are not even copied. Any nesting of `vmap` is flattened to one batch of worlds.

    Args:
        function: From a pytree of arrays to one, for a single world. What it closes over
            may be traced, if it is of floats.
        needed: Whether this world needs the result.
        argument: The function's argument. No derivative passes through it.
        otherwise: What the other worlds keep, of the structure of the function's result.
    """
    function, closed_over = jax.closure_convert(function, argument)
    argument = (argument, *closed_over)

    @custom_vmap
    def one_world(needed: Bool[Array, ""], argument: Any, otherwise: Any) -> Any:
        return jax.lax.cond(needed, lambda: function(*argument), lambda: otherwise)

    @one_world.def_vmap
    def over_worlds(size: int, in_batched: Any, *values: Any) -> tuple[Any, Any]:
        result = many_worlds(*_with_leading_axis(size, in_batched, values))
        return result, jax.tree.map(lambda _: True, result)

    @custom_vmap
    def many_worlds(needed: Bool[Array, " world"], argument: Any, otherwise: Any) -> Any:
        return _in_chunks(function, needed, argument, otherwise)

    @many_worlds.def_vmap
    def over_batches(size: int, in_batched: Any, *values: Any) -> tuple[Any, Any]:
        batches = _with_leading_axis(size, in_batched, values)
        n_worlds = batches[0].shape[1]
        worlds = jax.tree.map(lambda leaf: leaf.reshape(size * n_worlds, *leaf.shape[2:]), batches)
        result = jax.tree.map(
            lambda leaf: leaf.reshape(size, n_worlds, *leaf.shape[1:]), many_worlds(*worlds)
        )
        return result, jax.tree.map(lambda _: True, result)

    # The loop over chunks has no derivative of its own.
    @jax.custom_jvp
    def choose(needed: Bool[Array, ""], argument: Any, otherwise: Any) -> Any:
        return one_world(needed, argument, otherwise)

    @choose.defjvp
    def choose_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
        kept = jax.tree.map(lambda t: _zero_where(primals[0], t), tangents[2])
        return choose(*primals), kept

    return choose(jnp.asarray(needed), jax.lax.stop_gradient(argument), otherwise)


def _in_chunks(
    function: Callable[[Any], Any], needed: Bool[Array, " world"], argument: Any, otherwise: Any
) -> Any:
    n_worlds = needed.shape[0]
    chunk = -(-n_worlds // _CHUNKS)
    n_needed = jnp.sum(needed)
    # Worlds that need it come first; the padding lets the last chunk be a whole one.
    order = jnp.pad(jnp.argsort(~needed), (0, chunk))

    def body(carry: tuple[Array, Any]) -> tuple[Array, Any]:
        start, result = carry
        worlds = jax.lax.dynamic_slice(order, (start,), (chunk,))
        values = jax.vmap(function)(*jax.tree.map(lambda leaf: leaf[worlds], argument))
        # Those that only fill the chunk are written nowhere.
        is_needed = start + jnp.arange(chunk) < n_needed
        target = jnp.where(is_needed, worlds, n_worlds)
        result = jax.tree.map(lambda old, new: old.at[target].set(new, mode="drop"), result, values)
        return start + chunk, result

    start = (jnp.zeros((), order.dtype), otherwise)
    _, result = jax.lax.while_loop(lambda carry: carry[0] < n_needed, body, start)
    return result


def _zero_where(condition: Bool[Array, ""], tangent: Any) -> Any:
    if tangent.dtype == jax.dtypes.float0:  # Of integers and keys.
        return tangent
    return jnp.where(condition, jnp.zeros((), tangent.dtype), tangent)


def _with_leading_axis(size: int, in_batched: Any, values: Any) -> Any:
    """Repeat what was not batched, so that every leaf has the batch's axis."""
    return jax.tree.map(
        lambda batched, leaf: (
            leaf if batched else jnp.broadcast_to(leaf[None], (size, *leaf.shape))
        ),
        tuple(in_batched),
        values,
    )
