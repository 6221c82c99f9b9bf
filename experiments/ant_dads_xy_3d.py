"""DADS with the x-y prior on Ant, with a cube of skills instead of a square.

Laid over the plane, a square of skills tears (`ant_dads_xy`). A cube has one dimension to spare:
what a square tears to get, it can fold. Sharma et al. 2020 have two dimensions for Ant.

Not run to its end yet. By hand, with one seed and 8M steps, both with `saturation_weight`:

| skills | nats in training | goals reached, of six | mean distance to goal |
|---|---|---|---|
| square | 1.08 | 3 | .61 |
| cube | 1.22 | 5 | .48 |

By hand, three seeds of this experiment after 6.4M steps: 1.0 to 1.4 nats; 5, 4 and 4 goals; .51,
.60 and .48. A cube does not end the standing still: a skill that is begun in the middle of another
leaves the ant where it is in one of four to fourteen tries. In the two such journeys that were
looked at it did not move at all any more: what it sees does not change, so neither does what it
does. Other goals seem to be missed because no skill leads there yet.

Tried by hand, from there on: redrawing skills every 100 steps on average, for 1.6M steps more. The
ant stood still in .15, .16 and none of the tries, instead of .14, .23 and .07, and reached 5, 3 and
4 goals. Not tried: starting episodes from postures further from its usual one, such as those that
it comes to stand in.
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
