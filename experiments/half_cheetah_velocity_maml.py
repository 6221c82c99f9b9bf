"""HalfCheetah learns in one policy-gradient step how fast it is to run (ProMP).

The bars are missed: the adapted policies come within .27 m/s of the speed asked for, a policy
that is told the speed within .1. After three steps a policy that was trained on the average, with
steps a third as long, is as good.

What limits a step is what the episodes before it can tell, and not chance. By hand, three seeds
after 100 iterations with normalized observations and Adam's 2e-3: before adaptation they ran at
.78, .65 and .54 m/s, in single steps of the second half within .17 (a standard deviation), so that
all slower goals have nearly the same advantages, and so have all faster ones. One inner step led
to .15-.3 m/s where .05, .26 or .47 was asked for, and to 1.1-1.5 for six goals from .89 to 1.95,
with two batches of episodes within .2 of each other. One such bit, faster or slower than 1 m/s,
leaves .25 m/s at best.

The set-up is that of the direction but for raw observations and a longer horizon of credit. By
hand, mean returns in training:
- three seeds, normalized observations, lambda .9, Adam's 2e-3: one step led to -76 in iterations
  31 to 40, and to -68 in 111 to 120; on held-out speeds after 100 to -50, -66 and -70, and three to
  -51, -60 and -57. They were stopped after 140.
- three seeds of that with learned step sizes (Meta-SGD), 100 iterations: held out, one step led
  from -99 to -48, and three to -42, where the settings here led to -61 and -53 (on speeds that each
  seed drew for itself). Of its three oracles one fell apart (-111, beside -22 and -27), so that its
  gaps, .87 and .97, say nothing; to this record's oracle, -19, they would be .64 and .72.
- one seed of the first with two inner steps in training: the second led to -72 in iterations 31 to
  40, with three the third to -76; with both, returns were below -220 20 iterations later.
- one seed of the first, noise before the step that is correlated in time (.95, .99 from one step
  to the next): -94 and -113 after it in iterations 41 to 50, instead of -68.
- one seed, iterations 31 to 40, raw observations: one step led to -90 as here, with lambda .99 to
  -109; with Adam's 2e-3 to -82, and then with lambda .9 to -84, with inner steps of .3 to -100.
- one seed, iterations 26 to 30, on a GPU, raw observations: one step led to -98, with E-MAML's
  credit (`exploration`) of .1 and of 1 to -98 and -111, with inner steps of .3 to -118, and with
  discount .95 and lambda .9 to -173.
"""

import dataclasses

from experiments.half_cheetah_direction_maml import HPARAMS, META
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# 80 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "velocity", "episode_length": 200}),
    family=FamilyConfig("goal_velocity"),
    trainer=TrainerConfig(env_steps=6_400_000, population=3),
    meta=dataclasses.replace(META, order="head_only", num_latents=1, num_eval_tasks=40),
    hparams=dataclasses.replace(
        HPARAMS, inner_lr=0.025, later_steps=1.0, discount=0.99, learning_rate=2e-3
    ),
)

# With Adam's 2e-3 one oracle of three had fallen apart.
BASELINES = baselines_of(CONFIG, dataclasses.replace(HPARAMS, discount=0.99))

_SOURCE = "Finn et al. 2017, released data: −130 / −78.6 / −66.6 / −60.8 and −54.5 told the speed"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.68, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.92, source=_SOURCE),
}

findings = adaptation_findings("half_cheetah_velocity_maml", FIGURES)
