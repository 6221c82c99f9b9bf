"""Errors that a user can mend, and the wording that helps to."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in what the user gave: a name, a flag, a file, a configuration.

    Its message is one sentence that says what is wrong and what to do. The command
    line prints it without a traceback and exits with code 2.
    """


class Preempted(Exception):  # noqa: N818 - nothing went wrong
    """A run was asked to stop, and has: its state is saved, the same command goes on.

    The command line exits with code 75, the system's word for "try again later".
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which of `valid` is meant by a mistyped `name`.

    Returns:
        "did you mean 'a' or 'b'?" where something is close, else a list of all.
    """
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return f"did you mean {' or '.join(repr(match) for match in close)}?"
    return f"choose one of {', '.join(names)}."
