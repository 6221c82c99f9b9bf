"""DADS on Ant with proportional skill dynamics, for an accelerator: more worlds, more steps.

`ant_dads_xy_proportional` with four times the worlds, a sixth more steps, wider networks, a third
of the cost of falling, and the default discount, lambda and step size of PPO. Minibatches are as
large and as many a step, so an iteration has four times as many. An H100 took 14 minutes for three
seeds, two other experiments beside it.

Episodes end here when the ant's torso is above 1 m, and that is what is missed: two of the eighteen
journeys end in a leap before the goal. All goals that are reached are held. By hand, the same
skills on the native engine reach 6, 5 and 6 of the goals; and in episodes that go on after a leap
all of them, with .36, .37 and .35 as mean distance.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.dads import DADSConfig
from metaskill.skills.discovery import DiscoveryHparams
from metaskill.training.experiment import TrainerConfig

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    trainer=TrainerConfig(env_steps=40_632_320, population=3, chunks_per_evaluation=20),
    dads=DADSConfig(predicts="position", dynamics="proportional", delta_scale=0.03, fall_cost=10.0),
    ppo=PPOConfig(num_envs=2048, num_minibatches=32, distribution="gaussian", initial_std=0.5),
    redraw_probability=0.01,
    hparams=DiscoveryHparams(ppo=PPOHparams(saturation_weight=0.01)),
)

findings = navigation_findings("ant_dads_accelerator", most_minutes=None)
