"""Ant learns in one policy-gradient step where to go (ProMP).

The gap is small: goals are a few metres away, and an untrained policy gets three fifths of what the
oracle gets. The oracle had no more than 50 iterations, so that three steps come level with it may
say as much about the oracle as about them. Adaptation is seen against the pre-trained policy: both
begin with the same return, and one step leads to 281 instead of 254.
"""

import dataclasses

from experiments.ant_direction_maml import HPARAMS, META
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.meta_rl_experiment import MetaRLExperiment, baselines_of
from metaskill.training.task_distribution import EnvConfig, FamilyConfig

# 50 iterations of 4 tasks, 40 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("ant", options={"objective": "goal", "episode_length": 200}),
    family=FamilyConfig("goal_position"),
    trainer=TrainerConfig(env_steps=3_200_000, population=3),
    meta=dataclasses.replace(META, num_eval_tasks=16),
    hparams=HPARAMS,
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "own: no figure of the paper is known to hold on this body"
FIGURES = {
    1: Required(metric="eval/return_1", source=_SOURCE),
    3: Required(metric="eval/return_3", source=_SOURCE),
}

findings = adaptation_findings("ant_goal_maml", FIGURES)
