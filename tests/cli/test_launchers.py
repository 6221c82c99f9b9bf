"""Sweeps in several jobs; the engines that run the jobs are replaced by small ones."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import types

import pytest
from command_line import TINY_DEMO, call

from metaskill.cli import launchers
from metaskill.errors import UserError

VARY = ["--vary", "learning_rate=1e-4,1e-3,1e-2", "--vary", "seed=0:2"]


def in_this_process(commands: list, logs: pathlib.Path, options: dict) -> list[bool]:
    return [call(*command[3:]) == 0 for command in commands]


def test_jobs_train_parts_whose_tables_are_put_together(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(launchers.LAUNCHERS, "local", in_this_process)
    folder = tmp_path / "jobs"
    command = ["sweep", "demo", *TINY_DEMO, *VARY]
    arguments = [*command, "--launcher=local", "--jobs", "2", f"--workdir={folder}"]
    assert call(*arguments) == 0
    table = json.loads((folder / "table.json").read_text())
    assert [row["member"] for row in table["members"]] == list(range(6))
    assert [row["learning_rate"] for row in table["members"]] == [1e-4] * 2 + [1e-3] * 2 + [
        1e-2
    ] * 2
    returns = [row["eval/return"] for row in table["members"]]
    assert table["best"] == returns.index(max(returns))
    assert len(table["settings"]) == 3
    values = [row["eval/return"] for row in table["settings"]]
    assert values == sorted(values, reverse=True)
    own = json.loads((folder / "part_1" / "table.json").read_text())
    assert {row["learning_rate"] for row in own["members"]} == {1e-3}
    assert call("eval", str(folder / "best")) == 0
    assert call(*arguments) == 0  # It had ended.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--launcher=slrum", "--jobs=2"], "did you mean 'slurm'"),
        (["--launcher=slurm"], "go together"),
        (["--jobs=2"], "go together"),
        (["--launcher=slurm", "--jobs=4"], "only 3 settings"),
        (["--launcher=slurm", "--jobs=2", "--halving=0.5"], "compares all settings"),
        (["--part=2/2"], "write I/N"),
        (["--launcher_option=a=1"], "add --launcher"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path,
) -> None:
    assert call("sweep", "demo", *VARY, *arguments, f"--workdir={tmp_path / 'sweep'}") == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def fake_submitit(seen: dict) -> types.ModuleType:
    class Job:
        def __init__(self, command: list[str]):
            self.code = subprocess.run(command, check=False).returncode

        def exception(self):
            return None if self.code == 0 else RuntimeError(self.code)

    class AutoExecutor:
        def __init__(self, folder: str, cluster: str):
            seen.update(folder=folder, cluster=cluster)

        def update_parameters(self, **options: object) -> None:
            if "timeout" in options:
                raise NameError("unknown parameter 'timeout'")
            seen.update(options)

        def batch(self):
            import contextlib

            return contextlib.nullcontext()

        def submit(self, command: list[str]) -> Job:
            return Job(command)

    module = types.ModuleType("submitit")
    module.AutoExecutor = AutoExecutor
    module.helpers = types.SimpleNamespace(CommandFunction=lambda command: command)
    return module


GOOD = [sys.executable, "-c", "pass"]
BAD = [sys.executable, "-c", "raise SystemExit(75)"]


def test_slurm_is_submitits(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    seen: dict = {}
    monkeypatch.setitem(sys.modules, "submitit", fake_submitit(seen))
    options = {"slurm_partition": "gpu", "timeout_min": 240}
    assert launchers.launch("slurm", [GOOD, BAD], tmp_path, options) == [True, False]
    assert seen == {"folder": str(tmp_path), "cluster": "slurm", **options}
    with pytest.raises(UserError, match="unknown parameter"):
        launchers.launch("slurm", [GOOD], tmp_path, {"timeout": 1})


def test_ray_is_an_adapter(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    seen: dict = {}

    def remote(function=None, **options: object):
        if function is None:
            seen.update(options)
            return remote
        return types.SimpleNamespace(remote=function)

    module = types.ModuleType("ray")
    module.is_initialized = lambda: False
    module.init = lambda: seen.update(started=True)
    module.remote = remote
    module.get = lambda results: results
    monkeypatch.setitem(sys.modules, "ray", module)
    assert launchers.launch("ray", [GOOD, BAD], tmp_path, {"num_gpus": 1}) == [True, False]
    assert seen == {"started": True, "num_gpus": 1}


@pytest.mark.parametrize("name", ["slurm", "ray"])
def test_an_engine_that_is_not_installed_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="pip install 'metaskill"):
        launchers.launch(name, [GOOD], tmp_path, {})


@pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="an optional extra")
@pytest.mark.filterwarnings("ignore")
def test_submitits_own_local_executor(tmp_path: pathlib.Path) -> None:
    options = {"timeout_min": 1}
    assert launchers.launch("local", [GOOD, BAD], tmp_path, options) == [True, False]
