"""Checkpoints of a whole training state: atomic, checked, never unpickled."""

import dataclasses
import json
import logging
import pathlib
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np

from metaskill.errors import UserError
from metaskill.training.distributed import is_writer, wait_for_all
from metaskill.training.run_folder import cannot_write, write_json
from metaskill.training.state_arrays import Newer, from_arrays, to_arrays
from metaskill.training.storage import checksum, read_arrays, write_arrays

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A run at one moment.

    Attributes:
        state: The whole training state, a pytree of arrays.
        iteration: Iterations done.
        seconds: Training time until then.
        rollbacks: Times that the run had gone back to an earlier checkpoint.
        score: What the best checkpoint is the best by; None where it was not measured.
        failed: Positions of the members that have ended alone: their state means nothing.
    """

    state: Any
    iteration: int
    seconds: float = 0.0
    rollbacks: int = 0
    score: float | None = None
    failed: tuple[int, ...] = ()


class Checkpoints:
    """The checkpoints of one run: the newest, and the best.

    A state is stored as a flat dictionary of arrays by their path in the pytree, with a
    checksum. PRNG keys are stored as their data. Files are written by a thread, beside
    training, and appear under their name only when they are whole; so a process that is
    killed at any moment leaves the checkpoints that it had.
    """

    def __init__(self, folder: pathlib.Path, kept: int = 3):
        """Open the folder, without creating it.

        Args:
            folder: Where they are.
            kept: How many of the newest stay, beside the one with the best score.
        """
        self._folder = folder.absolute()
        self._kept = kept
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None

    def __enter__(self) -> Self:
        """Use them until the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is being written; say its failure if nothing else went wrong."""
        self._writer.shutdown()
        if error is None:
            self.wait()

    def save(self, checkpoint: Checkpoint) -> None:
        """Copy a state to the host and begin to write it.

        On return the state's buffers may be overwritten. A save that is still being
        written is waited for first, so at most one copy is in memory.

        Raises:
            UserError: If it, or the one before, cannot be written; earlier ones are
                still there.
        """
        self.wait()
        arrays = to_arrays(checkpoint.state)
        if not is_writer():
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _check_space(self._folder, sum(array.nbytes for array in arrays.values()))
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._pending = self._writer.submit(self._write, arrays, checkpoint)

    def wait(self) -> None:
        """Wait until the last save is on disk.

        Raises:
            UserError: If it could not be written.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            try:
                pending.result()
            except (OSError, ValueError) as error:
                # Orbax passes on the file system's refusals as either of them.
                raise cannot_write(self._folder, error) from error

    def iterations(self) -> list[int]:
        """List the iterations that have a checkpoint, oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())

    def best(self) -> int | None:
        """Return the iteration with the highest score, the newest of equals."""
        scores = {iteration: self._score(iteration) for iteration in self.iterations()}
        scored = [(score, iteration) for iteration, score in scores.items() if score is not None]
        return max(scored)[1] if scored else None

    def restore_latest(self, template: Any, newer: Newer = dict) -> Checkpoint | None:
        """Return the newest checkpoint that is whole; None where there is none.

        A damaged checkpoint is named in a warning and moved aside, into
        `damaged_checkpoints` beside the folder.

        Args:
            template: A pytree of the state's structure; shapes and dtypes suffice.
            newer: Makes leaves, by name, that checkpoints may be too old to have.

        Raises:
            UserError: If every checkpoint is damaged, or the newest is of another
                configuration.
        """
        self.wait()
        wait_for_all("checkpoint")
        iterations = self.iterations()
        for iteration in reversed(iterations):
            try:
                arrays, description = self._read(iteration)
            except Exception as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                _logger.warning(
                    "checkpoint %d is damaged (%s); going back to the one before.",
                    iteration,
                    reason[:200],
                )
                self._move_aside(iteration)
                continue
            return Checkpoint(from_arrays(template, arrays, newer), iteration, **description)
        if iterations:
            raise UserError(
                f"every checkpoint in {self._folder} is damaged: start the run again in "
                "another --workdir."
            )
        return None

    def restore_best(self, template: Any, newer: Newer = dict) -> Checkpoint | None:
        """Return the checkpoint with the highest score; None where none has one.

        Args:
            template: As for `restore_latest`.
            newer: As for `restore_latest`.

        Raises:
            UserError: If it is damaged, or of another configuration.
        """
        iteration = self.best()
        if iteration is None:
            return None
        try:
            arrays, description = self._read(iteration)
        except Exception as error:
            raise UserError(
                f"the best checkpoint, {self._folder / str(iteration)}, is damaged: use the last."
            ) from error
        return Checkpoint(from_arrays(template, arrays, newer), iteration, **description)

    def read_arrays(self, iteration: int) -> dict[str, np.ndarray]:
        """Return a checkpoint's arrays by their names, without knowing what they mean."""
        return self._read(iteration)[0]

    def _write(self, arrays: dict[str, np.ndarray], checkpoint: Checkpoint) -> None:
        """Write beside, then rename: a reader sees all of it or nothing."""
        for leftover in self._folder.glob("*.partial"):  # Of a process that was killed.
            shutil.rmtree(leftover)
        final = self._folder / str(checkpoint.iteration)
        partial = final.with_name(f"{final.name}.partial")
        partial.mkdir()
        write_arrays(partial / "state", arrays)
        description = {
            "seconds": checkpoint.seconds,
            "rollbacks": checkpoint.rollbacks,
            "score": checkpoint.score,
            "failed": checkpoint.failed,
        }
        write_json(
            partial / "description.json", {"checksum": checksum(arrays), "checkpoint": description}
        )
        if final.exists():
            _delete(final)
        partial.rename(final)
        iterations = self.iterations()
        for iteration in {*iterations} - {*iterations[-self._kept :], self.best()}:
            _delete(self._folder / str(iteration))

    def _read(self, iteration: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        folder = self._folder / str(iteration)
        record = json.loads((folder / "description.json").read_text())
        arrays = read_arrays(folder / "state")
        if checksum(arrays) != record["checksum"]:
            raise ValueError("its contents do not match its checksum")
        description = record["checkpoint"]
        return arrays, description | {"failed": tuple(description.get("failed", ()))}

    def failed(self, iteration: int) -> tuple[int, ...]:
        """Return the positions of the members that had ended alone."""
        record = json.loads((self._folder / str(iteration) / "description.json").read_text())
        return tuple(record["checkpoint"].get("failed", ()))

    def _score(self, iteration: int) -> float | None:
        try:
            record = json.loads((self._folder / str(iteration) / "description.json").read_text())
            return record["checkpoint"]["score"]
        except (OSError, ValueError, KeyError, TypeError):  # Damaged: not the best, then.
            return None

    def _move_aside(self, iteration: int) -> None:
        if not is_writer():
            return
        aside = self._folder.with_name("damaged_checkpoints")
        aside.mkdir(exist_ok=True)
        shutil.rmtree(aside / str(iteration), ignore_errors=True)
        shutil.move(self._folder / str(iteration), aside / str(iteration))


def _delete(folder: pathlib.Path) -> None:
    """Take its name away first, so that no reader finds half of it."""
    unnamed = folder.with_name(f"{folder.name}.old.partial")
    folder.rename(unnamed)
    shutil.rmtree(unnamed)


def _check_space(folder: pathlib.Path, n_bytes: int) -> None:
    """Refuse before orbax starts: its own failures print a page from every thread."""
    free = shutil.disk_usage(folder).free
    wanted = n_bytes + 2**20  # Metadata and the file system's blocks.
    if free < wanted:
        raise OSError(
            f"the disk has {free / 1e6:.1f} MB left, a checkpoint needs {wanted / 1e6:.1f}"
        )
