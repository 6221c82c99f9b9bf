"""DADS with the x-y prior on Ant, with skill dynamics that is proportional to the skill.

Laid over the plane, a square of skills tears (`ant_dads_xy`). Scaled alone, it cannot.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.skills.dads import DADSConfig

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    trainer=dataclasses.replace(ant_dads_xy.CONFIG.trainer, env_steps=12_000_000),
    dads=DADSConfig(predicts="position", dynamics="proportional", delta_scale=0.03, fall_cost=10.0),
    redraw_probability=0.01,
)

findings = navigation_findings("ant_dads_proportional")
