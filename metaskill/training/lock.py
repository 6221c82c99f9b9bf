"""One process at a time writes into a folder: of runs, sweeps, data sets, adaptations.

The lock of a folder is a file beside it, `FOLDER.lock`, that says who holds it. A process that was
killed leaves its lock behind; on the same machine that is noticed and the lock taken over.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
from collections.abc import Iterator

from metaskill.errors import UserError
from metaskill.training.run_folder import cannot_write


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        host: The machine's name.
        process: The process's number there.
        started: When the process started, in a form that only compares: numbers are used again.
    """

    host: str
    process: int
    started: str


@contextlib.contextmanager
def locked(folder: pathlib.Path, take_over: bool = False) -> Iterator[None]:
    """Hold the lock of a folder.

    Args:
        folder: The folder, which need not be there yet.
        take_over: Whether to take the lock from a process on another machine, of which nobody
            here can say whether it still runs.

    Raises:
        UserError: If another process holds the lock, or the lock cannot be written.
    """
    lock = folder.absolute().with_name(f"{folder.absolute().name}.lock")
    own = Holder(socket.gethostname(), os.getpid(), _started(os.getpid()) or "")
    made = [parent for parent in lock.parents if not parent.exists()]
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        while not _written(lock, own):
            holder = _read(lock)
            if holder == own:
                raise UserError(f"{folder} is written by this very process already.")
            _require_gone(folder, lock, holder, take_over)
            with contextlib.suppress(FileNotFoundError):  # Another took it over meanwhile.
                stale = lock.with_name(f"{lock.name}.{os.getpid()}.stale")
                lock.rename(stale)
                stale.unlink()
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if _read(lock) == own:
                lock.unlink()
            for parent in made:  # Where nothing was written after all, nothing is left.
                parent.rmdir()


def _written(lock: pathlib.Path, own: Holder) -> bool:
    """Write the lock whole, unless there is one."""
    draft = lock.with_name(f"{lock.name}.{os.getpid()}")
    draft.write_text(json.dumps(dataclasses.asdict(own)) + "\n")
    try:
        os.link(draft, lock)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _read(lock: pathlib.Path) -> Holder | None:
    """Return who holds a lock; None where the file is gone or says nothing."""
    try:
        record = json.loads(lock.read_text())
        return Holder(str(record["host"]), int(record["process"]), str(record["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _require_gone(
    folder: pathlib.Path, lock: pathlib.Path, holder: Holder | None, take_over: bool
) -> None:
    if take_over or not lock.exists():
        return
    if holder is None:
        raise UserError(f"{lock} cannot be read: if nothing writes into {folder}, add --take-over.")
    if holder.host != socket.gethostname():
        raise UserError(
            f"{folder} is written by process {holder.process} on {holder.host}: if that has ended, "
            "add --take-over."
        )
    if _started(holder.process) == holder.started:
        raise UserError(
            f"{folder} is being written by process {holder.process}: wait for it, stop it, or "
            "choose another folder."
        )


def _started(process: int) -> str | None:
    """Say when a process of this machine started; None where there is none."""
    stat = pathlib.Path(f"/proc/{process}/stat")
    if pathlib.Path("/proc/self/stat").exists():
        try:
            # The name, in brackets, may hold anything; the start is the 20th field behind it.
            return stat.read_text().rpartition(")")[2].split()[19]
        except OSError:
            return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "running"
