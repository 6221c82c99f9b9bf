"""A trace of one chunk, to see where its time goes."""

import pathlib
from collections.abc import Callable
from typing import Any

import jax

from metaskill.training.run_folder import cannot_write

RunChunk = Callable[[Any], tuple[Any, dict[str, jax.Array]]]


ChunkOf = Callable[[int], RunChunk]
"""From a number of iterations to the program of so long a chunk."""


def traced_once(chunk_of: ChunkOf, folder: pathlib.Path) -> ChunkOf:
    """Return the same programs, of which the first call is traced.

    The trace is written below `folder/plugins/profile`, as TensorBoard's profile plugin reads it
    and as `perfetto_trace.json.gz`, which ui.perfetto.dev opens.

    Raises:
        UserError: At the call, if the trace cannot be written.
    """
    traced = False

    def traced_chunk_of(length: int) -> RunChunk:
        run_chunk = chunk_of(length)

        def run(state: Any) -> tuple[Any, dict[str, jax.Array]]:
            nonlocal traced
            if traced:
                return run_chunk(state)
            traced = True
            try:
                with jax.profiler.trace(folder, create_perfetto_trace=True):
                    return jax.block_until_ready(run_chunk(state))
            except OSError as error:
                raise cannot_write(folder, error) from error

        return run

    return traced_chunk_of
