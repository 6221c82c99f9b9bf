"""Ant learns skills without a reward and walks to goals with them; `make demo-skills` runs this.

One seed of `ant_dads_xy_proportional`, for a fifth of its steps.
"""

import dataclasses

from experiments import ant_dads_xy_proportional as whole
from metaskill.results.navigation import navigation_findings
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import EnvConfig

ANNEALING_STEPS = 6_000_000
_HPARAMS = whole.CONFIG.hparams

CONFIG = dataclasses.replace(
    whole.CONFIG,
    env=EnvConfig("ant", engine="native", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=6_062_080),
    hparams=dataclasses.replace(
        _HPARAMS,
        ppo=dataclasses.replace(
            _HPARAMS.ppo, annealing_updates=float(whole.PPO.gradient_steps(ANNEALING_STEPS))
        ),
    ),
)

findings = navigation_findings("demo_skills")
