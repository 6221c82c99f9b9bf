"""DADS with the x-y prior on Ant, with a cube of skills instead of a square.

Laid over the plane, a square of skills tears (`ant_dads_xy`). A cube has one dimension to spare:
what a square tears to get, it can fold. Sharma et al. 2020 have two dimensions for Ant.

The planner gains nothing by it. Rewards are higher (1.8 to 2.3 nats, the square's 1.7 to 2.1), and
no more goals are reached; of the six one or two are held until the end, and with the square
three to five. The runs differ in two things, the third dimension and `saturation_weight`; after 8M
steps with the weight (by hand, one seed) the cube reached five of the six goals, and the square
three.

What happens on the way, by hand: skills run at up to 3 m/s, so that the half second that one is
executed for leads as far as a goal's circle is wide to either side; and of 24 goals all around, the
ant falls on the way to 7 to 12. It stands still less often than before: after one in ten to twenty
changes of skill instead of one in four to fourteen after 6.4M steps. It did not move at all then,
in the two such journeys that were looked at: what it sees does not change, so neither does what it
does.

Tried by hand, in vain:
* redrawing skills every 100 steps on average, for 1.6M steps more after 6.4M: the ant stood still
  in .15, .16 and none of the tries, instead of .14, .23 and .07, and reached 5, 3 and 4 goals;
* skills of 5, 20 and 40 steps in the planner's hands, instead of 10: of 24 goals all around it
  reaches .71 to .88 with each, and it falls least with 20 (.08 to .12 of the journeys).

Not tried: starting episodes from postures further from its usual one, such as those that it comes
to stand in; a cost of falling, which `ant_dads_xy_proportional` has.
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
