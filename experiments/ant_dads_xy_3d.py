"""DADS with the x-y prior on Ant, with a cube of skills instead of a square.

Laid over the plane, a square of skills tears, and the ant comes to stand on the way from one skill
to another across the tear (`ant_dads_xy`). A cube has one dimension to spare: what a square tears
to get, it can fold. Sharma et al. 2020 have two dimensions for Ant.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.skills.discovery import DiscoveryHparams
from metaskill.skills.space import SkillSpace

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    space=SkillSpace("box", 3),
    hparams=DiscoveryHparams(ppo=PPOHparams(saturation_weight=0.01)),
)

findings = navigation_findings("ant_dads_3d")
