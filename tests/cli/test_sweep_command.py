"""`metaskill sweep` as a user meets it."""

import csv
import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from command_line import TINY_DEMO, call

from metaskill.training.metrics import read_rows

VARY = ["--vary", "learning_rate=log:1e-4:1e-2:2", "--vary", "seed=0:2"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("runs") / "sweep"
    assert call("sweep", "demo", *TINY_DEMO, *VARY, f"--workdir={path}") == 0
    return path


def test_a_sweep_writes_a_table_and_a_picture_a_metric(sweep: pathlib.Path) -> None:
    rows = list(csv.DictReader((sweep / "table.csv").read_text().splitlines()))
    assert [(row["learning_rate"], row["seed"], row["status"]) for row in rows] == [
        ("0.0001", "0", "finished"),
        ("0.0001", "1", "finished"),
        ("0.01", "0", "finished"),
        ("0.01", "1", "finished"),
    ]
    record = json.loads((sweep / "table.json").read_text())
    returns = [row["eval/return"] for row in record["members"]]
    assert [float(row["eval/return"]) for row in rows] == returns
    assert record["best"] == returns.index(max(returns))
    settings = {row["learning_rate"]: row for row in record["settings"]}
    assert settings[1e-4]["eval/return"] == pytest.approx(sum(returns[:2]) / 2)
    assert settings[1e-4]["interval"][0] <= settings[1e-4]["eval/return"]
    pictures = {path.name for path in (sweep / "plots").iterdir()}
    assert {"eval_return.png", "episode_return.png"} <= pictures


def test_the_best_member_is_a_run_like_any_other(
    sweep: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("eval", str(sweep / "best")) == 0
    assert len(json.loads(capsys.readouterr().out)["eval/return"]) == 1
    assert call("report", str(sweep / "best")) == 0
    assert "data:image/png" in (sweep / "best" / "report.html").read_text()


def test_a_finished_sweep_is_not_trained_again(
    sweep: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (sweep / "rung_0" / "batch_0" / "metrics.jsonl").stat().st_mtime_ns
    assert call("sweep", "demo", *TINY_DEMO, *VARY, f"--workdir={sweep}", "--resume=must") == 0
    assert "holds this sweep" in capsys.readouterr().out
    assert (sweep / "rung_0" / "batch_0" / "metrics.jsonl").stat().st_mtime_ns == before
    assert call("sweep", "demo", *TINY_DEMO, *VARY[:2], f"--workdir={sweep}") == 2
    assert "another experiment or configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the experiment"),
        (["demo"], "nothing varies"),
        (["demo", "--vary", "learning_rat=1,2"], "did you mean 'learning_rate'"),
        (["demo", "--vary", "learning_rate"], "cannot be read"),
        (["demo", "--vary", "clip=.1,.2", "--vary", "clip=.3,.4"], "varies once"),
        (["demo", "--vary", "clip=log:.1:.2"], "without a count"),
        (["demo", "--vary", "seed=a,b"], "gives no seeds"),
        (["demo", "--vary", "seed=0:2", "--halving=0.5"], "only one"),
        (["demo", "--vary", "clip=.1,.2", "--halving=0.5,0.2"], "increase"),
        (["demo", "--vary", "clip=.1,.2", "--halving=half"], "write parts"),
        (["demo", "--vary", "clip=.1,.2", "--random=0"], "random"),
        (["demo", "--vary", "seed=0:2", "--engine=nativ"], "did you mean 'native'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("sweep", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("metaskill: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_sigterm_saves_and_exits_with_75(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "metaskill.cli.main", "sweep", "demo", *TINY_DEMO, *VARY]
    process = subprocess.Popen(
        [*command, f"--workdir={tmp_path / 'sweep'}", "--config.trainer.env_steps=100_000_000"],
        stderr=subprocess.PIPE,
        text=True,
    )
    batch = tmp_path / "sweep" / "rung_0" / "batch_0"
    while not ((batch / "metrics.jsonl").exists() and (batch / "metrics.jsonl").stat().st_size):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "the same command goes on from there" in error
    (last, *_) = list(read_rows(batch / "metrics.jsonl"))[::-1]
    assert (batch / "checkpoints" / str(last["iteration"])).is_dir()
