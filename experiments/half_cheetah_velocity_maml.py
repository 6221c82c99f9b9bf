"""HalfCheetah learns in one policy-gradient step how fast it is to run (ProMP).

The bars are missed: the adapted policies come within .27 m/s of the speed asked for, a policy
that is told the speed within .1. After three steps a policy that was trained on the average, with
steps a third as long, is as good. A likely cause, not tested: advantages are normalized within a
task, so that one step says "faster" or "slower", and hardly by how much.

The set-up is that of the direction but for raw observations and a longer horizon of credit. With
the direction's own, by hand, returns before adaptation were -130 to -240 after 3M steps, about
what standing still brings, and one step led to -90 to -165: it was stopped there.

A policy that learned from its step no more than "slower than 1 m/s" or "faster" would be .25 m/s
off at best. By hand, on a GPU, one seed, means of iterations 26 to 30: one step led to -98; with
E-MAML's credit (`exploration`) of .1 and of 1 to -98 and -111, with inner steps of .3 to -118, and
with discount .95 and lambda .9 to -173.
"""

import dataclasses

from experiments.half_cheetah_direction_maml import META
from metaskill.meta.maml_rl_config import MAMLRLHparams
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# 100 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "velocity", "episode_length": 200}),
    family=FamilyConfig("goal_velocity"),
    trainer=TrainerConfig(env_steps=8_000_000, population=3),
    meta=dataclasses.replace(META, normalize_obs=False, num_eval_tasks=40),
    hparams=MAMLRLHparams(gae_lambda=0.95),
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "Finn et al. 2017, released data: −130 / −78.6 / −66.6 / −60.8 and −54.5 told the speed"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.68, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.92, source=_SOURCE),
}

findings = adaptation_findings("half_cheetah_velocity_maml", FIGURES)
