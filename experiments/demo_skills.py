"""Ant learns skills without a reward and walks to goals with them; `make demo-skills` runs this.

One seed of `ant_dads_xy`, for less than half of its steps.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.training.experiment import EnvConfig, TrainerConfig

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    env=EnvConfig("ant", engine="native", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=6_000_000),
)

findings = navigation_findings("demo_skills")
