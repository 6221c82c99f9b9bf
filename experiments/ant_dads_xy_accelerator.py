"""`ant_dads_xy_proportional` for an accelerator: more worlds, more than three times the steps.

On CPU rewards were still rising where training ended (by .1 in the last 3M steps), and a quarter of
the plane was walked to at half the speed of the others. Two other things differ:
* A `saturation_weight` of .01 keeps the means of actions within the actuators' range. Means had
  grown out of it there, and where they are, noise explores nothing.
* Minibatches are as large as there and as many a step, so iterations have four times as many.
"""

import dataclasses

from experiments import ant_dads_xy_proportional
from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.skills.discovery import DiscoveryHparams

_ON_CPU = ant_dads_xy_proportional.CONFIG

CONFIG = dataclasses.replace(
    _ON_CPU,
    trainer=dataclasses.replace(_ON_CPU.trainer, env_steps=40_000_000, chunks_per_evaluation=20),
    ppo=dataclasses.replace(_ON_CPU.ppo, num_envs=2048, num_minibatches=32),
    hparams=DiscoveryHparams(ppo=PPOHparams(saturation_weight=0.01)),
)

findings = navigation_findings("ant_dads_accelerator")
