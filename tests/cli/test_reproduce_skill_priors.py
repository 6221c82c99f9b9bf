"""SPiRL's experiments from data to figures, at a size at which nothing is learned."""

import dataclasses
import json
import pathlib
from types import ModuleType
from typing import Any

import pytest
from command_line import call

from experiments import (
    kitchen_spirl,
    maze_skills,
    maze_spirl,
    maze_spirl_sizes,
    stack_skills,
    stack_spirl,
)
from metaskill.cli import reproduce
from metaskill.cli.reproduce import train_all
from metaskill.offline.manifest import read_manifest
from metaskill.skills.spirl import GuidanceConfig
from metaskill.training.experiment import TrainerConfig
from metaskill.training.source import Source, source_of, with_source
from metaskill.training.task_distribution import EnvConfig

TRAINER = TrainerConfig(env_steps=1, population=2, iterations_per_chunk=1)


def shrunk_sac(config: Any) -> Any:
    sac = dataclasses.replace(
        config.sac,
        num_envs=2,
        rollout_length=2,
        updates_per_iteration=1,
        batch_size=4,
        replay_capacity=16,
        warm_up_steps=0,
        policy_hidden=(4,),
        critic_hidden=(4,),
        num_eval_episodes=1,
    )
    env = dataclasses.replace(config.env, options={**config.env.options, "episode_length": 12})
    return dataclasses.replace(config, sac=sac, env=env, trainer=TRAINER)


def shrunk_model(config: Any, **options: Any) -> Any:
    env = EnvConfig(config.collection.env.name, options=options)
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, hold_out_every=2),
        trainer=dataclasses.replace(TRAINER, population=1),
        embedding=dataclasses.replace(
            config.embedding, size=2, length=3, lstm_size=2, prior_hidden=(4,), decoder_hidden=(4,)
        ),
        cloning=dataclasses.replace(config.cloning, hidden=(4,)),
        fitting=dataclasses.replace(
            config.fitting, batch_size=4, updates_per_iteration=1, num_eval_windows=2
        ),
        collection=dataclasses.replace(config.collection, env=env, episodes=4, worlds=4),
    )


def shrink(
    monkeypatch: pytest.MonkeyPatch,
    experiment: ModuleType,
    **options: Any,
) -> None:
    def shrunk(config: Any) -> Any:
        source = source_of(config)
        if source is not None:
            smaller = shrunk_model(source.config, **options)
            config = with_source(config, dataclasses.replace(source, config=smaller))
        return shrunk_sac(config)

    monkeypatch.setattr(experiment, "CONFIG", shrunk(experiment.CONFIG))
    baselines = {name: shrunk(config) for name, config in experiment.BASELINES.items()}
    monkeypatch.setattr(experiment, "BASELINES", baselines)


@pytest.mark.parametrize("experiment", [maze_spirl, kitchen_spirl, stack_spirl])
def test_methods_differ_in_what_they_are_named_for(experiment: ModuleType) -> None:
    main, baselines = experiment.CONFIG, experiment.BASELINES
    assert list(baselines) == ["no_prior", "flat_prior", "cloning", "sac"]
    assert baselines["no_prior"].guidance == GuidanceConfig("standard", start_at_prior=False)
    assert baselines["no_prior"].source == main.source
    assert baselines["flat_prior"].source == baselines["cloning"].source != main.source
    assert baselines["cloning"].guidance.regularizer == "entropy"
    for baseline in baselines.values():
        assert (baseline.env, baseline.trainer) == (main.env, main.trainer)
        # A skill is ten control steps: as many updates, and as much warm-up, for all.
        length = 10 if baseline.sac == main.sac else 1
        steps = length * baseline.sac.steps_per_iteration
        assert steps == 10 * main.sac.steps_per_iteration
        assert baseline.sac.updates_per_iteration == main.sac.updates_per_iteration
        assert length * baseline.sac.warm_up_steps == 10 * main.sac.warm_up_steps


def test_sizes_have_steps_updates_and_foresight_in_common() -> None:
    runs = {"z10_h10": maze_spirl_sizes.CONFIG, **maze_spirl_sizes.BASELINES}
    assert len(runs) == 9
    for name, config in runs.items():
        embedding = config.source.config.embedding
        size, length = embedding.size, embedding.length
        assert name == f"z{size}_h{length}"
        assert config.source.run.endswith(f"maze_skills-{name}")
        steps = config.sac.steps_per_iteration * length
        assert steps == 20 * config.sac.updates_per_iteration
        assert steps * config.trainer.iterations_per_chunk == 160 * 48
        assert config.sac.warm_up_steps * length == 10 * maze_spirl.CONFIG.sac.warm_up_steps
        assert config.sac.replay_capacity * length >= config.trainer.env_steps
        assert config.hparams.discount ** (10 / length) == pytest.approx(0.99)
        changed = dataclasses.replace(config.source.config, embedding=maze_skills.CONFIG.embedding)
        assert changed == maze_skills.CONFIG


def test_models_are_trained_before_what_they_guide(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    calls: list[tuple[str, str]] = []

    def train(name, config, path, take_over):
        calls.append((name, path.name))
        return config

    monkeypatch.setattr(reproduce, "_train", train)
    runs = train_all("maze_spirl", tmp_path / "mine")
    assert calls == [
        ("maze_skills", "maze_skills"),
        ("maze_spirl", "mine"),
        ("maze_skills", "maze_skills"),
        ("maze_spirl-no_prior", "mine-no_prior"),
        ("maze_cloning", "maze_cloning"),
        ("maze_spirl-flat_prior", "mine-flat_prior"),
        ("maze_cloning", "maze_cloning"),
        ("maze_spirl-cloning", "mine-cloning"),
        ("maze_spirl-sac", "mine-sac"),
    ]
    assert runs["main"].source.run == str(tmp_path / "maze_skills")
    runs = train_all("maze_spirl", pathlib.Path("runs/maze_spirl"))
    assert runs["main"].source == Source("maze_skills", maze_skills.CONFIG)


def test_every_size_is_guided_by_skills_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    trained: dict[str, int] = {}

    def train(name, config, path, take_over):
        if name == "maze_skills":
            trained[path.name] = config.embedding.length
        return config

    monkeypatch.setattr(reproduce, "_train", train)
    runs = train_all("maze_spirl_sizes", tmp_path / "mine")
    assert trained["maze_skills-z2_h40"] == 40
    assert len(trained) == len(runs) == 9
    assert runs["z2_h40"].source.run == str(tmp_path / "maze_skills-z2_h40")
    usual = train_all("maze_spirl_sizes", pathlib.Path("runs/maze_spirl_sizes"))
    assert usual["z2_h40"] == maze_spirl_sizes.BASELINES["z2_h40"]


@pytest.mark.slow
def test_the_maze_is_reproduced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"size": 2, "layouts": 3, "layout": 7, "episode_length": 8}
    shrink(monkeypatch, maze_spirl, **options)
    assert call("train", "maze_spirl") == 2
    assert "metaskill train maze_skills makes one" in capsys.readouterr().err
    assert call("reproduce", "maze_spirl") == 0
    assert capsys.readouterr().out.count("4 episodes with") == 1  # Both models' data.
    assert read_manifest("data/maze_planner").collected_by["env"]["options"] == options
    record = json.loads(pathlib.Path("experiments/results/maze_spirl.json").read_text())
    assert list(record["figures"]) == [
        "maze_spirl_success",
        "maze_no_prior_success",
        "maze_flat_prior_success",
        "maze_cloning_success",
        "maze_sac_success",
        "kl_over_target",
    ]
    assert record["settings"]["runs"]["sac"]["config"]["sac"]["num_envs"] == 2
    assert len(record["settings"]["at_the_end"]["main"]["loss/alpha"]) == 2
    assert call("eval", "runs/maze_spirl") == 0
    assert call("collect", "maze", "--policy=run:runs/maze_spirl") == 2
    assert "acts by options, and its actions are not maze's own" in capsys.readouterr().err


@pytest.mark.slow
def test_the_kitchen_is_reproduced(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.chdir(tmp_path)
    # Long enough for a subtask, or there would be no label to leave out by.
    shrink(monkeypatch, kitchen_spirl, episode_length=60)
    assert call("reproduce", "kitchen_spirl") == 0
    record = json.loads(pathlib.Path("experiments/results/kitchen_spirl.json").read_text())
    figures = record["figures"]
    assert set(figures) > {"kitchen_spirl_subtasks", "kitchen_sac_subtasks", "kl_over_target"}
    assert figures["prior_coverage_ratio"]["required"] == 3.0
    assert figures["coverage_uniform_subtasks"]["value"] >= 0.0
    assert call("render", "runs/kitchen_spirl", "--prior", "--seconds=1") == 0
    assert call("report", "runs/kitchen_spirl") == 0
    page = pathlib.Path("runs/kitchen_spirl/report.html").read_text()
    assert 'alt="Without learning" src="data:image/png' in page


@pytest.mark.slow
def test_the_tower_is_reproduced(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"blocks": stack_skills.BLOCKS, "episode_length": 60}
    shrink(monkeypatch, stack_spirl, **options)
    assert call("reproduce", "stack_spirl") == 0
    record = json.loads(pathlib.Path("experiments/results/stack_spirl.json").read_text())
    figures = record["figures"]
    assert set(figures) > {"stack_spirl_blocks", "stack_flat_prior_blocks", "kl_over_target"}
    assert figures["stack_spirl_blocks"]["passed"] is None
    assert figures["prior_coverage_ratio"]["passed"] is None
