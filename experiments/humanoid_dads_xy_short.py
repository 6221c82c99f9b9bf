"""The short variant of `humanoid_dads_xy`, for CPU: small networks, few steps, one seed.

It shows that Humanoid's skills begin to be told apart, not that it walks.
"""

import dataclasses

from experiments import humanoid_dads_xy
from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import EnvConfig

CONFIG = dataclasses.replace(
    humanoid_dads_xy.CONFIG,
    env=EnvConfig("humanoid", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=3_112_960),
    dads=dataclasses.replace(humanoid_dads_xy.CONFIG.dads, hidden=(256, 256), fall_cost=0.0),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
)

findings = last_evaluation(humanoid_dads_xy.figures("humanoid_dads_short"))
