"""The record of a run, and its sinks."""

import json
import math
import os
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from metaskill.training.population import Population

Row = dict[str, float | int | None]
"""Metrics of one member of the population at one iteration."""


class Sink(Protocol):
    """Where rows go."""

    def write(self, rows: Iterable[Row]) -> None:
        """Take rows, in order."""
        ...

    def close(self) -> None:
        """Flush and release files."""
        ...


class JsonLines:
    """`metrics.jsonl`: the record, from which every curve and table is drawn."""

    def __init__(self, path: pathlib.Path, resume_from: int = 0):
        """Open the file, dropping rows of iterations after `resume_from`.

        An interrupted run may have logged more than its last checkpoint holds. The kept
        rows are written beside the file first: a process killed now loses none of them.
        """
        if path.exists():
            kept = [row for row in read_rows(path) if (row["iteration"] or 0) <= resume_from]
            partial = path.with_name(path.name + ".partial")
            partial.write_text("".join(_line(row) for row in kept))
            os.replace(partial, path)
        self._file = path.open("a")

    def write(self, rows: Iterable[Row]) -> None:
        """Append one line a row."""
        self._file.writelines(_line(row) for row in rows)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoard:
    """Event files, one folder a member, for TensorBoard."""

    def __init__(self, folder: pathlib.Path, names: dict[int, str], resume_from: int | None = None):
        """Prepare to write below `folder`.

        Args:
            folder: Where the members' folders are.
            names: Their names, by number.
            resume_from: Environment steps after which earlier events no longer hold.
        """
        self._folder = folder
        self._names = names
        self._purge_step = None if resume_from is None else resume_from + 1
        self._writers: dict[Any, Any] = {}

    def write(self, rows: Iterable[Row]) -> None:
        """Add every value as a scalar against environment steps."""
        from tensorboardX import SummaryWriter

        for row in rows:
            member = int(row["member"] or 0)
            if member not in self._writers:
                folder = str(self._folder / _folder_name(self._names[member]))
                self._writers[member] = SummaryWriter(folder, purge_step=self._purge_step)
            for name, value in row.items():
                if value is not None and name not in ("member", "seed", "iteration", "env_steps"):
                    self._writers[member].add_scalar(name, value, row["env_steps"])

    def close(self) -> None:
        """Close every writer."""
        for writer in self._writers.values():
            writer.close()


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.,=+-]+", "_", name)


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"


def read_rows(path: pathlib.Path) -> Iterator[Row]:
    """Read `metrics.jsonl`; a last line cut off by a crash is skipped."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def rows_of_chunk(
    metrics: dict[str, np.ndarray],
    *,
    population: Population,
    iterations: Iterable[int],
    steps_per_iteration: int,
    seconds: float,
    rollbacks: int = 0,
) -> list[Row]:
    """Make rows of a chunk's metrics.

    Args:
        metrics: Arrays with axes (iteration, population).
        population: The members.
        iterations: The iterations' numbers.
        steps_per_iteration: Environment steps of each member in an iteration.
        seconds: Training time at the end of the chunk.
        rollbacks: Times that the run has gone back to a checkpoint so far.
    """
    return [
        {
            "iteration": iteration,
            "env_steps": iteration * steps_per_iteration,
            "member": member.number,
            "seed": member.seed,
            "seconds": round(seconds, 3),
            "rollbacks": rollbacks,
            **{name: _number(values[i, j]) for name, values in metrics.items()},
        }
        for i, iteration in enumerate(iterations)
        for j, member in enumerate(population)
    ]


def _number(value: Any) -> float | None:
    """Return a float, or None (JSON's null) where it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None
