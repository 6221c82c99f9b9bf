"""The trace of a chunk."""

import gzip
import json
import pathlib

import jax
import jax.numpy as jnp

from metaskill.training.profiling import traced_once


def test_the_first_call_alone_is_traced_and_results_stay_the_same(tmp_path: pathlib.Path) -> None:
    program = jax.jit(lambda state, _: (state @ state, {"trace": jnp.trace(state)}))
    run = traced_once(program, tmp_path)
    state = jnp.arange(9.0).reshape(3, 3)
    for _ in range(2):
        traced, metrics = run(state, 3)
        assert jnp.array_equal(traced, state @ state)
        assert float(metrics["trace"]) == 12.0
    (trace,) = tmp_path.glob("plugins/profile/*/perfetto_trace.json.gz")
    with gzip.open(trace, "rt") as file:
        assert json.load(file)["traceEvents"]
    assert list(trace.parent.glob("*.xplane.pb"))
