"""How many iterations a budget buys, and how chunks divide them."""

import dataclasses
import pathlib

import numpy as np
import pytest

from metaskill.cli.experiments import find_experiment
from metaskill.training.checkpoint import Checkpoints
from metaskill.training.chunks import Chunks, nearest_iterations
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.metrics import read_rows
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trainer import train
from tests.tiny import PPO

STEPS = PPO.steps_per_iteration


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


def experiment(iterations: int, chunk: int) -> PPOExperiment:
    trainer = TrainerConfig(
        env_steps=iterations * STEPS,
        iterations_per_chunk=chunk,
        chunks_per_evaluation=100,
        chunks_per_checkpoint=100,
    )
    return PPOExperiment(EnvConfig("point_mass", options={"episode_length": 5}), trainer, PPO)


def run(folder: pathlib.Path, config: PPOExperiment) -> dict[str, np.ndarray]:
    folder_of_run = RunFolder(folder)
    folder_of_run.create("test", config)
    return train(config, folder_of_run, NoProgress()).evaluation


@pytest.mark.fault(25)
def test_the_last_chunk_is_as_short_as_the_budget(tmp_path: pathlib.Path) -> None:
    evaluation = run(tmp_path / "short", experiment(iterations=5, chunk=2))
    rows = list(read_rows(tmp_path / "short" / "metrics.jsonl"))
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[-1]["env_steps"] == 5 * STEPS
    assert "eval/return" in rows[-1]
    assert Checkpoints(tmp_path / "short" / "checkpoints").iterations() == [5]
    whole = run(tmp_path / "whole", experiment(iterations=5, chunk=5))
    np.testing.assert_array_equal(evaluation["eval/return"], whole["eval/return"])


def test_chunks_end_at_multiples_of_their_length_wherever_training_begins() -> None:
    config = experiment(iterations=11, chunk=4)
    chunks = Chunks(config.make_learner(), config.trainer)
    assert [chunks.length_after(i) for i in (0, 4, 5, 8, 10)] == [4, 4, 3, 3, 1]
    lengths = [chunks.lengths_after(i) for i in (0, 4, 5, 8, 11, 12)]
    assert lengths == [{4, 3}, {4, 3}, {3}, {3}, set(), set()]
