"""A sweep: members of different hyperparameters, trained side by side."""

import dataclasses
import functools
import itertools
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from metaskill.errors import Preempted, UserError
from metaskill.learner import Headline, Learner
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.chunks import Chunks
from metaskill.training.memory import split_to_fit
from metaskill.training.mesh import MeshShape
from metaskill.training.metrics import Row, read_rows
from metaskill.training.population import Population
from metaskill.training.progress import ProgressView
from metaskill.training.run_folder import RunFolder, cannot_write, write_json
from metaskill.training.signals import stop_on_signals
from metaskill.training.standings import Standing, better_half
from metaskill.training.trainer import STOPPING, say_rounding, train_population
from metaskill.training.variations import SweepMember


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What a sweep trains, and how.

    Attributes:
        members: All of them, in the order of their numbers.
        rungs: After which parts of the training the worse half of the settings is dropped:
            increasing, between 0 and 1. Successive halving (Jamieson and Talwalkar 2016).
        memory: Bytes that a batch may need, on each device.
        mesh: Over how many devices. A batch that does not divide over all parts of the
            population takes the most that it does.
    """

    members: Sequence[SweepMember]
    rungs: tuple[float, ...]
    memory: int
    mesh: MeshShape = dataclasses.field(default_factory=MeshShape)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Members that train in one program.

    Attributes:
        folder: Its files: checkpoints, metrics, events.
        chunks: Its programs, shared with other batches.
        members: In the order of the axis `population`.
    """

    folder: RunFolder
    chunks: Chunks
    members: Sequence[SweepMember]

    @property
    def population(self) -> Population:
        """What the programs are given."""
        return tuple(planned.member for planned in self.members)

    def restore(self) -> Checkpoint | None:
        """Return its last checkpoint."""
        with Checkpoints(self.folder.checkpoints) as checkpoints:
            return checkpoints.restore_latest(
                self.chunks.template(self.population),
                functools.partial(self.chunks.hyperparameters, self.population),
            )

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to train."""
        checkpoints = Checkpoints(self.folder.checkpoints)
        *_, last = [-1, *checkpoints.iterations()]
        failed = checkpoints.failed(last) if last >= 0 else ()
        return last >= self.chunks.total_iterations or len(failed) == len(self.members)

    def standings(self) -> Iterator[Standing]:
        """Say how far each of its members came; it is finished."""
        rows: dict[Any, Row] = {row["member"]: row for row in read_rows(self.folder.metrics_file)}
        for planned in self.members:
            last = rows.get(planned.member.number)
            iteration = int((last or {}).get("iteration") or 0)
            # Beyond the end in sweeps from when budgets were rounded up to whole chunks.
            finished = iteration >= self.chunks.total_iterations
            yield Standing(planned, "finished" if finished else "failed", last)


@dataclasses.dataclass(frozen=True)
class SweepOutcome:
    """How a sweep ended.

    Attributes:
        standings: Of every member, in the order of their numbers.
        batches: All batches, those of earlier rungs first.
        headline: What the learner is judged by.
        step_unit: What its steps are.
    """

    standings: list[Standing]
    batches: list[Batch]
    headline: Headline
    step_unit: str


def run_sweep(sweep: Sweep, folder: pathlib.Path, progress: ProgressView) -> SweepOutcome:
    """Train all members to the end, or from where an earlier call was stopped.

    Members of one program train as one population, in as few batches as memory allows. A
    member that diverges for good ends alone. Between rungs the survivors are put into new,
    fewer batches.

    Args:
        sweep: What to train.
        folder: Where to write: `rung_I/batch_J` hold the batches.
        progress: Told about every batch.

    Raises:
        Preempted: If SIGTERM or SIGINT asked for it; the state is saved.
        UserError: If the configuration is wrong, or a file cannot be written.
    """
    learners = {p.program: p.config.make_learner() for p in sweep.members}
    first = next(iter(learners.values()))
    members = list(sweep.members)
    standings: dict[int, Standing] = {}
    batches: list[Batch] = []
    previous: list[Batch] = []
    programs: list[dict[str, Chunks]] = []
    for part in (*sweep.rungs, 1.0):
        programs.append(_programs(sweep, learners, part, programs[-1] if programs else None))
    _require_progress(programs)
    say_rounding(programs[-1].values(), progress)
    with stop_on_signals(lambda: progress.say(STOPPING)) as stop:
        for rung, chunks in enumerate(programs):
            stage = folder / f"rung_{rung}"
            current = _batches(stage, members, chunks, sweep.memory, stop)
            for number, batch in enumerate(current):
                if batch.is_finished:
                    continue
                if len(current) > 1:
                    progress.say(f"batch {number + 1} of {len(current)}, rung {rung}.")
                train_population(
                    batch.chunks,
                    batch.population,
                    batch.folder,
                    progress,
                    stop,
                    begin=_gathering(batch, previous) if previous else None,
                    fail_alone=True,
                )
            batches += current
            found = [standing for batch in current for standing in batch.standings()]
            found.sort(key=lambda standing: standing.planned.member.number)
            last = rung == len(sweep.rungs)
            members = [] if last else better_half(found, first.headline)
            kept = {planned.member.number for planned in members}
            for standing in found:
                number = standing.planned.member.number
                dropped = standing.status == "finished" and not last and number not in kept
                standings[number] = dataclasses.replace(
                    standing,
                    status="dropped" if dropped else standing.status,
                    last=standing.last or (standings[number].last if rung else None),
                )
            previous = current
            if not members:
                break
    ordered = [standings[number] for number in sorted(standings)]
    return SweepOutcome(ordered, batches, first.headline, first.step_unit)


def _programs(
    sweep: Sweep, learners: dict[str, Learner], part: float, before: dict[str, Chunks] | None
) -> dict[str, Chunks]:
    """Return the chunks of every program, for a part of the training and after the part before."""
    configs = {planned.program: planned.config.trainer for planned in sweep.members}
    return {
        program: Chunks(
            learner,
            dataclasses.replace(
                configs[program], env_steps=max(1, round(part * configs[program].env_steps))
            ),
            sweep.mesh,
            begins_at=before[program].total_iterations if before else 0,
        )
        for program, learner in learners.items()
    }


def _require_progress(programs: list[dict[str, Chunks]]) -> None:
    for earlier, later in itertools.pairwise(programs):
        for program, chunks in earlier.items():
            if later[program].total_iterations <= chunks.total_iterations:
                raise UserError(
                    "there is no iteration between two rungs of --halving: choose rungs further "
                    "apart, or a larger --config.trainer.env_steps."
                )


def _batches(
    stage: pathlib.Path,
    members: Sequence[SweepMember],
    chunks: dict[str, Chunks],
    memory: int,
    stop: Callable[[], bool],
) -> list[Batch]:
    """Return the batches of a rung: those of `plan.json`, or planned now and written there.

    What fits may differ when the sweep goes on; who trains with whom must not.
    """
    plan = stage / "plan.json"
    by_number = {planned.member.number: planned for planned in members}
    if plan.exists():
        numbers = json.loads(plan.read_text())
    else:
        numbers = []
        for program, programs in chunks.items():
            if stop():
                raise Preempted("stopped before training; the same command goes on from there.")
            group = tuple(p.member for p in members if p.program == program)
            if group:
                parts = split_to_fit(programs, group, memory)
                numbers += [[member.number for member in part] for part in parts]
        try:
            stage.mkdir(parents=True, exist_ok=True)
            write_json(plan, numbers)
        except OSError as error:
            raise cannot_write(stage, error) from error
    return [
        Batch(
            RunFolder(stage / f"batch_{index}"),
            chunks[by_number[batch[0]].program],
            [by_number[number] for number in batch],
        )
        for index, batch in enumerate(numbers)
    ]


def _gathering(batch: Batch, previous: list[Batch]) -> Callable[[], Checkpoint]:
    """Return a function that brings a batch's members together from the batches before."""

    def gather() -> Checkpoint:
        states, found, seconds, iteration = [], [], 0.0, 0
        wanted = {planned.member.number for planned in batch.members}
        for source in previous:
            numbers = [planned.member.number for planned in source.members]
            chosen = [i for i, number in enumerate(numbers) if number in wanted]
            if not chosen:
                continue
            saved = source.restore()
            if saved is None or saved.iteration < source.chunks.total_iterations:
                raise UserError(
                    f"{source.folder.path} is damaged: the same command trains it again."
                )
            states.append(_take(saved.state, chosen))
            found += [numbers[i] for i in chosen]
            seconds, iteration = max(seconds, saved.seconds), saved.iteration
        joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *states)
        order = [found.index(planned.member.number) for planned in batch.members]
        return Checkpoint(_take(joined, order), iteration, seconds)

    return gather


def _take(state: Any, members: list[int]) -> Any:
    indices = jnp.array(members)
    return jax.tree.map(lambda leaf: leaf[indices], state)
