"""Ant learns in one policy-gradient step how fast it is to run (ProMP).

The bars are missed. A policy that was trained on the average is as good after three steps.

By hand, one seed, on the held-out speeds after 30 iterations: one step led from 27 to 53, and
three to 66; with twice Adam's step from 20 to 57, and to 66; with that and a discount of .99 from
13 to 47, and to 60; with that and learned step sizes (Meta-SGD) from 23 to 51, and to 60.
"""

import dataclasses

from experiments.ant_direction_maml import HPARAMS, META
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# 50 iterations of 4 tasks, 40 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("ant", options={"objective": "velocity", "episode_length": 200}),
    family=FamilyConfig("goal_velocity"),
    trainer=TrainerConfig(env_steps=3_200_000, population=3),
    meta=dataclasses.replace(META, num_eval_tasks=16),
    hparams=HPARAMS,
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "Finn et al. 2017, released data: 30.6 / 96.7 / 100 / 101 and 108 told the speed"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.86, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.92, source=_SOURCE),
}

findings = adaptation_findings("ant_velocity_maml", FIGURES)
