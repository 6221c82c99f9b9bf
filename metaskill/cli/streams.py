"""Standard streams as a command finds them: closed, full, read by nobody, or of few characters."""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
from typing import TextIO

READER_GONE = 141
"""Exit code where nobody reads what is printed: 128 + SIGPIPE, as of other programs."""

_PLAIN = {"±": "+/-", "…": "...", "–": "-", "≥": ">=", "≤": "<=", "×": "x", "Δ": "d"}


def prepare_streams() -> None:
    """Have standard streams that take every character.

    A closed one stands for no output. Its descriptor is occupied, because the next file that is
    opened would get it, and what libraries print with it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Takes the lowest descriptor that is free.
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    codecs.register_error("metaskill-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="metaskill-plain")


def finish(code: int) -> int:
    """Write out what was printed.

    Args:
        code: The exit code so far.

    Returns:
        The exit code: another one where standard output takes nothing.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        lost = code_of_lost_output(error)
        if lost is None:
            raise
        _discard(sys.stdout)
        return lost
    return code


def code_of_lost_output(error: OSError) -> int | None:
    """Return the exit code of a command whose output went nowhere, and say why if that helps.

    Args:
        error: What ended the command.

    Returns:
        The code; None where the error is about something else.
    """
    if isinstance(error, BrokenPipeError) and _reader_has_gone():
        return READER_GONE
    if error.errno == errno.ENOSPC:
        say("no space is left on the device: free some, or direct the output elsewhere.")
        return 2
    return None


def _reader_has_gone() -> bool:
    """Say whether standard output or standard error is a pipe that nobody reads."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            poll.register(stream, 0)  # Errors are reported whatever is asked for.
    return any(event & select.POLLERR for _, event in poll.poll(0))


def say(line: str) -> None:
    """Print a line on standard error, if somebody reads that."""
    try:
        print(f"metaskill: {line}", file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Direct a stream nowhere: Python would write the rest at its end, and fail aloud."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write a character that an encoding lacks in others; bytes of file names stay as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return _PLAIN.get(character, "?"), error.start + 1
