"""Ant learns skills without a reward and walks to goals with them; `make demo-skills` runs this.

One seed, one skill an episode and a smaller step size than in `ant_dads_xy`. A single run like it
reached two or three of the six goals.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.skills.discovery import DiscoveryHparams
from metaskill.training.experiment import EnvConfig, TrainerConfig

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    env=EnvConfig("ant", engine="native", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=5_000_000),
    redraw_probability=0.0,
    hparams=DiscoveryHparams(ppo=PPOHparams(learning_rate=3e-4)),
)

findings = navigation_findings("demo_skills")
