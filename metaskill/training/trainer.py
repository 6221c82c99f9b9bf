"""The trainer: runs any learner, in compiled chunks, with all that surrounds them."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from metaskill.errors import Preempted, UserError
from metaskill.learner import Headline, Learner
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.chunks import Chunks
from metaskill.training.divergence import diverged_members, with_new_keys
from metaskill.training.experiment import Experiment, TrainerConfig
from metaskill.training.metrics import JsonLines, Row, Sink, TensorBoard, rows_of_chunk
from metaskill.training.progress import ProgressView
from metaskill.training.provenance import provenance
from metaskill.training.run_folder import RunFolder, cannot_write, write_json
from metaskill.training.signals import stop_on_signals


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
        evaluation: The last evaluation's metrics by name, one value a member.
        timing: Where the time went.
    """

    state: Any
    evaluation: dict[str, np.ndarray]
    timing: Timing


def train(experiment: Experiment, run: RunFolder, progress: ProgressView) -> Outcome:
    """Train an experiment to its end, from its last checkpoint if there is one.

    Every member of the population has the same program and a key of its own; the whole
    state, worlds and keys included, is one pytree that a chunk maps to the next. So a
    run that was interrupted continues bit for bit as if it had not been.

    A member that skips too many updates takes the run back to its last checkpoint, with
    new keys for that member. The others repeat what they did.

    Args:
        experiment: What to train.
        run: Where to write; `run.create` has been called.
        progress: Told about the run between chunks.

    Raises:
        Preempted: If SIGTERM or SIGINT asked for it; the state is saved.
        UserError: If the configuration is wrong, a file cannot be written, or members
            diverge again and again.
    """
    config = experiment.trainer
    chunks = Chunks(experiment.make_learner(), config)
    template = jax.eval_shape(chunks.init, experiment.hparams)
    with (
        stop_on_signals(lambda: progress.say(_STOPPING)) as stop,
        Checkpoints(run.checkpoints, config.checkpoints_kept) as checkpoints,
    ):

        def last_checkpoint() -> Checkpoint:
            restored = checkpoints.restore_latest(template)
            return restored or Checkpoint(chunks.init(experiment.hparams), iteration=0)

        start = last_checkpoint()
        if not run.provenance_file.exists():
            write_json(run.provenance_file, provenance())
        clock = time.perf_counter()
        run_chunk = chunks.compile(start.state)
        compiling = time.perf_counter() - clock
        job = _Job(config, chunks, run_chunk, run, checkpoints, progress, stop)
        diverged = np.zeros(config.population, bool)
        while True:
            try:
                outcome = _train_from(start, job)
            except _DivergedError as error:
                saved = last_checkpoint()
                # Whoever diverged since that checkpoint needs new keys this time too.
                again = saved.rollbacks < start.rollbacks
                diverged = (diverged & again) | error.members
                names = "seed " + ", ".join(str(chunks.seeds[i]) for i in np.flatnonzero(diverged))
                rollbacks = start.rollbacks + 1
                if rollbacks - saved.rollbacks > config.rollbacks_tolerated:
                    raise UserError(_GIVING_UP.format(names, saved.iteration)) from None
                progress.say(_GOING_BACK.format(names, error.iteration, saved.iteration))
                state = with_new_keys(saved.state, diverged, rollbacks)
                start = dataclasses.replace(saved, state=state, rollbacks=rollbacks)
            else:
                timing = dataclasses.replace(outcome.timing, compiling=compiling)
                return dataclasses.replace(outcome, timing=timing)


def restore(experiment: Experiment, run: RunFolder, best: bool = False) -> tuple[Learner, Any, int]:
    """Return a run's learner, its last or best state (axis: population) and its iteration.

    Raises:
        UserError: If there is no whole checkpoint.
    """
    learner = experiment.make_learner()
    template = jax.eval_shape(Chunks(learner, experiment.trainer).init, experiment.hparams)
    with Checkpoints(run.checkpoints) as checkpoints:
        read = checkpoints.restore_best if best else checkpoints.restore_latest
        restored = read(template)
    if restored is None:
        which = "evaluated checkpoint" if best else "checkpoint"
        raise UserError(f"{run.path} has no {which} yet: train it first.")
    return learner, restored.state, restored.iteration


_STOPPING = "stopping after this chunk, with the state saved (Ctrl-C again: at once)."
_GOING_BACK = (
    "{}: updates that are not finite, until iteration {}; going back to iteration {}, "
    "with new keys."
)
_GIVING_UP = (
    "{}: losses or gradients are not finite, however often training goes on from iteration {}: "
    "lower the learning rate, in another --workdir."
)


class _DivergedError(Exception):
    """Members skipped more updates than is tolerated."""

    def __init__(self, members: np.ndarray, iteration: int):
        super().__init__()
        self.members = members
        self.iteration = iteration


@dataclasses.dataclass(frozen=True)
class _Job:
    """What stays the same from the start of a run to its end, wherever it starts from."""

    config: TrainerConfig
    chunks: Chunks
    run_chunk: Callable[[Any], tuple[Any, dict[str, jax.Array]]]
    run: RunFolder
    checkpoints: Checkpoints
    progress: ProgressView
    stop: Callable[[], bool]


def _train_from(start: Checkpoint, job: _Job) -> Outcome:
    """Train from a checkpoint to the end of the run."""
    config, chunks = job.config, job.chunks
    state, iteration, seconds = start.state, start.iteration, start.seconds
    evaluating = saving = 0.0
    evaluation: dict[str, np.ndarray] = {}
    if job.stop():
        raise Preempted(_stopped_at(iteration))
    with _sinks(job.run, start, chunks.steps_per_iteration) as sinks:
        while iteration < chunks.total_iterations:
            clock = time.perf_counter()
            state, device_metrics = job.run_chunk(state)
            metrics = {name: np.asarray(values) for name, values in device_metrics.items()}
            chunk_seconds = time.perf_counter() - clock
            seconds += chunk_seconds
            iteration += config.iterations_per_chunk
            diverged = diverged_members(metrics, config.skips_tolerated)
            if diverged is not None:
                raise _DivergedError(diverged, iteration)
            stopping, last = job.stop(), iteration >= chunks.total_iterations
            rows = rows_of_chunk(
                metrics,
                seeds=chunks.seeds,
                iterations=range(iteration - config.iterations_per_chunk + 1, iteration + 1),
                steps_per_iteration=chunks.steps_per_iteration,
                seconds=seconds,
                rollbacks=start.rollbacks,
            )
            evaluated = last or chunks.is_due(iteration, config.chunks_per_evaluation)
            if evaluated:
                clock = time.perf_counter()
                evaluation = chunks.evaluate(state, iteration)
                evaluating += time.perf_counter() - clock
                _attach(rows, evaluation)
            saves = last or stopping or chunks.is_due(iteration, config.chunks_per_checkpoint)
            clock = time.perf_counter()
            if saves:  # The one before comes first: what is logged is lost by a chunk at most.
                job.checkpoints.wait()
            _write(sinks, rows, job.run)
            if saves:
                score = _score(evaluation, chunks.headline) if evaluated else None
                job.checkpoints.save(Checkpoint(state, iteration, seconds, start.rollbacks, score))
            saving += time.perf_counter() - clock
            job.progress.update(
                iteration * chunks.steps_per_iteration,
                chunks.env_steps_per_chunk / chunk_seconds,
                _lately(metrics, chunks.headline),
            )
            if stopping and not last:
                job.checkpoints.wait()
                raise Preempted(_stopped_at(iteration))
    if not evaluation:  # The run had ended before.
        evaluation = chunks.evaluate(state, iteration)
    clock = time.perf_counter()
    job.checkpoints.wait()
    saving += time.perf_counter() - clock
    return Outcome(state, evaluation, Timing(0.0, seconds, evaluating, saving))


@contextlib.contextmanager
def _sinks(run: RunFolder, start: Checkpoint, steps_per_iteration: int) -> Iterator[list[Sink]]:
    goes_on = start.iteration > 0 or start.rollbacks > 0
    try:
        sinks: list[Sink] = [
            JsonLines(run.metrics_file, resume_from=start.iteration),
            TensorBoard(run.events, start.iteration * steps_per_iteration if goes_on else None),
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


def _attach(rows: list[Row], evaluation: dict[str, np.ndarray]) -> None:
    """Put an evaluation into the rows of the last iteration (one a member)."""
    for name, values in evaluation.items():
        for row, value in zip(rows[-len(values) :], values, strict=True):
            row[name] = float(value)


def _score(evaluation: dict[str, np.ndarray], headline: Headline) -> float | None:
    """Return what the best checkpoint is the best by: the population's mean headline."""
    score = float(np.mean(evaluation[headline.metric]))
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
