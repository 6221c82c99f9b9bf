"""An experiment's data are collected where they are not there, and never taken for others."""

import dataclasses
import pathlib

import pytest

from metaskill.errors import UserError
from metaskill.offline.dataset import read_dataset
from metaskill.training.collection import CollectionConfig, prepare_data
from metaskill.training.data_experiment import DataConfig, DataExperiment
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import EnvConfig

COLLECTION = CollectionConfig(
    EnvConfig("point_mass", options={"episode_length": 4}), "random", episodes=3, worlds=2
)


def experiment(folder: pathlib.Path, collection: CollectionConfig) -> DataExperiment:
    return DataExperiment(DataConfig(str(folder)), TrainerConfig(1), collection=collection)


def test_data_are_collected_once(tmp_path: pathlib.Path) -> None:
    config = experiment(tmp_path / "data", COLLECTION)
    collected = prepare_data(config)
    assert collected is not None
    assert (len(collected.manifest.lengths), collected.manifest.steps) == (3, 12)
    manifest, _ = read_dataset(tmp_path / "data")
    assert manifest.collected_by["policy"] == "random"
    assert manifest.collected_by["env"]["options"] == {"episode_length": 4}
    assert prepare_data(config) is None


def test_other_data_are_not_taken_for_them(tmp_path: pathlib.Path) -> None:
    prepare_data(experiment(tmp_path / "data", COLLECTION))
    other = dataclasses.replace(COLLECTION, seed=1)
    with pytest.raises(UserError, match="seed is not 1"):
        prepare_data(experiment(tmp_path / "data", other))


def test_data_of_somebody_else_have_to_be_there(tmp_path: pathlib.Path) -> None:
    config = DataExperiment(DataConfig(str(tmp_path / "data")), TrainerConfig(1))
    assert prepare_data(config) is None
    with pytest.raises(UserError, match="holds no data set"):
        config.make_learner()
    with pytest.raises(UserError, match="must be at least 1"):
        dataclasses.replace(COLLECTION, episodes=0)
