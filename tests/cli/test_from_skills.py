"""Experiments that start from other runs, as a user meets them."""

import dataclasses
import json
import pathlib

import pytest
from command_line import call

from metaskill.cli.experiments import find_baselines, find_experiment, open_run, starting_from
from metaskill.errors import UserError
from metaskill.skills.space import SkillSpace
from metaskill.training.run_folder import RunFolder
from metaskill.training.source import Source

PPO = [
    "--config.ppo.num_envs=4",
    "--config.ppo.rollout_length=8",
    "--config.ppo.num_minibatches=2",
    "--config.ppo.policy_hidden=(8,)",
    "--config.ppo.value_hidden=(8,)",
    "--config.ppo.num_eval_episodes=2",
    "--config.trainer.env_steps=64",
    "--config.trainer.iterations_per_chunk=2",
    "--config.trainer.population=2",
    "--config.env.name=point_mass",
    "--config.env.options={'episode_length': 10}",
]
DIAYN = ["--config.space.size=3", "--config.diayn.hidden=(8,)", "--config.ppo.activation=tanh"]


@pytest.fixture(scope="module")
def skills(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("runs") / "skills"
    assert call("train", "half_cheetah_diayn", *PPO, *DIAYN, f"--workdir={path}") == 0
    return path


@pytest.mark.slow
def test_a_run_is_fine_tuned(
    skills: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tuned = tmp_path / "tuned"
    start = ["train", "half_cheetah_finetune", *PPO, f"--workdir={tuned}"]
    assert call(*start, f"--from={skills}") == 0
    source = json.loads((tuned / "config.json").read_text())["config"]["source"]
    assert source["experiment"] == "half_cheetah_diayn"
    assert source["config"]["space"]["size"] == 3
    assert call("eval", str(tuned)) == 0
    assert '"eval/return"' in capsys.readouterr().out
    # Without the run that it starts from there is nothing to go on with.
    assert call(*start) == 2
    assert "holds no run to start from" in capsys.readouterr().err


def test_from_takes_another_runs_configuration_with_it(tmp_path: pathlib.Path) -> None:
    skills = find_experiment("half_cheetah_diayn")
    theirs = dataclasses.replace(skills, space=SkillSpace("one_hot", 7))
    RunFolder(tmp_path / "mine").create("half_cheetah_diayn", theirs)
    config = find_experiment("half_cheetah_finetune")
    changed = starting_from("half_cheetah_finetune", config, str(tmp_path / "mine"))
    assert changed.source.config == theirs
    assert changed.source.folder.path == tmp_path / "mine"
    RunFolder(tmp_path / "demo").create("demo", find_experiment("demo"))
    with pytest.raises(UserError, match="name one of an experiment such as half_cheetah_diayn"):
        starting_from("half_cheetah_finetune", config, str(tmp_path / "demo"))


def test_from_takes_another_model_of_past_data(tmp_path: pathlib.Path) -> None:
    skills = find_experiment("maze_skills")
    smaller = dataclasses.replace(skills, embedding=dataclasses.replace(skills.embedding, size=3))
    RunFolder(tmp_path / "smaller").create("maze_skills", smaller)
    config = find_experiment("maze_spirl")
    changed = starting_from("maze_spirl", config, str(tmp_path / "smaller"))
    assert changed.source == Source("maze_skills", smaller, str(tmp_path / "smaller"))
    flat = find_baselines("maze_spirl")["flat_prior"]
    RunFolder(tmp_path / "flat").create("maze_spirl", flat)
    assert open_run(str(tmp_path / "flat"))[2] == flat


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["half_cheetah_finetune"], "metaskill train half_cheetah_diayn makes one"),
        (["half_cheetah_finetune", "--from=nowhere"], "holds no run"),
        (["demo", "--from=nowhere"], "starts from no other run"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str],
    message: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("train", *arguments) == 2
    assert message in capsys.readouterr().err
