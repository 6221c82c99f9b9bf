"""Figures of guided learning, from the records of runs."""

import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pytest

from metaskill.results.figure import measured
from metaskill.results.guided import guided_findings

STEPS = 20


def run(folder: pathlib.Path, success: list[float], divergence: float) -> SimpleNamespace:
    """Three seeds; their divergence jumps to its last value in the last tenth."""
    folder.mkdir()
    file = folder / "metrics.jsonl"
    rows = [
        {
            "env_steps": step,
            "seed": seed,
            "divergence_over_target": divergence if step >= STEPS - 2 else 7.0,
            "loss/alpha": 0.5,
            "loss/critic": 0.1,
            **({"eval/return": success[seed]} if step % 10 == 9 else {}),
        }
        for step in range(STEPS)
        for seed in range(3)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return SimpleNamespace(
        folder=SimpleNamespace(metrics_file=file),
        outcome=SimpleNamespace(evaluation={"eval/return": np.array(success)}),
    )


@pytest.mark.parametrize(("divergence", "near"), [(1.1, True), (1.3, False), (0.7, False)])
def test_success_and_divergence_are_judged(
    tmp_path: pathlib.Path, divergence: float, near: bool
) -> None:
    judge = guided_findings("maze", "success", 0.95, {"sac": 0.3}, "a paper")
    found = judge(
        {
            "main": run(tmp_path / "main", [1.0, 1.0, 1.0], divergence),
            "sac": run(tmp_path / "sac", [0.5, 0.5, 0.5], 1.0),
            "no_prior": run(tmp_path / "other", [0.0, 0.0, 0.0], 1.0),
        }
    )
    figures = found.figures
    assert figures["maze_spirl_success"].passed
    assert figures["maze_sac_success"].passed is False
    assert figures["maze_no_prior_success"].passed is None
    assert figures["kl_over_target"].value == pytest.approx(divergence)
    assert figures["kl_over_target"].passed is near
    assert found.settings["at_the_end"]["sac"]["loss/alpha"] == [0.5] * 3
    assert found.picture.startswith(b"\x89PNG")


def test_a_figure_may_be_held_from_both_sides() -> None:
    figure = measured(1.0, "", required=0.8, limit=1.2)
    assert figure.passed
    assert figure.bar == " (at least 0.8, at most 1.2)"
    assert not measured(1.3, "", required=0.8, limit=1.2).passed
    assert not measured(0.7, "", required=0.8, limit=1.2).passed
