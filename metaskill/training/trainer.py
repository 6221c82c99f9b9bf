"""The trainer: runs any learner, in compiled chunks, with all that surrounds them."""

import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.learner import Learner
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.chunks import Chunks
from metaskill.training.distributed import any_of_all, is_writer
from metaskill.training.divergence import with_new_keys
from metaskill.training.experiment import Experiment
from metaskill.training.loop import DivergedError, Job, Outcome, Timing, train_from
from metaskill.training.mesh import MeshShape
from metaskill.training.population import Population, members_of
from metaskill.training.profiling import RunChunk, traced_once
from metaskill.training.progress import ProgressView
from metaskill.training.provenance import provenance
from metaskill.training.run_folder import RunFolder, write_json
from metaskill.training.signals import stop_on_signals

__all__ = ["STOPPING", "Outcome", "Timing", "restore", "say_rounding", "train", "train_population"]

STOPPING = "stopping after this chunk, with the state saved (Ctrl-C again: at once)."


def train(
    experiment: Experiment,
    run: RunFolder,
    progress: ProgressView,
    mesh: MeshShape | None = None,
    profile: bool = False,
) -> Outcome:
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
        mesh: Over how many devices; None for one.
        profile: Whether to write a trace of the first chunk into the run folder.

    Raises:
        Preempted: If SIGTERM or SIGINT asked for it; the state is saved.
        UserError: If the configuration is wrong, a file cannot be written, or a member
            diverges again and again.
    """
    config = experiment.trainer
    if mesh and config.population % mesh.population:
        raise UserError(
            f"config.trainer.population={config.population} cannot be divided over "
            f"population={mesh.population} parts of the mesh: choose a multiple."
        )
    chunks = Chunks(experiment.make_learner(), config, mesh)
    say_rounding([chunks], progress)
    with stop_on_signals(lambda: progress.say(STOPPING)) as stop:
        return train_population(
            chunks, members_of(experiment), run, progress, stop, profile=profile
        )


def say_rounding(programs: Iterable[Chunks], progress: ProgressView) -> None:
    """Say where whole iterations miss the budget by more than a hundredth."""

    def missed(chunks: Chunks) -> float:
        return abs(chunks.total_steps / chunks.config.env_steps - 1.0)

    worst = max(programs, key=missed)
    if missed(worst) > 0.01:
        progress.say(
            f"an iteration makes {worst.steps_per_iteration:,} steps, so members train for "
            f"{worst.total_steps:,} instead of {worst.config.env_steps:,}."
        )


def train_population(
    chunks: Chunks,
    population: Population,
    run: RunFolder,
    progress: ProgressView,
    stop: Callable[[], bool],
    *,
    begin: Callable[[], Checkpoint] | None = None,
    fail_alone: bool = False,
    profile: bool = False,
) -> Outcome:
    """Train some members to the end, from their last checkpoint if there is one.

    Args:
        chunks: Their programs.
        population: The members.
        run: Where to write.
        progress: Told about the run between chunks.
        stop: Says whether a stop was asked for.
        begin: What there is before the first checkpoint; by default untrained members.
        fail_alone: What becomes of a member that diverges again and again: it is written down
            as failed while the others go on, instead of ending the run.
        profile: Whether to write a trace of the first chunk into the run folder.

    Raises:
        Preempted: If a stop was asked for; the state is saved.
        UserError: As in `train`.
    """
    config = chunks.config
    template = chunks.template(population)
    newer = functools.partial(chunks.hyperparameters, population)
    with Checkpoints(run.checkpoints, config.checkpoints_kept) as checkpoints:

        def last_checkpoint() -> Checkpoint:
            found = checkpoints.restore_latest(template, newer) or (begin() if begin else None)
            if found is None:
                return Checkpoint(chunks.init(population), iteration=0)
            return dataclasses.replace(found, state=chunks.place(found.state, population))

        start = last_checkpoint()
        if is_writer() and not run.provenance_file.exists():
            run.path.mkdir(parents=True, exist_ok=True)
            write_json(run.provenance_file, provenance())
        clock = time.perf_counter()
        if start.iteration < chunks.total_iterations:
            chunks.compile(population)
        compiling = time.perf_counter() - clock
        run_chunk: RunChunk = functools.partial(chunks.run, population)
        if profile:
            run_chunk = traced_once(run_chunk, run.profile)
        job = Job(
            chunks, population, run_chunk, run, checkpoints, progress, lambda: any_of_all(stop())
        )
        diverged = np.zeros(len(population), int)  # How often, since the last checkpoint.
        while len(start.failed) < len(population):
            try:
                outcome = train_from(start, job)
            except DivergedError as error:
                saved = last_checkpoint()
                # Whoever diverged since that checkpoint needs new keys this time too.
                again = saved.rollbacks < start.rollbacks
                diverged = (diverged if again else 0) + error.members
                incurable = diverged > config.rollbacks_tolerated
                if incurable.any() and not fail_alone:
                    names = _names(population, incurable)
                    raise UserError(_GIVING_UP.format(names, saved.iteration)) from None
                ill = (diverged > 0) & ~incurable
                if (error.members & incurable).any():
                    names = _names(population, error.members & incurable)
                    progress.say(_FAILED.format(names, saved.iteration))
                if (error.members & ill).any():
                    names = _names(population, ill)
                    progress.say(_GOING_BACK.format(names, error.iteration, saved.iteration))
                rollbacks = start.rollbacks + 1
                failed = {*saved.failed, *np.flatnonzero(incurable).tolist()}
                start = dataclasses.replace(
                    saved,
                    state=with_new_keys(saved.state, ill, rollbacks),
                    rollbacks=rollbacks,
                    failed=tuple(sorted(failed)),
                )
            else:
                timing = dataclasses.replace(outcome.timing, compiling=compiling)
                return dataclasses.replace(outcome, timing=timing)
        checkpoints.save(start)
        return Outcome(start.state, {}, Timing(compiling, start.seconds))


def restore(experiment: Experiment, run: RunFolder, best: bool = False) -> tuple[Learner, Any, int]:
    """Return a run's learner, its last or best state (axis: population) and its iteration.

    Raises:
        UserError: If there is no whole checkpoint.
    """
    learner = experiment.make_learner()
    chunks, population = Chunks(learner, experiment.trainer), members_of(experiment)
    with Checkpoints(run.checkpoints) as checkpoints:
        read = checkpoints.restore_best if best else checkpoints.restore_latest
        restored = read(
            chunks.template(population), functools.partial(chunks.hyperparameters, population)
        )
    if restored is None:
        which = "evaluated checkpoint" if best else "checkpoint"
        raise UserError(f"{run.path} has no {which} yet: train it first.")
    return learner, restored.state, restored.iteration


_GOING_BACK = (
    "{}: updates that are not finite, until iteration {}; going back to iteration {}, "
    "with new keys."
)
_GIVING_UP = (
    "{}: losses or gradients are not finite, however often training goes on from iteration {}: "
    "lower the learning rate, in another --workdir."
)
_FAILED = (
    "{}: losses or gradients are not finite, however often training goes on from iteration {}; "
    "failed, while the others go on."
)


def _names(population: Population, members: np.ndarray) -> str:
    return ", ".join(member.name for member in itertools.compress(population, members))
