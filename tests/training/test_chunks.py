"""Budgets: how long chunks are, where evaluations and checkpoints fall, and what is compiled."""

import dataclasses
import pathlib
import re

import jax
import numpy as np
import pytest

from metaskill.cli.experiments import find_experiment
from metaskill.errors import Preempted
from metaskill.measure.compilations import counted_compilations
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.chunks import Chunks, nearest_iterations
from metaskill.training.experiment import TrainerConfig
from metaskill.training.mesh import MeshShape
from metaskill.training.metrics import Row, read_rows
from metaskill.training.population import members_of
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.supervised_experiment import ProblemConfig, SupervisedExperiment
from metaskill.training.sweep import Sweep, run_sweep
from metaskill.training.trainer import Outcome, train
from metaskill.training.variations import Choices, grid, make_members

STEPS = 3  # Outer updates of an iteration.
ENOUGH = 2**40


def experiment(env_steps: int, **trainer: int) -> SupervisedExperiment:
    """Two members on sinusoids; chunks of four iterations, each evaluated and saved."""
    return SupervisedExperiment(
        problem=ProblemConfig("sinusoid", {"hidden": (4,)}),
        trainer=TrainerConfig(
            **{
                "env_steps": env_steps,
                "population": 2,
                "iterations_per_chunk": 4,
                "chunks_per_evaluation": 1,
                "chunks_per_checkpoint": 1,
                "checkpoints_kept": 100,
                "seconds_per_checkpoint": 0,
                **trainer,
            }
        ),
        meta=SupervisedConfig(
            tasks_per_update=2, updates_per_iteration=STEPS, eval_steps=1, num_eval_tasks=2
        ),
        hparams=SupervisedHparams(num_tasks=2),
    )


METRIC = experiment(1).make_learner().headline.metric


class Watching(NoProgress):
    """Remembers what was said, and may end the run after some chunks."""

    def __init__(self, chunks: int = 0):
        self.left = chunks
        self.said: list[str] = []

    def update(self, env_steps: int, steps_per_second: float, headline: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise Preempted("enough")

    def say(self, message: str) -> None:
        self.said.append(message)


def run(path: pathlib.Path, config: SupervisedExperiment, progress=None, mesh=None) -> Outcome:
    folder = RunFolder(path)
    folder.create("test", config)
    return train(config, folder, progress or NoProgress(), mesh)


def rows_of(path: pathlib.Path) -> list[Row]:
    return [{**row, "seconds": None} for row in read_rows(path / "metrics.jsonl")]


def evaluated(path: pathlib.Path) -> list[int]:
    rows = [row for row in rows_of(path) if row["member"] == 0]
    return [row["iteration"] for row in rows if METRIC in row]


def assert_equal(a: object, b: object) -> None:
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jax.numpy.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)  # noqa: PLW2901
        np.testing.assert_array_equal(one, other)


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("env_steps", "steps_per_iteration", "iterations"),
    [(800, 160, 5), (800, 240, 3), (800, 320, 2), (800, 330, 2), (1, 320, 1), (10**12, 1, 10**12)],
)
def test_a_budget_buys_the_nearest_whole_iterations(
    env_steps: int, steps_per_iteration: int, iterations: int
) -> None:
    assert nearest_iterations(env_steps, steps_per_iteration) == iterations


@pytest.mark.fault(25)
def test_settings_of_a_sweep_train_for_equally_many_steps() -> None:
    config = find_experiment("nav2d_maml")
    trainer = dataclasses.replace(config.trainer, env_steps=800_000)
    for inner_steps in (1, 2, 3):
        meta = dataclasses.replace(config.meta, inner_steps=inner_steps)
        learner = dataclasses.replace(config, meta=meta).make_learner()
        trained = Chunks(learner, trainer).total_iterations * learner.steps_per_iteration
        assert trained == pytest.approx(800_000, rel=0.1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, Outcome]:
    """A run of two chunks and a half: ten iterations."""
    path = tmp_path_factory.mktemp("whole") / "run"
    return path, run(path, experiment(10 * STEPS))


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("env_steps", "lengths"),
    [
        (8 * STEPS, [4, 4]),
        (10 * STEPS, [4, 4, 2]),
        (10 * STEPS - 1, [4, 4, 2]),  # The nearest whole iterations.
        (10 * STEPS + 1, [4, 4, 2]),
        (2 * STEPS, [2]),
        (1, [1]),
    ],
)
def test_the_last_chunk_is_as_short_as_the_budget_asks(env_steps: int, lengths: list[int]) -> None:
    config = experiment(env_steps)
    chunks = Chunks(config.make_learner(), config.trainer)
    found, iteration = [], 0
    while iteration < chunks.total_iterations:
        found.append(chunks.length_after(iteration))
        iteration += found[-1]
    assert found == lengths
    assert chunks.total_steps == sum(lengths) * STEPS


@pytest.mark.fault(25)
def test_a_run_ends_where_its_budget_does(whole: tuple[pathlib.Path, Outcome]) -> None:
    path, outcome = whole
    rows = rows_of(path)
    assert [row["env_steps"] for row in rows if row["member"] == 0] == [
        STEPS * (i + 1) for i in range(10)
    ]
    assert evaluated(path) == [4, 8, 10]
    assert Checkpoints(path / "checkpoints").iterations() == [4, 8, 10]
    last = {row["member"]: row[METRIC] for row in rows[-2:]}
    found = outcome.evaluation[METRIC]
    assert [last[0], last[1]] == pytest.approx(found.tolist())


@pytest.mark.fault(25)
def test_evaluations_and_checkpoints_fall_where_they_are_asked_for(tmp_path: pathlib.Path) -> None:
    run(tmp_path, experiment(15 * STEPS, chunks_per_evaluation=2, chunks_per_checkpoint=3))
    assert evaluated(tmp_path) == [8, 15]
    assert Checkpoints(tmp_path / "checkpoints").iterations() == [12, 15]


@pytest.mark.fault(25)
def test_a_shorter_run_is_the_beginning_of_a_longer_one(
    whole: tuple[pathlib.Path, Outcome], tmp_path: pathlib.Path
) -> None:
    run(tmp_path, experiment(12 * STEPS))
    shorter, longer = rows_of(whole[0]), rows_of(tmp_path)
    assert shorter[:-2] == longer[:18]  # The last ones were evaluated.
    for row, other in zip(shorter[-2:], longer[18:20], strict=True):
        assert other.items() <= row.items()


@pytest.mark.fault(25)
@pytest.mark.parametrize("stops", [[1, 1], [2], [3]])
def test_a_run_with_a_short_last_chunk_resumes_bit_for_bit(
    stops: list[int], whole: tuple[pathlib.Path, Outcome], tmp_path: pathlib.Path
) -> None:
    for chunks in stops:
        with pytest.raises(Preempted):
            run(tmp_path, experiment(10 * STEPS), Watching(chunks))
    outcome = run(tmp_path, experiment(10 * STEPS))
    assert rows_of(tmp_path) == rows_of(whole[0])
    assert_equal(outcome.state, whole[1].state)


@pytest.mark.fault(25)
def test_a_mesh_ends_a_run_at_the_same_iteration(
    whole: tuple[pathlib.Path, Outcome], tmp_path: pathlib.Path
) -> None:
    run(tmp_path, experiment(10 * STEPS), mesh=MeshShape(population=2))
    for row, other in zip(rows_of(tmp_path), rows_of(whole[0]), strict=True):
        assert {**row, "seconds": 0.0} == pytest.approx({**other, "seconds": 0.0}, rel=1e-4)


@pytest.mark.parametrize("iterations", [2, 8, 10])
def test_a_run_has_one_program_whatever_its_budget(iterations: int, tmp_path: pathlib.Path) -> None:
    with counted_compilations() as counts:
        run(tmp_path, experiment(iterations * STEPS))
    assert counts["run"] == 1


def test_chunks_of_one_length_are_the_scan_that_they_were() -> None:
    """Of which recorded results are: the length is compiled in."""
    config = experiment(8 * STEPS)
    learner, population = config.make_learner(), members_of(config)
    chunks = Chunks(learner, config.trainer)

    def run(state):
        return jax.lax.scan(lambda s, _: jax.vmap(learner.step)(s), state, None, length=4)

    expected = jax.jit(run, donate_argnums=0).lower(chunks.template(population)).compile()
    assert instructions(chunks.compile(population)) == instructions(expected)


def instructions(program: jax.stages.Compiled) -> list[str]:
    """List the instructions of a program, without where in the source they come from."""
    lines = program.as_text().splitlines()
    return [re.sub(r", metadata=\{.*?\}", "", line) for line in lines if " = " in line]


def test_a_run_that_is_over_compiles_no_chunk(
    whole: tuple[pathlib.Path, Outcome],
) -> None:
    with counted_compilations() as counts:
        run(whole[0], experiment(10 * STEPS))
    assert counts["run"] == 0


@pytest.mark.fault(25)
def test_settings_of_a_sweep_are_compared_after_the_same_steps(tmp_path: pathlib.Path) -> None:
    """Iterations of one setting are three times those of the other."""
    axis = Choices(("meta.updates_per_iteration",), ((1,), (3,)))
    members = make_members(experiment(18), grid([axis]), [0])
    outcome = run_sweep(Sweep(members, (0.5,), ENOUGH), tmp_path, NoProgress())
    last = {s.planned.config.meta.updates_per_iteration: s for s in outcome.standings}
    statuses = {standing.status for standing in outcome.standings}
    assert statuses == {"finished", "dropped"}
    for standing in last.values():
        # Both were compared after half of the budget, and the better one ended with it.
        assert standing.last["env_steps"] == (18 if standing.status == "finished" else 9)


@pytest.mark.fault(25)
def test_halving_may_end_a_rung_inside_of_a_chunk(tmp_path: pathlib.Path) -> None:
    rates = Choices(("outer_lr",), ((1e-3,), (1e-2,)))
    members = make_members(experiment(12 * STEPS), grid([rates]), [0, 1])
    complete = run_sweep(Sweep(members, (0.5,), ENOUGH), tmp_path / "a", NoProgress())
    assert evaluated(tmp_path / "a" / "rung_0" / "batch_0") == [4, 6]
    # Chunks of the second rung end where those of a run without rungs do.
    second = complete.batches[-1].folder.metrics_file.parent
    rows = rows_of(second)
    assert [r["iteration"] for r in rows if METRIC in r][::2] == [8, 12]
    for chunks in (1, 2):  # In the first rung, in the second.
        with pytest.raises(Preempted):
            run_sweep(Sweep(members, (0.5,), ENOUGH), tmp_path / "b", Watching(chunks))
    resumed = run_sweep(Sweep(members, (0.5,), ENOUGH), tmp_path / "b", NoProgress())
    for one, other in zip(complete.batches, resumed.batches, strict=True):
        assert rows_of(one.folder.path) == rows_of(other.folder.path)


@pytest.mark.fault(25)
def test_iterations_longer_than_the_budget_are_told(tmp_path: pathlib.Path) -> None:
    progress = Watching()
    run(tmp_path / "long", experiment(1), progress)
    assert progress.said == ["an iteration makes 3 steps, so members train for 3 instead of 1."]
    progress = Watching()
    run(tmp_path / "right", experiment(2 * STEPS), progress)
    assert progress.said == []


def test_a_run_from_before_that_trained_whole_chunks_is_over(tmp_path: pathlib.Path) -> None:
    """Budgets were once rounded up to chunks: 12 iterations where 10 were asked for."""
    longer = experiment(12 * STEPS)
    run(tmp_path, longer)
    asked = dataclasses.replace(
        longer, trainer=dataclasses.replace(longer.trainer, env_steps=10 * STEPS)
    )
    outcome = train(asked, RunFolder(tmp_path), NoProgress())
    assert [row["iteration"] for row in rows_of(tmp_path)][-1] == 12
    assert np.isfinite(outcome.evaluation[METRIC]).all()


def test_chunks_end_at_multiples_of_their_length_wherever_training_begins() -> None:
    config = experiment(11 * STEPS)
    chunks = Chunks(config.make_learner(), config.trainer)
    assert [chunks.length_after(i) for i in (0, 4, 5, 8, 10)] == [4, 4, 3, 3, 1]
