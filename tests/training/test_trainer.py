"""The trainer: exact resumption, and the files of a run."""

import dataclasses
import json
import pathlib

import jax
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig
from metaskill.training.metrics import read_rows
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import Outcome, train

PPO = PPOConfig(
    num_envs=4,
    rollout_length=8,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
    num_eval_episodes=2,
)
ITERATIONS_PER_CHUNK = 2
STEPS_PER_CHUNK = PPO.steps_per_iteration * ITERATIONS_PER_CHUNK


def experiment(environment: str, chunks: int, population: int = 1) -> PPOExperiment:
    engine = "native"
    return PPOExperiment(
        env=EnvConfig(environment, engine, {"episode_length": 5}),
        trainer=TrainerConfig(
            env_steps=chunks * STEPS_PER_CHUNK,
            population=population,
            iterations_per_chunk=ITERATIONS_PER_CHUNK,
            chunks_per_evaluation=1,
            chunks_per_checkpoint=1,
        ),
        ppo=PPO,
    )


class StopAfter:
    """Interrupts a run after some chunks, as a person would."""

    def __init__(self, chunks: int):
        self.left = chunks

    def update(self, env_steps: int, steps_per_second: float, episode_return: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def run(path: pathlib.Path, config: PPOExperiment, progress=None) -> Outcome:
    folder = RunFolder(path)
    folder.create("test", config)
    return train(config, folder, progress or NoProgress())


def leaves(state: object) -> list[np.ndarray]:
    keyless = jax.tree.map(
        lambda leaf: (
            jax.random.key_data(leaf)
            if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            else leaf
        ),
        state,
    )
    return [np.asarray(leaf) for leaf in jax.tree.leaves(keyless)]


@pytest.mark.parametrize("environment", ["point_mass", "ant"])
def test_an_interrupted_run_ends_bit_for_bit_like_an_uninterrupted_one(
    tmp_path: pathlib.Path, environment: str
) -> None:
    config = experiment(environment, chunks=4)
    whole = run(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", config, StopAfter(2))
    resumed = run(tmp_path / "parts", config)
    for a, b in zip(leaves(whole.state), leaves(resumed.state), strict=True):
        np.testing.assert_array_equal(a, b)
    rows = [list(read_rows(tmp_path / name / "metrics.jsonl")) for name in ("whole", "parts")]
    for row in rows[0] + rows[1]:
        del row["seconds"]
    assert rows[0] == rows[1]
    assert [row["iteration"] for row in rows[0]] == list(range(1, 9))


def test_a_finished_run_is_not_trained_again(tmp_path: pathlib.Path) -> None:
    config = experiment("point_mass", chunks=1)
    first = run(tmp_path / "run", config)
    again = run(tmp_path / "run", config, StopAfter(1))
    np.testing.assert_array_equal(first.evaluation["eval/return"], again.evaluation["eval/return"])


def test_a_population_writes_a_row_a_member(tmp_path: pathlib.Path) -> None:
    config = experiment("point_mass", chunks=1, population=3)
    outcome = run(tmp_path / "run", config)
    assert outcome.evaluation["eval/return"].shape == (3,)
    rows = list(read_rows(tmp_path / "run" / "metrics.jsonl"))
    assert [(row["iteration"], row["seed"]) for row in rows] == [
        (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)
    ]  # fmt: skip
    assert len({row["loss/policy"] for row in rows}) == 6
    assert all("eval/return" in row for row in rows[3:])
    assert {path.name for path in (tmp_path / "run" / "events").iterdir()} == {
        "seed_0", "seed_1", "seed_2"
    }  # fmt: skip
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["versions"]["jax"] == jax.__version__


def test_every_iteration_of_a_run_is_one_program(tmp_path: pathlib.Path) -> None:
    """Tracing a learner's step more than once a run means that something recompiles."""
    config = experiment("point_mass", chunks=3)
    traces = 0

    class Counting(type(config.make_learner())):
        def step(self, state):
            nonlocal traces
            traces += 1
            return super().step(state)

    @dataclasses.dataclass(frozen=True)
    class CountingExperiment(PPOExperiment):
        def make_learner(self):
            env, sample_context = self.env.make()
            return Counting(env, self.ppo, sample_context)

    run(tmp_path / "run", CountingExperiment(**vars(config)))
    assert traces == 1


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: pathlib.Path) -> None:
    run(tmp_path / "run", experiment("point_mass", chunks=1))
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(UserError, match="another experiment or configuration"):
        run(tmp_path / "run", experiment("point_mass", chunks=2))
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        run(tmp_path / "mine", experiment("point_mass", chunks=1))


def test_checkpoints_of_a_run_are_bounded(tmp_path: pathlib.Path) -> None:
    run(tmp_path / "run", experiment("point_mass", chunks=5))
    assert Checkpoints(tmp_path / "run" / "checkpoints").iterations() == [6, 8, 10]
