"""Ant learns in one policy-gradient step whether to run forward or backward, for an accelerator.

`ant_direction_maml` with five times the tasks in each of its 75 iterations, and two and a half
times the steps of Adam.
"""

import dataclasses

from experiments import ant_direction_maml
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.meta_rl_experiment import baselines_of

# Those of both of Ant's experiments for an accelerator.
META = dataclasses.replace(ant_direction_maml.META, num_tasks=20, num_minibatches=10)
# 75 iterations of 20 tasks, 40 episodes, 200 steps, before and after the inner step.
TRAINER = dataclasses.replace(
    ant_direction_maml.CONFIG.trainer, env_steps=24_000_000, iterations_per_chunk=5
)

CONFIG = dataclasses.replace(ant_direction_maml.CONFIG, trainer=TRAINER, meta=META)

BASELINES = baselines_of(CONFIG)

findings = adaptation_findings("ant_direction_maml_accelerator", ant_direction_maml.FIGURES)
