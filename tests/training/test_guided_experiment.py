"""From data to skills to a guided policy, through the trainer and its files."""

import dataclasses
import pathlib

import jax
import numpy as np
import pytest
from past_data import collect_point_mass, data_experiment, guided_experiment, train_into

from metaskill.errors import UserError
from metaskill.skills.spirl import GuidanceConfig
from metaskill.training.data_experiment import DataConfig, DataExperiment, load
from metaskill.training.population import hparams_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("past")
    collect_point_mass(folder / "data")
    train_into(folder / "skills", model_in(folder, "skills"))
    train_into(folder / "cloned", model_in(folder, "cloning"))
    return folder


def model_in(folder: pathlib.Path, model: str) -> DataExperiment:
    return data_experiment(folder / "data", model, population=2 if model == "skills" else 1)


def test_a_guided_policy_begins_as_the_prior_of_its_own_origin(folder: pathlib.Path) -> None:
    config = guided_experiment(folder / "skills", model_in(folder, "skills"))
    learner = config.make_learner()
    _, models = config.source.load()
    assert learner.step_unit == "environment steps"
    init = jax.jit(learner.init)
    for seed, origin in enumerate((0, 1, 0)):
        state = init(jax.random.key(0), hparams_of(config, seed))
        assert int(state.origin) == origin
        own, trained = state.own.networks.params["policy"], models.params["prior"]
        jax.tree.map(lambda a, b, n=origin: np.testing.assert_array_equal(a, b[n]), own, trained)
    options = learner.env.options
    assert (options.length, options.action_size) == (2, 2)
    assert float(options.guide.statistics.count) == 24.0  # Four of six episodes, of six states.


def test_a_cloned_policy_acts_step_by_step(folder: pathlib.Path) -> None:
    cloned = model_in(folder, "cloning")
    config = guided_experiment(folder / "cloned", cloned, guidance=GuidanceConfig("entropy"))
    learner = config.make_learner()
    assert learner.env.length == 1
    assert learner.made_for(0).core.network.scale == 1.0


def test_what_guides_nothing_is_refused(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="holds no run to start from"):
        guided_experiment(tmp_path / "nowhere", model_in(folder, "skills")).make_learner()
    with pytest.raises(UserError, match="did you mean 'skills'"):
        data_experiment(folder / "data", "skill")
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
