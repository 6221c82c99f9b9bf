"""Figures of skills of several sizes, from the records of runs."""

import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pytest

from metaskill.results.sizes import Size, sizes_findings

SIZES = [Size(size, length) for size in (2, 10) for length in (10, 40)]


def run(folder: pathlib.Path, name: str, returns: list[float]) -> SimpleNamespace:
    """Two seeds with the same returns."""
    file = folder / f"{name}.jsonl"
    rows = [
        {"env_steps": step, "seed": seed, "eval/return": value}
        for step, value in enumerate(returns)
        for seed in range(2)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return SimpleNamespace(
        folder=SimpleNamespace(metrics_file=file),
        outcome=SimpleNamespace(evaluation={"eval/return": np.full(2, returns[-1])}),
    )


def test_every_size_is_judged_at_the_end_and_over_training(tmp_path: pathlib.Path) -> None:
    runs = {
        name: run(tmp_path, name, [0.0, 0.5, last])
        for name, last in (("main", 1.0), ("z2_h10", 0.7), ("z2_h40", 0.1), ("z10_h40", 0.4))
    }
    found = sizes_findings("maze", "success", SIZES, Size(10, 10))(runs)
    assert set(found.figures) == {
        f"maze_{size.name}_{measure}" for size in SIZES for measure in ("success", "mean_success")
    }
    assert found.figures["maze_z10_h10_success"].value == 1.0
    assert found.figures["maze_z10_h10_mean_success"].value == pytest.approx(0.5)
    assert found.figures["maze_z2_h40_success"].value == pytest.approx(0.1)
    assert found.figures["maze_z2_h40_success"].passed is None
    assert found.picture.startswith(b"\x89PNG")
