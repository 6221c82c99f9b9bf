"""The command line as a user meets it."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from command_line import TINY_DEMO, call

from metaskill.cli.experiments import find_experiment
from metaskill.cli.flags import override
from metaskill.training.metrics import read_rows

TINY = [*TINY_DEMO, "--config.trainer.population=2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert call("train", "demo", *TINY, "--seed=3", f"--workdir={path}", "--report") == 0
    return path


def test_train_writes_the_run_folder(run: pathlib.Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "checkpoints",
        "config.json",
        "events",
        "metrics.jsonl",
        "provenance.json",
        "report.html",
    }
    assert {row["seed"] for row in read_rows(run / "metrics.jsonl")} == {3, 4}
    report = (run / "report.html").read_text()
    assert "point_mass has no MuJoCo model" in report  # What stands in the video's place.
    assert "data:image/png" in report


def test_eval_prints_json(run: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eval", str(run)) == 0
    record = json.loads(capsys.readouterr().out)
    assert len(record["eval/return"]) == 2
    assert record["iteration"] == 2


def test_eval_of_the_best_checkpoint(run: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eval", str(run), "--best") == 0
    assert json.loads(capsys.readouterr().out)["iteration"] == 2


def test_list_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list") == 0
    assert "ant_ppo" in capsys.readouterr().out
    assert call("--help") == 0
    assert "train" in capsys.readouterr().out
    assert call("train", "--help") == 0
    assert "--workdir" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "did you mean 'train'"),
        (["train"], "name the experiment"),
        (["train", "antppo"], "did you mean 'ant_ppo'"),
        (["train", "demo", "--sed=3"], "did you mean '--seed'"),
        (["train", "demo", "--seed=three"], "three"),
        (["train", "demo", "extra"], "expected EXPERIMENT"),
        (["train", "demo", "--resume=maybe"], "auto|never|must"),
        (["train", "demo", "--resume=must"], "holds no run to resume"),
        (["train", "demo", "--engine=nativ"], "did you mean 'native'"),
        (["train", "demo", "--config.env.name=atn"], "did you mean 'ant'"),
        (["train", "demo", "--config.ppo.num_envz=3"], "did you mean 'num_envs'"),
        (["train", "demo", "--config.ppo.num_envs"], "=VALUE"),
        (["train", "demo", "--config.ppo.num_envs=many"], "must be int"),
        (["train", "demo", "--config.ppo.num_minibatches=7"], "choose a divisor"),
        (["train", "demo", "--config.ppo=7", "--config.ppo.num_envs=8"], "set as a whole too"),
        (["train", "demo", "--config.env.options={'episode_lenght': 1}"], "'episode_length'"),
        (["eval", "nowhere"], "holds no run"),
        (["render", "nowhere"], "holds no run"),
        (["report", "nowhere"], "holds no run"),
        (["eval"], "expected RUN"),
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
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("metaskill: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_another_experiments_folder_is_refused(
    run: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", "ant_ppo", f"--workdir={run}") == 2
    assert "another experiment" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--output=video.avi", "must end in .mp4 or .gif"),
        ("--member=7", "no member 7"),
    ],
)
def test_render_mistakes(
    run: pathlib.Path, flag: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("render", str(run), flag) == 2
    assert message in capsys.readouterr().err


def test_an_existing_run_is_refused_where_none_is_wanted(
    run: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "demo", *TINY, "--seed=3", f"--workdir={run}"]
    assert call(*arguments, "--resume=never") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert call(*arguments, "--resume=must") == 0


def start_endless_run(workdir: pathlib.Path) -> subprocess.Popen:
    """Start a run that nobody would wait for, and wait for its first rows."""
    command = [sys.executable, "-m", "metaskill.cli.main", "train", "demo", *TINY]
    process = subprocess.Popen(
        [*command, f"--workdir={workdir}", "--config.trainer.env_steps=100_000_000"],
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = workdir / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size):
        assert process.poll() is None
        time.sleep(0.05)
    return process


def test_sigterm_saves_and_exits_with_75(tmp_path: pathlib.Path) -> None:
    process = start_endless_run(tmp_path / "run")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "stopping after this chunk" in error
    assert "the same command goes on from there" in error
    (last, *_) = list(read_rows(tmp_path / "run" / "metrics.jsonl"))[::-1]
    assert (tmp_path / "run" / "checkpoints" / str(last["iteration"])).is_dir()


def test_a_second_interrupt_ends_at_once() -> None:
    """Even in the middle of compiled code, where Python handles no signals."""
    program = """
import os, signal, time
from metaskill.training.signals import stop_on_signals
with stop_on_signals(lambda: print("asked", flush=True)) as stop:
    os.kill(os.getpid(), signal.SIGINT)
    while not stop():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
    print("still here")
"""
    command = [sys.executable, "-c", program]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=25, check=False)
    assert outcome.returncode == 130
    assert outcome.stdout == "asked\n"
    assert "ended at once" in outcome.stderr


def test_fields_that_have_to_fit_each_other_are_overridden_in_any_order() -> None:
    demo = find_experiment("demo")
    changes = ["--config.ppo.num_minibatches=7", "--config.ppo.num_envs=7"]
    for arguments in (changes, changes[::-1]):
        others, config = override([*arguments, "--report"], demo)
        assert (config.ppo.num_envs, config.ppo.num_minibatches) == (7, 7)
        assert others == ["--report"]
