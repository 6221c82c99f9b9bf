"""Runs that experiments start from: found, checked, or refused in a sentence."""

import dataclasses
import pathlib
import shutil

import jax
import pytest
from past_data import collect_point_mass, data_experiment

from metaskill.errors import UserError
from metaskill.training.progress import NoProgress
from metaskill.training.run_folder import RunFolder
from metaskill.training.source import Source
from metaskill.training.trainer import train


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Two members, trained to the end."""
    folder = tmp_path_factory.mktemp("source")
    collect_point_mass(folder / "data")
    config = data_experiment(folder / "data", "cloning", population=2)
    source = Source("tiny", config, str(folder / "run"))
    source.folder.create("tiny", config)
    train(config, source.folder, NoProgress())
    return source


def test_what_was_learned_is_read(source: Source) -> None:
    learner, state = source.load()
    assert learner.step_unit == "updates"
    assert jax.tree.leaves(state.params)[0].shape[0] == 2


def test_seeds_take_turns_with_its_members(source: Source) -> None:
    assert [source.origin_of(seed) for seed in range(4)] == [0, 1, 0, 1]


def test_the_usual_folder_goes_without_saying(source: Source) -> None:
    usual = source.at(pathlib.Path("runs/tiny"))
    assert usual.run == ""
    assert usual.folder.path == pathlib.Path("runs/tiny")
    assert usual.at(source.folder.path) == source


def test_a_run_that_is_not_there_is_asked_for(source: Source, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match=r"metaskill train tiny makes one.*--from"):
        source.at(tmp_path / "nowhere").load()


def test_a_run_of_another_experiment_is_refused(source: Source) -> None:
    with pytest.raises(UserError, match=r"holds a run of tiny, not of other: .*--from="):
        dataclasses.replace(source, experiment="other").load()


def test_a_run_of_another_configuration_is_refused_by_what_differs(source: Source) -> None:
    fitting = dataclasses.replace(source.config.fitting, batch_size=7)
    other = dataclasses.replace(source.config, fitting=fitting)
    message = r"config.source.config.fitting.batch_size is 7, and there 8\): .*--from=.* as it is"
    with pytest.raises(UserError, match=message):
        dataclasses.replace(source, config=other).load()


def test_a_run_that_is_not_finished_is_refused(source: Source, tmp_path: pathlib.Path) -> None:
    """What it learned would change, and what started from it could not be resumed."""
    trainer = dataclasses.replace(source.config.trainer, env_steps=100)
    longer = dataclasses.replace(source.config, trainer=trainer)
    folder = RunFolder(tmp_path / "run")
    folder.create("tiny", longer)
    shutil.copytree(source.folder.checkpoints, folder.checkpoints)
    with pytest.raises(UserError, match="not trained to the end"):
        Source("tiny", longer, str(folder.path)).load()
