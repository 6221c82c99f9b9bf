"""A trace of one chunk, to see where its time goes."""

import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from metaskill.training.run_folder import cannot_write

RunChunk = Callable[[Any, int], tuple[Any, dict[str, np.ndarray]]]
"""From a state and a number of iterations to the next state and metrics of each iteration."""


def traced_once(run_chunk: RunChunk, folder: pathlib.Path) -> RunChunk:
    """Return the same program, of which the first call is traced.

    The trace is written below `folder/plugins/profile`, as TensorBoard's profile plugin reads it
    and as `perfetto_trace.json.gz`, which ui.perfetto.dev opens.

    Raises:
        UserError: At the call, if the trace cannot be written.
    """
    traced = False

    def run(state: Any, length: int) -> tuple[Any, dict[str, np.ndarray]]:
        nonlocal traced
        if traced:
            return run_chunk(state, length)
        traced = True
        try:
            with jax.profiler.trace(folder, create_perfetto_trace=True):
                return jax.block_until_ready(run_chunk(state, length))
        except OSError as error:
            raise cannot_write(folder, error) from error

    return run
