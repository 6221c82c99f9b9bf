"""Learners train in single precision, whatever JAX is set to."""

import jax
import pytest

from metaskill.errors import UserError
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig


@pytest.mark.fault(22)
def test_training_in_double_precision_is_refused_in_one_sentence() -> None:
    config = TrainerConfig(env_steps=100)
    learner = PPOExperiment(EnvConfig("point_mass"), config, PPOConfig()).make_learner()
    with jax.enable_x64(True), pytest.raises(UserError, match="unset JAX_ENABLE_X64"):
        Chunks(learner, config)
