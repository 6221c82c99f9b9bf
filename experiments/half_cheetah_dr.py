"""HalfCheetah trained with randomized physics stands physics that it never saw."""

import dataclasses

from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig

CONFIG = PPOExperiment(
    env=EnvConfig("half_cheetah", randomization="locomotion"),
    trainer=TrainerConfig(env_steps=6_000_000, population=3),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    hparams=PPOHparams(),
)

BASELINES = {
    name: dataclasses.replace(CONFIG, env=dataclasses.replace(CONFIG.env, randomization=name))
    for name in ("none", "dactyl")
}
