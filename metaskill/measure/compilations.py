"""Counting compilations: a program that is compiled again and again is no fast program."""

import collections
import contextlib
from collections.abc import Iterator
from typing import Any

import jax.monitoring

_COMPILED = "/jax/core/compile/backend_compile_duration"


@contextlib.contextmanager
def counted_compilations() -> Iterator[collections.Counter[str]]:
    """Count the programs that are compiled in the block, by the name of their function.

    A program that comes from the cache on disk counts too: its function was traced.

    Yields:
        The counts so far, such as `{"run": 1, "init": 1}`.
    """
    counts: collections.Counter[str] = collections.Counter()

    def listen(event: str, duration_secs: float, **details: Any) -> None:  # noqa: ARG001
        if event == _COMPILED:
            name = str(details.get("fun_name", ""))
            counts[name.removeprefix("jit(").removesuffix(")")] += 1

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield counts
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
