"""DADS with the x-y prior on Ant, with skill dynamics that is proportional to the skill.

Laid over the plane, a square of skills tears, and on the way from one skill to another the ant
stands still or falls (`ant_dads_xy`, `ant_dads_xy_3d`). Little of that is left here: skills lead
all around, in the direction of z, and three seeds reach all six goals, and hold them. Journeys are
judged in the environment of Sharma et al.'s code, where a leap ends nothing
(`ant_navigation_unending`); where leaps end the episode, by hand, 5, 6 and 6 goals are reached,
with .41, .32 and .31.

With a `fall_cost` of 10 instead of 30, and 30M steps instead of 34M, one journey of eighteen ended
on the ant's back, 8 cm short of counting: of brax's ant only the feet touch the ground, so nothing
turns it over again (goals 6, 5, 6; .35, .40, .37). By hand, of 240 changes from one skill to
another, after 100 steps of the first, 15, 4 and 9 come to a stop, with one seed and another.

What differs from `ant_dads_xy`; by hand, one seed where nothing is said:
* The skill dynamics, which is not the paper's: it learns one number. A matrix in its place (a
  network without hidden layers, one expert) lost one of its two directions: with a step size of
  1e-3 while nothing moved yet, and all skills lay on a line after 7M steps; with 2e-4, one of three
  seeds after 1.6M. With 1e-4 it kept both for 5.6M.
* Skills are redrawn within episodes. It costs less than it did there: with the matrix that kept
  both directions, reward in training was .54 nats after 5.6M steps, instead of .61 without. And
  without it, skills came to 1.38 nats after 12M steps, but the ant stood still after .15 of the
  changes of skill.
* Falling costs. With that matrix, episodes had shrunk to 24 steps after 1.2M, falling being the
  shortest way out of rewards below 0; with the cost they lasted for 81, and came to more than 100.
* Hidden layers of 128 units, instead of 256. Rewards were .77 and .72 nats after 3M steps, and
  there are a third more steps in a minute.
* PPO's hyperparameters. With its defaults, three seeds had .83 to 1.04 nats in training after 12M
  steps; with these, .88 to 1.03 after 5.7M.

Those were found by two sweeps on a GPU (`metaskill sweep`, by hand, one seed), with 512 worlds a
member as here; the second was stopped after 8M steps. Nats in training, means of 20 iterations of
all that was tried:

| discount | lambda | step size | after 2M steps | 4M | 7M | 11M |
|---|---|---|---|---|---|---|
| .99 | .95 | 6e-4 | .13 | .63 | .88 | 1.02 |
| .97 | .95 | 6e-4 | .20 | .68 | .96 | 1.13 |
| .95 | .95 | 6e-4 | .25 | .73 | .95 | 1.04 |
| .99 | .90 | 6e-4 | .12 | .65 | .88 | 1.06 |
| .97 | .95 | 3e-4 | .12 | .50 | .91 | 1.17 |
| .97 | .95 | 1e-3 | .24 | .74 | .93 | 1.10 |
| .99 | .95 | 6e-4, annealed | .10 | .53 | .81 | |
| .97 | .95 | 6e-4, annealed | .22 | .76 | 1.00 | |
| .97 | .95 | 1e-3, annealed | .21 | .67 | .99 | |
| .97 | .95 | 1.5e-3, annealed | .19 | .53 | .81 | |
| .95 | .95 | 1e-3, annealed | .27 | .66 | .86 | |
| .97 | .90 | 1e-3, annealed | .32 | .81 | 1.06 | |

Step sizes are hardly annealed by 4M, so runs that differ in that alone tell the noise: up to .1.
The last row leads at each point, over some by less than that; three seeds on CPU bore it out. A
large step size is fast at first, and then held up by its own noise (with 6e-4, two fifths of the
ratios were clipped after 11M steps), so it is annealed. `ant_dads_xy_accelerator` trains for
longer, with more worlds.

Minutes depend on the machine: this run made 23,800 steps/s on two cores. With networks twice as
wide and 13.5M steps, one on two others made 9,100, and came to 5 goals and .44.

Tried besides, by hand on CPU:
* Episodes that go on after a fall, as in the authors' code (three seeds, 6e-4): .38 to .52 nats
  after 5.3M steps. An ant that lies on its back may learn little until time is out.
* An entropy weight of .003: .25 nats after 3.9M steps, instead of .28 to .41, with more noise left;
  stopped there.
"""

import dataclasses

from experiments import ant_dads_xy
from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.skills.dads import DADSConfig
from metaskill.skills.discovery import DiscoveryHparams

ANNEALING_STEPS = 34_000_000
PPO = dataclasses.replace(ant_dads_xy.CONFIG.ppo, policy_hidden=(128, 128), value_hidden=(128, 128))

CONFIG = dataclasses.replace(
    ant_dads_xy.CONFIG,
    trainer=dataclasses.replace(ant_dads_xy.CONFIG.trainer, env_steps=34_078_720),
    ppo=PPO,
    dads=DADSConfig(predicts="position", dynamics="proportional", delta_scale=0.03, fall_cost=30.0),
    redraw_probability=0.01,
    hparams=DiscoveryHparams(
        ppo=PPOHparams(
            learning_rate=1e-3,
            annealing_updates=float(PPO.gradient_steps(ANNEALING_STEPS)),
            discount=0.97,
            gae_lambda=0.9,
            saturation_weight=0.01,
        )
    ),
)

findings = navigation_findings("ant_dads", terminate_when_unhealthy=False)
