"""The record of a run."""

import json
import pathlib

import numpy as np

from metaskill.training.metrics import JsonLines, read_rows, rows_of_chunk
from metaskill.training.population import Member


def test_rows_hold_one_member_at_one_iteration_and_are_valid_json() -> None:
    rows = rows_of_chunk(
        {"loss": np.array([[1.0, 2.0], [np.nan, np.inf]])},
        population=[Member(0, 5, None, "a"), Member(1, 6, None, "b")],
        iterations=[3, 4],
        steps_per_iteration=100,
        seconds=1.0,
    )
    assert [(row["iteration"], row["env_steps"], row["seed"], row["loss"]) for row in rows] == [
        (3, 300, 5, 1.0),
        (3, 300, 6, 2.0),
        (4, 400, 5, None),
        (4, 400, 6, None),
    ]
    json.dumps(rows, allow_nan=False)


def test_resuming_drops_rows_that_the_checkpoint_does_not_know(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = JsonLines(path)
    log.write([{"iteration": i} for i in (1, 2, 3)])
    log.close()
    path.write_text(path.read_text() + '{"iteration": 4, "lo')  # Killed while writing.
    log = JsonLines(path, resume_from=2)
    log.write([{"iteration": 3}])
    log.close()
    assert [row["iteration"] for row in read_rows(path)] == [1, 2, 3]
