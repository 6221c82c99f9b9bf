"""Starting other programs from a process in which JAX runs."""

import contextlib
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def starting_a_program() -> Iterator[None]:
    """Silence JAX's warning about `fork` where another program follows at once.

    A forked copy of a process with threads may deadlock; one that does nothing but
    become git or ffmpeg cannot.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called")
        yield
