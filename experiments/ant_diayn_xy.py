"""DIAYN with the x-y prior on Ant, against DADS: whose skills move alike every time?

Sharma et al. 2020 (section 6.2) compare the deviation in x and y of executions of a skill.
The run of DADS is that of `ant_dads_xy`.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.skills import compare_deviations
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig
from metaskill.skills.space import SkillSpace

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    space=SkillSpace("one_hot", 20),
    algorithm="diayn",
    diayn=DIAYNConfig(sees="position"),
    discovery=DiscoveryConfig(num_eval_skills=20, episodes_per_skill=4),
)

BORROWED = {"dads": "ant_dads_xy"}

findings = compare_deviations
