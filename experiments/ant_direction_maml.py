"""Ant learns in one policy-gradient step whether to run forward or backward (ProMP).

What twenty episodes tell about the direction is how far the inner gradients of two batches of the
same task agree (`python -m benchmarks.inner_gradients`). With HalfCheetah's set-up they do not
agree at all; by hand, nothing was learned in 2M steps. Its noise of .5 ended Ant's episodes after
a third of their length, that of .25 after nine tenths. The rest is how soon a step's effect is
told: with discount .9 and lambda .8.

The bars are missed, and neither policy runs: one step leads to 40 (of which 10 are for staying
up), a policy that is told the direction to 74 in as many iterations. What one step leads to
hardly grew in the second half of the training, as the noise fell from .25 to .19. So short a
horizon of credit makes adaptation possible, and seems to keep Ant from finding a gait: a better
baseline, or twice the episodes, might allow a longer one. Neither was tried.
"""

import dataclasses

from experiments import half_cheetah_direction_maml
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# Those of all of Ant's experiments.
META = dataclasses.replace(
    half_cheetah_direction_maml.META,
    num_tasks=4,
    num_episodes=40,
    num_minibatches=4,
    initial_std=0.25,
    num_eval_tasks=8,
)
HPARAMS = half_cheetah_direction_maml.HPARAMS

# 75 iterations of 4 tasks, 40 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("ant", options={"objective": "direction", "episode_length": 200}),
    family=FamilyConfig("direction"),
    trainer=TrainerConfig(env_steps=4_800_000, population=3),
    meta=META,
    hparams=HPARAMS,
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "Finn et al. 2017, released data: 8.7 / 499 / 501 / 499 and 525 told the direction"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.95, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.95, source=_SOURCE),
}

findings = adaptation_findings("ant_direction_maml", FIGURES)
