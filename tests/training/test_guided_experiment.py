"""From data to skills to a guided policy, through the trainer and its files."""

import dataclasses
import pathlib

import jax
import numpy as np
import pytest
from past_data import collect_point_mass, data_experiment, guided_experiment, train_into

from metaskill.errors import UserError
from metaskill.skills.spirl import GuidanceConfig, GuidedHparams
from metaskill.training.data_experiment import DataConfig, load
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig
from metaskill.training.guided_experiment import load_guide
from metaskill.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("past")
    collect_point_mass(folder / "data")
    train_into(folder / "skills", data_experiment(folder / "data", "skills", population=2))
    train_into(folder / "cloned", data_experiment(folder / "data", "cloning"))
    return folder


def test_a_guided_policy_begins_as_the_trained_prior(folder: pathlib.Path) -> None:
    learner = guided_experiment(folder / "skills").make_learner()
    assert learner.env.length == 2
    assert learner.env.action_size == 2
    state = learner.init(jax.random.key(0), GuidedHparams())
    guide = learner.env.options.guide
    for ours, trained in zip(
        *map(jax.tree.leaves, (state.networks.params["policy"], guide.params)), strict=True
    ):
        np.testing.assert_array_equal(ours, trained)
    assert float(guide.statistics.count) == 24.0  # Four of six episodes, with six states each.
    config = guided_experiment(folder / "skills")
    other = dataclasses.replace(config.prior, member=1)
    assert np.any(
        jax.tree.leaves(load_guide(other, 4.0).params)[0] != jax.tree.leaves(guide.params)[0]
    )
    with pytest.raises(UserError, match="members 0 to 1"):
        load_guide(dataclasses.replace(config.prior, member=2), 4.0)


def test_a_cloned_policy_acts_step_by_step(folder: pathlib.Path) -> None:
    config = guided_experiment(folder / "cloned", guidance=GuidanceConfig("entropy"))
    learner = config.make_learner()
    assert learner.env.length == 1
    assert learner.core.policy.scale == 1.0


def test_what_guides_nothing_is_refused(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        guided_experiment(tmp_path / "nowhere").make_learner()
    ppo = PPOExperiment(EnvConfig("point_mass"), TrainerConfig(env_steps=1))
    RunFolder(tmp_path / "ppo").create("test", ppo)
    with pytest.raises(UserError, match="learned nothing from data"):
        guided_experiment(tmp_path / "ppo").make_learner()
    unknown = data_experiment(folder / "data", "skill")
    with pytest.raises(UserError, match="did you mean 'skills'"):
        unknown.make_learner()
    with pytest.raises(UserError, match="holds no data set"):
        data_experiment(tmp_path, "skills").make_learner()
    with pytest.raises(UserError, match="every second episode"):
        DataConfig("data", hold_out_every=1)


def test_compositions_are_left_out_of_what_is_learned_from(folder: pathlib.Path) -> None:
    everything = DataConfig(str(folder / "data"), hold_out_every=3)
    train, held_out, _ = load(everything, 2)
    assert (train.count, held_out.count) == (16, 8)
    with pytest.raises(UserError, match=r"every episode of .* is left out"):
        load(dataclasses.replace(everything, excluding=(0.5, 0.5), label="goal"), 2)
    with pytest.raises(UserError, match="has a label 'subtasks'"):
        load(dataclasses.replace(everything, excluding=(1,)), 2)
