"""HalfCheetah learns in one policy-gradient step how fast it is to run (ProMP).

The set-up is that of the direction but for a discount of .99, as in the papers, and twice Adam's
step. A policy that learned from its step no more than "slower than 1 m/s" or "faster" would be
.25 m/s off at best.

By hand, one seed, mean returns of iterations 21 to 30 after one step: raw observations and Adam's
1e-3, lambda .95 led to -105, with lambda .99 to -124; with Adam's 2e-3 to -92, and then with lambda
.9 to -89, with inner steps of .3 to -110; with normalized observations to -80, and then with lambda
.9, as here, to -77, with Adam's 4e-3 to -77. With two inner steps in training the second led from
-81 to -71, and on held-out tasks one led to -68 and three to -61, where with one they led after 40
iterations to -63 and -52.

By hand, on a GPU, with raw observations, one seed, means of iterations 26 to 30: one step led to
-98; with E-MAML's credit (`exploration`) of .1 and of 1 to -98 and -111, with inner steps of .3 to
-118, and with discount .95 and lambda .9 to -173.
"""

import dataclasses

from experiments.half_cheetah_direction_maml import HPARAMS, META
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# 250 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "velocity", "episode_length": 200}),
    family=FamilyConfig("goal_velocity"),
    trainer=TrainerConfig(env_steps=20_000_000, population=3),
    meta=dataclasses.replace(META, num_eval_tasks=40),
    hparams=dataclasses.replace(HPARAMS, discount=0.99, learning_rate=2e-3),
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "Finn et al. 2017, released data: −130 / −78.6 / −66.6 / −60.8 and −54.5 told the speed"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.68, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.92, source=_SOURCE),
}

findings = adaptation_findings("half_cheetah_velocity_maml", FIGURES)
