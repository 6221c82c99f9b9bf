"""DADS with the x-y prior on Ant, with skill dynamics that is proportional to the skill.

Laid over the plane, a square of skills tears, and on the way from one skill to another the ant
stands still or falls (`ant_dads_xy`, `ant_dads_xy_3d`). Hardly any of that is left here: skills
lead all around, in the direction of z, and of eighteen journeys to the six goals none ends in a
fall. What is missed is speed: with each seed one quarter of the plane is walked to at about half
the speed of the others (by hand), and time is out before the goal. Nearly every goal
that is reached is held: the nearer to the middle of the square a skill is, the slower it is.

By hand, with the runs that are recorded, on 24 goals all around, and 400 steps instead of 200: they
are reached, and held to the end, in .92, .62 and .96 of the journeys, and .04 end in falls. The
cube of skills reaches .83 to .88, holds .21 to .46, and falls in .33 to .62.

Beside its length three things differ from `ant_dads_xy`; by hand, one seed where nothing is said:
* The skill dynamics, which is not the paper's: it learns one number. A matrix in its place (a
  network without hidden layers, one expert) lost one of its two directions: with a step size of
  1e-3 while nothing moved yet, and all skills lay on a line after 7M steps; with 2e-4, one of three
  seeds after 1.6M. With 1e-4 it kept both for 5.6M.
* Skills are redrawn within episodes. It costs less than it did there: with the matrix that kept
  both directions, reward in training was .54 nats after 5.6M steps, instead of .61 without.
* Falling costs. With that matrix, episodes had shrunk to 24 steps after 1.2M, falling being the
  shortest way out of rewards below 0; with the cost they lasted for 81, and came to more than 100.

Rewards were still rising where training ended, by .07 to .13 nats in the last 3M steps:
`ant_dads_xy_accelerator` trains for longer. Tried by hand on CPU, for more speed:
* With a `saturation_weight` of .01 and no redrawing, 1.38 nats in training after 12M steps (here
  .83 to 1.04), and 5 goals with .43 as mean distance. But after .15 of the changes of skill the
  ant stood still; on the accelerator, with redrawing, after 0 to .02.
* With a step size of 6e-4 as well, 1.20 nats after 6.4M steps, for which 3e-4 took 9M. 1e-3 was no
  faster than 6e-4 in the first 3M.
* With both and skills redrawn as here, 1.06 nats after 11M steps, where it was stopped: 4 goals
  with .52; where a leap does not end the episode (`ant_navigation_unending`), 6 goals with .40.
* Episodes that go on after a fall, as in the authors' code (three seeds, .01, 6e-4): .38 to .52
  nats after 5.3M steps. An ant that lies on its back may learn little until time is out.
* An entropy weight of .003 with a `saturation_weight` of .01: .25 nats after 3.9M steps, instead of
  .28 to .41, with more noise left; stopped there.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.skills.dads import DADSConfig
from metaskill.skills.discovery import DiscoveryHparams

STEPS = 13_500_000
PPO = ant_dads_xy.CONFIG.ppo
UPDATES = STEPS // PPO.steps_per_iteration * PPO.num_epochs * PPO.num_minibatches

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    trainer=dataclasses.replace(ant_dads_xy.CONFIG.trainer, env_steps=STEPS),
    dads=DADSConfig(predicts="position", dynamics="proportional", delta_scale=0.03, fall_cost=10.0),
    redraw_probability=0.01,
    hparams=DiscoveryHparams(
        ppo=PPOHparams(
            learning_rate=1e-3,
            annealing_updates=float(UPDATES),
            discount=0.97,
            gae_lambda=0.9,
            saturation_weight=0.01,
        )
    ),
)

findings = navigation_findings("ant_dads_proportional", terminate_when_unhealthy=False)
