"""The gap to the oracle, and both experiments' judge on runs too small to learn."""

import dataclasses
import pathlib

import numpy as np
import pytest

from experiments import nav2d_maml
from metaskill.results.adaptation import gap_closed
from metaskill.results.findings import TrainedRun
from metaskill.training.meta_rl_experiment import MetaRLExperiment
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import train


def test_the_gap_is_measured_from_each_seeds_own_start() -> None:
    curve = np.array([[-40.0, -10.0], [-50.0, 0.0]])
    np.testing.assert_allclose(gap_closed(curve, np.array([0.0, 0.0]), 1), [0.75, 1.0])


def tiny(config: MetaRLExperiment) -> MetaRLExperiment:
    return dataclasses.replace(
        config,
        env=dataclasses.replace(config.env, options={"episode_length": 3}),
        trainer=dataclasses.replace(
            config.trainer, env_steps=1, population=2, iterations_per_chunk=1
        ),
        meta=dataclasses.replace(
            config.meta, num_tasks=2, num_episodes=2, hidden=(4,), num_eval_tasks=2, outer="promp"
        ),
    )


@pytest.mark.slow
def test_the_experiment_runs_from_configuration_to_figures(tmp_path: pathlib.Path) -> None:
    runs = {}
    for name, config in {"main": nav2d_maml.CONFIG, **nav2d_maml.BASELINES}.items():
        small = tiny(config)
        folder = RunFolder(tmp_path / name)
        folder.create("nav2d_maml", small)
        outcome = train(small, folder, NoProgress())
        runs[name] = TrainedRun(small, small.make_learner(), folder, outcome)
    findings = nav2d_maml.findings(runs)
    expected = {f"nav2d_maml_{end}" for end in ("oracle", "gap_1", "gap_3", "scratch_return_3")}
    assert expected < findings.figures.keys()
    assert findings.figures["nav2d_maml_gap_1"].required == 0.75
    assert findings.figures["nav2d_maml_pretrained_gap_1"].required is None
    assert findings.picture.startswith(b"\x89PNG")
