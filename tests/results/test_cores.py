"""Figures that compare PPO and SAC as cores."""

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from metaskill.results.cores import compare_cores
from metaskill.results.findings import TrainedRun
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import Outcome, Timing


def run_with(folder: pathlib.Path, curve: list[tuple[int, float, float]]) -> TrainedRun:
    """A run of one seed whose evaluations were, after steps and seconds, worth so many nats."""
    folder.mkdir()
    rows = [
        {
            "iteration": i,
            "env_steps": steps,
            "seconds": seconds,
            "seed": 0,
            "member": 0,
            "eval/skill_reward": nats,
        }
        for i, (steps, seconds, nats) in enumerate(curve)
    ]
    run = RunFolder(folder)
    run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    last = {
        "eval/skill_reward": np.array([curve[-1][-1]]),
        "eval/discriminator_accuracy": np.array([1.0]),
    }
    anything: Any = None
    return TrainedRun(anything, anything, run, Outcome(None, last, Timing()))


def test_cores_are_compared_by_what_they_need(tmp_path: pathlib.Path) -> None:
    runs = {
        "main": run_with(tmp_path / "ppo", [(1000, 1.0, 0.5), (2000, 2.0, 1.6)]),
        "sac": run_with(tmp_path / "sac", [(10, 3.0, 1.5), (20, 6.0, 1.4)]),
    }
    found = compare_cores("plane", accuracy=0.9, nats=1.49)(runs)
    values = {key: figure.value for key, figure in found.figures.items()}
    assert values == pytest.approx(
        {
            "plane_accuracy": 1.0,
            "plane_nats": 1.6,
            "plane_steps": 2000,
            "plane_seconds": 2.0,
            "plane_sac_accuracy": 1.0,
            "plane_sac_nats": 1.4,
            "plane_sac_steps": 10,
            "plane_sac_seconds": 3.0,
        }
    )
    assert found.figures["plane_nats"].passed
    assert found.figures["plane_sac_nats"].passed is None
    assert found.picture.startswith(b"\x89PNG")
