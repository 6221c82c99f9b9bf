"""`metaskill collect`: a data set from random actions, and from a trained run."""

import pathlib

import numpy as np
import pytest
from command_line import TINY_DEMO, call

from metaskill.offline.dataset import read_dataset
from metaskill.offline.manifest import read_manifest


def test_random_actions_are_collected(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    arguments = ["collect", "point_mass", "--policy=random", f"--output={folder}", "--episodes=5"]
    arguments += ["--option=episode_length=4", "--worlds=2"]
    assert call(*arguments, "--seed=3") == 0
    assert "5 episodes with 20 steps" in capsys.readouterr().out
    manifest, episodes = read_dataset(folder)
    assert manifest.env == "point_mass"
    assert manifest.collected_by["policy"] == "random"
    assert manifest.collected_by["seed"] == 3
    assert len(manifest.shards) == 3
    assert episodes.labels[0] == {"goal": [0.5, 0.5]}
    assert len(np.unique(episodes.actions)) == 40
    assert call(*arguments) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_trained_policy_collects_in_its_own_environment(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = tmp_path / "run", tmp_path / "set"
    assert call("train", "demo", *TINY_DEMO, f"--workdir={run}") == 0
    arguments = ["collect", "point_mass", f"--policy=run:{run}", "--episodes=3"]
    assert call(*arguments, f"--output={folder}", "--noise=0.1") == 0
    manifest = read_manifest(folder)
    assert manifest.lengths == (5, 5, 5)
    capsys.readouterr()
    assert call(*arguments, "--option=episode_length=4") == 2
    assert "leave --option" in capsys.readouterr().err
    assert call("collect", "hopper", f"--policy=run:{run}") == 2
    assert "learned in point_mass, not in hopper" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["point_mass"], "say who acts by --policy=NAME"),
        (["point_mass", "--policy=randm"], "did you mean 'random'"),
        (["point_mas", "--policy=random"], "did you mean 'point_mass'"),
        (["point_mass", "--policy=run:nowhere"], "holds no run"),
        (["point_mass", "--policy=random", "--noise=1"], "belong to --policy=run:FOLDER"),
        (["point_mass", "--policy=random", "--option=x"], "has no value"),
        (["point_mass", "--policy=random", "--observation=stat"], "no observation 'stat'"),
        (["point_mass", "--policy=random", "--episodes=0"], "episodes"),
    ],
)
def test_mistakes_are_refused_in_a_line(
    arguments: list[str],
    message: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("collect", *arguments) == 2
    assert message in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
