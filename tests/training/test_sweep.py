"""Sweeps: members like runs of their own, split by memory, halved, stopped and resumed."""

import dataclasses
import pathlib

import jax
import numpy as np
import pytest

from metaskill.errors import Preempted, UserError
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.export import export_member
from metaskill.training.memory import available_bytes, bytes_needed, split_to_fit
from metaskill.training.metrics import Row, read_rows
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.standings import best_of
from metaskill.training.sweep import Sweep, SweepOutcome, run_sweep
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import restore, train
from metaskill.training.variations import Choices, Interval, draw, grid, make_members

PPO = PPOConfig(
    num_envs=4,
    rollout_length=8,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)
CHUNKS = 4
CONFIG = PPOExperiment(
    env=EnvConfig("point_mass", options={"episode_length": 5}),
    trainer=TrainerConfig(
        env_steps=CHUNKS * 2 * PPO.steps_per_iteration,
        iterations_per_chunk=2,
        chunks_per_evaluation=1,
        chunks_per_checkpoint=1,
        seconds_per_checkpoint=0,
    ),
    ppo=PPO,
)
RATES = Choices(("learning_rate",), ((1e-4,), (1e-2,)))
ENOUGH = 2**40


def sweep_of(
    config: PPOExperiment, *, rungs: tuple[float, ...] = (), memory: int = ENOUGH
) -> Sweep:
    return Sweep(make_members(config, grid([RATES]), range(2)), rungs, memory)


class Stop(NoProgress):
    """Asks the sweep to stop after some chunks, as SIGTERM does."""

    def __init__(self, chunks: int):
        self.left = chunks

    def update(self, env_steps: int, steps_per_second: float, headline: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise Preempted("enough")


def leaves(state: object) -> list[np.ndarray]:
    return [
        np.asarray(
            jax.random.key_data(leaf)
            if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            else leaf
        )
        for leaf in jax.tree.leaves(state)
    ]


def rows_of(outcome: SweepOutcome) -> list[Row]:
    rows = [row for batch in outcome.batches for row in read_rows(batch.folder.metrics_file)]
    return [{**row, "seconds": None} for row in rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[SweepOutcome, pathlib.Path]:
    path = tmp_path_factory.mktemp("sweep")
    return run_sweep(sweep_of(CONFIG), path, NoProgress()), path


def test_members_differ_in_hyperparameters_and_seeds(
    whole: tuple[SweepOutcome, pathlib.Path],
) -> None:
    outcome, _ = whole
    (batch,) = outcome.batches
    state = batch.restore().state
    np.testing.assert_array_equal(state.hparams.learning_rate, np.float32([1e-4, 1e-4, 1e-2, 1e-2]))
    assert [(row["member"], row["seed"]) for row in rows_of(outcome)[:4]] == [
        (0, 0), (1, 1), (2, 0), (3, 1)
    ]  # fmt: skip
    assert {standing.status for standing in outcome.standings} == {"finished"}


def test_a_member_learns_as_in_a_run_of_its_own(
    whole: tuple[SweepOutcome, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    outcome, _ = whole
    planned = outcome.standings[3].planned
    assert planned.config.trainer.seed == 1
    run = RunFolder(tmp_path / "single")
    run.create("test", planned.config)
    alone = train(planned.config, run, NoProgress())
    (batch,) = outcome.batches
    together = jax.tree.map(lambda leaf: leaf[3:4], batch.restore().state)
    for a, b in zip(leaves(alone.state), leaves(together), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    swept = [row for row in rows_of(outcome) if row["member"] == 3]
    for row, other in zip(read_rows(run.metrics_file), swept, strict=True):
        assert row["episode_return"] == pytest.approx(other["episode_return"], rel=1e-4)


def test_a_sweep_is_one_program(tmp_path: pathlib.Path) -> None:
    traces = 0
    learner = CONFIG.make_learner()

    class Counting(type(learner)):
        def step(self, state):
            nonlocal traces
            traces += 1
            return super().step(state)

    @dataclasses.dataclass(frozen=True)
    class CountingExperiment(PPOExperiment):
        def make_learner(self):
            env, sample_context = self.env.make()
            return Counting(env, self.ppo, sample_context)

    trainer = dataclasses.replace(CONFIG.trainer, env_steps=1)
    config = CountingExperiment(**{**vars(CONFIG), "trainer": trainer})
    run_sweep(sweep_of(config), tmp_path, NoProgress())
    assert traces == 1


def test_what_needs_a_program_of_its_own_gets_one(tmp_path: pathlib.Path) -> None:
    trainer = dataclasses.replace(CONFIG.trainer, env_steps=1)
    config = dataclasses.replace(CONFIG, trainer=trainer)
    axes = [RATES, Choices(("ppo.num_epochs",), ((1,), (2,)))]
    outcome = run_sweep(
        Sweep(make_members(config, grid(axes), [0]), (), ENOUGH), tmp_path, NoProgress()
    )
    assert [[p.member.number for p in batch.members] for batch in outcome.batches] == [
        [0, 2],
        [1, 3],
    ]


def test_memory_splits_members_into_batches_that_learn_the_same(
    whole: tuple[SweepOutcome, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    population = [planned.member for planned in sweep_of(CONFIG).members]
    chunks = Chunks(CONFIG.make_learner(), CONFIG.trainer)
    needed = {n: bytes_needed(chunks.compile(population[:n])) for n in (2, 4)}
    assert 0 < needed[2] < needed[4] < available_bytes()
    split = run_sweep(sweep_of(CONFIG, memory=needed[2]), tmp_path, NoProgress())
    assert [len(batch.members) for batch in split.batches] == [2, 2]
    for one, other in zip(whole[0].standings, split.standings, strict=True):
        assert one.value("eval/return") == pytest.approx(other.value("eval/return"), rel=1e-4)
    with pytest.raises(UserError, match="a single member needs"):
        split_to_fit(chunks, population, budget=1000)


def test_a_stopped_sweep_ends_bit_for_bit_like_one_that_was_not(tmp_path: pathlib.Path) -> None:
    chunks = Chunks(CONFIG.make_learner(), CONFIG.trainer)
    population = [planned.member for planned in sweep_of(CONFIG).members]
    memory = bytes_needed(chunks.compile(population[:2]))
    halved = sweep_of(CONFIG, rungs=(0.5,), memory=memory)
    complete = run_sweep(halved, tmp_path / "whole", NoProgress())
    for n_chunks in (1, 2, 1):  # In the first batch, in the second, on the second rung.
        with pytest.raises(Preempted):
            run_sweep(halved, tmp_path / "parts", Stop(n_chunks))
    # More memory now changes nothing about who trains with whom.
    resumed = run_sweep(
        dataclasses.replace(halved, memory=ENOUGH), tmp_path / "parts", NoProgress()
    )
    assert rows_of(complete) == rows_of(resumed)
    for one, other in zip(complete.batches, resumed.batches, strict=True):
        for a, b in zip(leaves(one.restore().state), leaves(other.restore().state), strict=True):
            np.testing.assert_array_equal(a, b)


def test_halving_drops_the_worse_settings_with_all_their_seeds(
    whole: tuple[SweepOutcome, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    outcome = run_sweep(sweep_of(CONFIG, rungs=(0.5,)), tmp_path, NoProgress())
    half = [row for row in rows_of(whole[0]) if row["iteration"] == CHUNKS]
    means = [np.mean([row["eval/return"] for row in half[i : i + 2]]) for i in (0, 2)]
    better = int(np.argmax(means))
    expected = ["dropped"] * 4
    expected[2 * better : 2 * better + 2] = ["finished"] * 2
    assert [standing.status for standing in outcome.standings] == expected
    # The survivors go on as if there had been no rung.
    for one, other in zip(whole[0].standings, outcome.standings, strict=True):
        if other.status == "finished":
            assert one.value("eval/return") == pytest.approx(other.value("eval/return"), rel=1e-4)
            assert other.last["iteration"] == 2 * CHUNKS
        else:
            assert other.last["iteration"] == CHUNKS


def test_rungs_without_an_iteration_between_them_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="no iteration between"):
        run_sweep(sweep_of(CONFIG, rungs=(0.49, 0.5)), tmp_path, NoProgress())


@dataclasses.dataclass(frozen=True)
class Ill(PPOExperiment):
    """PPO that refuses all its updates from iteration 4 on where the learning rate is 1e-2."""

    def make_learner(self):
        class IllPPO(type(super().make_learner())):
            def step(self, state):
                after, metrics = super().step(state)
                ill = (state.iteration >= 4) & (state.hparams.learning_rate > 5e-3)
                return after, {**metrics, "skipped_updates": jax.numpy.where(ill, 20.0, 0.0)}

        env, sample_context = self.env.make()
        return IllPPO(env, self.ppo, sample_context)


def test_a_member_that_diverges_for_good_ends_alone(
    whole: tuple[SweepOutcome, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    outcome = run_sweep(sweep_of(Ill(**vars(CONFIG))), tmp_path, NoProgress())
    assert [s.status for s in outcome.standings] == ["finished", "finished", "failed", "failed"]
    assert [s.last["iteration"] for s in outcome.standings] == [8, 8, 4, 4]
    healthy = [row for row in rows_of(whole[0]) if row["member"] < 2]
    found = [row for row in rows_of(outcome) if row["member"] < 2]
    for row, other in zip(healthy, found, strict=True):
        assert {**row, "rollbacks": 0} == {**other, "rollbacks": 0}
    assert best_of(outcome.standings, outcome.headline).planned.member.number < 2
    again = run_sweep(sweep_of(Ill(**vars(CONFIG))), tmp_path, Stop(1))  # Nothing is left to do.
    assert again.standings == outcome.standings


def test_a_batch_of_failures_leaves_the_sweep_going(tmp_path: pathlib.Path) -> None:
    config = Ill(**vars(CONFIG))
    rates = dataclasses.replace(RATES, values=((1e-2,),))
    sweep = Sweep(make_members(config, grid([rates]), range(2)), (), ENOUGH)
    outcome = run_sweep(sweep, tmp_path, NoProgress())
    assert [standing.status for standing in outcome.standings] == ["failed", "failed"]
    assert best_of(outcome.standings, outcome.headline) is None
    assert run_sweep(sweep, tmp_path, Stop(1)).standings == outcome.standings


def test_the_best_member_is_exported_as_an_ordinary_run(
    whole: tuple[SweepOutcome, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    outcome, _ = whole
    best = best_of(outcome.standings, outcome.headline)
    assert best.value("eval/return") == max(s.value("eval/return") for s in outcome.standings)
    export_member(best.planned, outcome.batches, "test", tmp_path / "best")
    run = RunFolder(tmp_path / "best")
    config = best.planned.config
    assert run.create("test", config)
    _, state, iteration = restore(config, run, best=True)
    assert iteration == 2 * CHUNKS
    number = best.planned.member.number
    (batch,) = outcome.batches
    for a, b in zip(leaves(state), leaves(batch.restore().state), strict=True):
        np.testing.assert_array_equal(a, b[number : number + 1])
    rows = list(read_rows(run.metrics_file))
    assert [row["iteration"] for row in rows] == list(range(1, 2 * CHUNKS + 1))
    assert train(config, run, Stop(1)).evaluation["eval/return"] == pytest.approx(
        best.value("eval/return"), rel=1e-5
    )


def test_settings_of_a_grid_and_random_ones() -> None:
    pairs = Choices(("clip", "discount"), ((0.1, 0.9), (0.2, 0.99)))
    assert grid([RATES, pairs]) == [
        {"learning_rate": rate, "clip": clip, "discount": discount}
        for rate in (1e-4, 1e-2)
        for clip, discount in ((0.1, 0.9), (0.2, 0.99))
    ]
    interval = Interval("learning_rate", 1e-4, 1e-2, logarithmic=True)
    drawn = draw([interval, pairs], 200, seed=0)
    assert drawn == draw([interval, pairs], 200, seed=0)
    rates = np.array([setting["learning_rate"] for setting in drawn])
    assert np.all((rates > 1e-4) & (rates < 1e-2))
    # Uniform in the logarithm: the mean is three standard errors from 1e-3 at most.
    assert abs(np.log10(rates).mean() + 3) < 3 * 2 / np.sqrt(12 * 200)
    assert {(s["clip"], s["discount"]) for s in drawn} == {(0.1, 0.9), (0.2, 0.99)}
    with pytest.raises(UserError, match="without a count"):
        grid([interval])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"learning_rat": 1e-3}, "did you mean 'learning_rate'"),
        ({"ppo.num_epoch": 1}, "did you mean 'num_epochs'"),
        ({"trainer.seed": 1}, "seeds vary by"),
        ({"learning_rate": "fast"}, "must be float"),
        ({"ppo.num_minibatches": 7}, "choose a divisor"),
    ],
)
def test_what_cannot_be_varied_is_refused(setting: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_members(CONFIG, [setting], [0])
