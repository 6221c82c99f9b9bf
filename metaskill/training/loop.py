"""The loop of a run: from a checkpoint to the end, a chunk at a time."""

import contextlib
import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool

from metaskill.errors import Preempted
from metaskill.learner import Headline
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.chunks import Chunks
from metaskill.training.distributed import any_of_all, is_writer
from metaskill.training.divergence import diverged_members
from metaskill.training.metrics import JsonLines, Row, Sink, TensorBoard, rows_of_chunk
from metaskill.training.population import Population
from metaskill.training.profiling import RunChunk
from metaskill.training.progress import ProgressView
from metaskill.training.run_folder import RunFolder, cannot_write


@dataclasses.dataclass(frozen=True)
class Timing:
    """Where the wall-clock went, seconds.

    Attributes:
        compiling: Tracing and compiling the chunk, this time.
        training: Chunks, over all resumptions.
        evaluating: Evaluations, their compilation included, this time.
        saving: What training waited for checkpoints, this time.
    """

    compiling: float = 0.0
    training: float = 0.0
    evaluating: float = 0.0
    saving: float = 0.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        state: The last state (axis: population).
        evaluation: The last evaluation's metrics by name, one value a member: NaN for one that
            failed.
        timing: Where the time went.
    """

    state: Any
    evaluation: dict[str, np.ndarray]
    timing: Timing


class DivergedError(Exception):
    """Members skipped more updates than is tolerated."""

    def __init__(self, members: np.ndarray, iteration: int):
        super().__init__()
        self.members = members
        self.iteration = iteration


@dataclasses.dataclass(frozen=True)
class Job:
    """What stays the same from the start of a run to its end, wherever it starts from."""

    chunks: Chunks
    population: Population
    run_chunk: RunChunk
    run: RunFolder
    checkpoints: Checkpoints
    progress: ProgressView
    stop: Callable[[], bool]


def train_from(start: Checkpoint, job: Job) -> Outcome:
    """Train from a checkpoint to the end of the run."""
    chunks, population = job.chunks, job.population
    config = chunks.config
    failed = np.isin(np.arange(len(population)), start.failed)
    state, iteration, seconds, saved_at = start.state, start.iteration, start.seconds, start.seconds
    evaluating = saving = 0.0
    evaluation: dict[str, np.ndarray] = {}
    if job.stop():
        raise Preempted(_stopped_at(iteration))
    with _sinks(job, start) as sinks:
        while iteration < chunks.total_iterations:
            length = chunks.length_after(iteration)
            clock = time.perf_counter()
            state, metrics = job.run_chunk(state, length)
            chunk_seconds = time.perf_counter() - clock
            seconds += chunk_seconds
            iteration += length
            diverged = diverged_members(metrics, config.skips_tolerated, failed)
            if diverged is not None:
                raise DivergedError(diverged, iteration)
            stopping, last = job.stop(), iteration >= chunks.total_iterations
            rows = rows_of_chunk(
                metrics,
                population=population,
                iterations=range(iteration - length + 1, iteration + 1),
                steps_per_iteration=chunks.steps_per_iteration,
                seconds=seconds,
                rollbacks=start.rollbacks,
            )
            evaluated = last or chunks.is_due(iteration, config.chunks_per_evaluation)
            if evaluated:
                clock = time.perf_counter()
                evaluation = _evaluate(job, state, iteration, failed)
                evaluating += time.perf_counter() - clock
                _attach(rows, evaluation)
            saves = last or stopping
            if not saves and chunks.is_due(iteration, config.chunks_per_checkpoint):
                # Clocks of several processes differ, and all must save or none.
                saves = any_of_all(seconds - saved_at >= config.seconds_per_checkpoint)
            clock = time.perf_counter()
            if saves:  # The one before comes first: what is logged is lost by a chunk at most.
                job.checkpoints.wait()
            _write(sinks, _of_members(rows, ~failed), job.run)
            if saves:
                score = _score(evaluation, chunks.headline, failed) if evaluated else None
                job.checkpoints.save(
                    Checkpoint(state, iteration, seconds, start.rollbacks, score, start.failed)
                )
                saved_at = seconds
            saving += time.perf_counter() - clock
            job.progress.update(
                iteration * chunks.steps_per_iteration,
                len(population) * length * chunks.steps_per_iteration / chunk_seconds,
                _lately(metrics, chunks.headline),
            )
            if stopping and not last:
                job.checkpoints.wait()
                raise Preempted(_stopped_at(iteration))
    if not evaluation:  # The run had ended before.
        evaluation = _evaluate(job, state, iteration, failed)
    clock = time.perf_counter()
    job.checkpoints.wait()
    saving += time.perf_counter() - clock
    return Outcome(state, evaluation, Timing(0.0, seconds, evaluating, saving))


@contextlib.contextmanager
def _sinks(job: Job, start: Checkpoint) -> Iterator[list[Sink]]:
    run = job.run
    if not is_writer():
        yield []
        return
    goes_on = start.iteration > 0 or start.rollbacks > 0
    steps = start.iteration * job.chunks.steps_per_iteration
    names = {member.number: member.name for member in job.population}
    try:
        sinks: list[Sink] = [
            JsonLines(run.metrics_file, resume_from=start.iteration),
            TensorBoard(run.events, names, steps if goes_on else None),
        ]
    except OSError as error:
        raise cannot_write(run.path, error) from error
    try:
        yield sinks
    finally:
        for sink in sinks:
            sink.close()


def _write(sinks: list[Sink], rows: list[Row], run: RunFolder) -> None:
    try:
        for sink in sinks:
            sink.write(rows)
    except OSError as error:
        raise cannot_write(run.path, error) from error


def _evaluate(
    job: Job, state: Any, iteration: int, failed: Bool[np.ndarray, " population"]
) -> dict[str, np.ndarray]:
    """Evaluate every member; NaN stands for those that have failed."""
    evaluation = job.chunks.evaluate(state, job.population, iteration)
    return {name: np.where(failed, np.nan, values) for name, values in evaluation.items()}


def _attach(rows: list[Row], evaluation: dict[str, np.ndarray]) -> None:
    """Put an evaluation into the rows of the last iteration (one a member)."""
    for name, values in evaluation.items():
        for row, value in zip(rows[-len(values) :], values, strict=True):
            row[name] = float(value)


def _of_members(rows: list[Row], members: Bool[np.ndarray, " population"]) -> list[Row]:
    """Return the rows of some members; there is one a member of each iteration."""
    return list(itertools.compress(rows, itertools.cycle(members)))


def _score(
    evaluation: dict[str, np.ndarray], headline: Headline, failed: Bool[np.ndarray, " population"]
) -> float | None:
    """Return what the best checkpoint is the best by: the mean headline of all that go on."""
    score = float(np.mean(evaluation[headline.metric], where=~failed))
    if not math.isfinite(score):
        return None
    return score if headline.higher_is_better else -score


def _lately(metrics: dict[str, np.ndarray], headline: Headline) -> float:
    """Return what a learner is judged by, averaged over the last iterations."""
    values = metrics.get(headline.running, np.array([np.nan]))
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def _stopped_at(iteration: int) -> str:
    return f"stopped at iteration {iteration}; the same command goes on from there."
