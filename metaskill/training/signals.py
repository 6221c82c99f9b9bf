"""Being told to stop: SIGTERM and SIGINT end a run after the chunk that it is in."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

_SHOW_CURSOR = "\x1b[?25h"  # The progress bar hides it.


@contextlib.contextmanager
def stop_on_signals(on_first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Take SIGTERM and SIGINT as a request to stop, until the end of the block.

    The main thread sits in compiled code for as long as a chunk takes, where Python
    handles no signals; so a thread listens for them. A second SIGINT ends the process at
    once, with exit code 130: checkpoints are atomic, nothing needs to be tidied.

    Args:
        on_first: Called when a stop is first asked for, from that thread.

    Yields:
        A function that says whether a stop was asked for. Outside the main thread, where
        signals cannot be taken, it never was.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    requested = threading.Event()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)

    def listen() -> None:
        interrupts, told = 0, False
        while received := receiver.recv(1):
            interrupts += received[0] == signal.SIGINT
            if interrupts == 2:
                _end_at_once()
            if received[0] in (signal.SIGINT, signal.SIGTERM) and not told:
                requested.set()
                told = True
                on_first()

    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    previous_descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    # Python writes a signal's number to the descriptor only where it has a handler. Where
    # Python is running, the handler is sooner than the thread.
    previous = {
        number: signal.signal(number, lambda *_: requested.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield requested.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_descriptor)
        sender.close()
        listener.join()
        receiver.close()


def _end_at_once() -> None:
    if sys.stderr.isatty():
        sys.stderr.write(_SHOW_CURSOR)
    sys.stderr.write("\nmetaskill: ended at once; the last checkpoint is kept.\n")
    sys.stderr.flush()
    os._exit(130)
