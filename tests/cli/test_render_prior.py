"""Filming what guides a run."""

import pathlib

import pytest

from metaskill.cli.render import render_prior
from metaskill.errors import UserError
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.task_distribution import EnvConfig


def test_what_nothing_guides_has_no_prior_to_film(tmp_path: pathlib.Path) -> None:
    ppo = PPOExperiment(EnvConfig("point_mass"), TrainerConfig(env_steps=1))
    with pytest.raises(UserError, match="leave --prior out"):
        render_prior(ppo, tmp_path / "video.mp4")
    with pytest.raises(UserError, match=r"must end in \.mp4"):
        render_prior(ppo, tmp_path / "video.png")
