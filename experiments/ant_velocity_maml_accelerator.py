"""Ant learns in one policy-gradient step how fast it is to run, for an accelerator.

`ant_velocity_maml` with five times the tasks an iteration, half as many iterations more, and as
many held-out tasks as Finn et al. 2017 test on.
"""

import dataclasses

from experiments import ant_velocity_maml
from experiments.ant_direction_maml_accelerator import META, TRAINER
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.meta_rl_experiment import baselines_of

CONFIG = dataclasses.replace(
    ant_velocity_maml.CONFIG, trainer=TRAINER, meta=dataclasses.replace(META, num_eval_tasks=40)
)

BASELINES = baselines_of(CONFIG)

findings = adaptation_findings("ant_velocity_maml_accelerator", ant_velocity_maml.FIGURES)
