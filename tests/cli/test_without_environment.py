"""Every command on an experiment that has no environment."""

import json
import pathlib

import pytest
from command_line import call

from metaskill.training.metrics import read_rows

TINY = [
    "--config.problem.options={'shots': 3, 'test_shots': (3,), 'hidden': (4,)}",
    "--config.meta.tasks_per_update=2",
    "--config.meta.updates_per_iteration=2",
    "--config.meta.eval_steps=1",
    "--config.meta.num_eval_tasks=4",
    "--config.hparams.num_tasks=2",
    "--config.trainer.env_steps=8",
    "--config.trainer.iterations_per_chunk=2",
    "--config.trainer.population=2",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert call("train", "sinusoid", *TINY, f"--workdir={path}", "--report") == 0
    return path


def test_train_counts_updates_and_reports_the_headline(
    run: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(read_rows(run / "metrics.jsonl"))
    assert [row["env_steps"] for row in rows if row["seed"] == 0] == [2, 4, 6, 8]
    assert "eval/k3_mse_1" in rows[-1]
    assert call("train", "sinusoid", *TINY, f"--workdir={run}") == 0  # It had ended.
    assert "squared error after adaptation of the last evaluation: " in capsys.readouterr().out


def test_the_page_speaks_of_updates_and_says_why_there_is_no_video(run: pathlib.Path) -> None:
    page = (run / "report.html").read_text()
    assert "8 meta-updates a seed" in page
    assert "has no environment" in page
    assert "data:image/png" in page


def test_eval_prints_json(run: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eval", str(run)) == 0
    assert len(json.loads(capsys.readouterr().out)["eval/k3_mse_1"]) == 2


def test_what_needs_an_environment_is_refused_in_a_sentence(
    run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("render", str(run)) == 2
    assert "this experiment has no environment" in capsys.readouterr().err
    assert call("train", "sinusoid", "--engine=mjx", f"--workdir={tmp_path / 'run'}") == 2
    assert "--engine chooses nothing" in capsys.readouterr().err
