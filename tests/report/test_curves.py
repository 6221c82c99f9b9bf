"""Which member of a population is the best depends on which way is up."""

import dataclasses
import json
import pathlib

from metaskill.learner import RETURN
from metaskill.report.curves import best_member
from metaskill.training.experiment import TrainerConfig


def test_the_best_member_has_the_highest_return_or_the_lowest_error(
    tmp_path: pathlib.Path,
) -> None:
    record = tmp_path / "metrics.jsonl"
    rows = [
        {"seed": s, "env_steps": 1, "eval/return": v} for s, v in ((7, 1.0), (8, 3.0), (9, 2.0))
    ]
    record.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = TrainerConfig(env_steps=1, seed=7, population=3)
    assert best_member(record, config, RETURN, None) == 1
    error = dataclasses.replace(RETURN, higher_is_better=False)
    assert best_member(record, config, error, None) == 0
    assert best_member(record, config, RETURN, 2) == 2
