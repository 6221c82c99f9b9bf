"""Ant learns in one step how fast it is to run (ProMP, exploring by a latent).

One step leads to 129, and a policy that is told the speed runs to 133 in as many iterations
(`BASELINES`, with all parameters, no latent and half of Adam's step). A policy that was trained on
the average is at 59, and at 85 and 114 after one and three steps. Exploration costs returns before
the step (-2): from the 59, one step closes .94 of the gap. More steps gain nothing.

Before the latent means anything, where the better episodes had it is mostly chance, and the more
so the fewer episodes count: how soon it comes to mean a speed depends on the temperature. By hand,
one seed each, where the latent is all that adapts, held-out returns after one step at 50
iterations: 81 with a temperature of 1 and noise of 6; 76 with 1 and 3; 66 with 3 and 9; 52 with .5
and 3 (and half of Adam's step). With inner steps of 9 and of 3, on what single actions tell of the
latent, 30 iterations came to 21 and 27.

Without a latent, where all parameters adapt, three seeds had come to 66 after one step and to 73
after three at 50 iterations, of an oracle's 90; a policy that was trained on the average was as
good after three. One seed, by hand, came to 80 and 103 at 100 iterations, of an oracle's 135: more
iterations widen that gap.
"""

import dataclasses

from experiments.ant_direction_maml import HPARAMS, META
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.meta_rl_experiment import MetaRLExperiment, baselines_of
from metaskill.training.task_distribution import EnvConfig, FamilyConfig

# 100 iterations of 4 tasks, 40 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("ant", options={"objective": "velocity", "episode_length": 200}),
    family=FamilyConfig("goal_velocity"),
    trainer=TrainerConfig(env_steps=6_400_000, population=3),
    meta=dataclasses.replace(META, order="head_only", num_latents=1, num_eval_tasks=16),
    hparams=dataclasses.replace(
        HPARAMS,
        inner_lr=0.025,
        later_steps=1.0,
        latent_std=6.0,
        latent_temperature=1.0,
        learning_rate=2e-3,
    ),
)

BASELINES = baselines_of(CONFIG, HPARAMS)

_SOURCE = "Finn et al. 2017, released data: 30.6 / 96.7 / 100 / 101 and 108 told the speed"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.86, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.92, source=_SOURCE),
}

findings = adaptation_findings("ant_velocity_maml", FIGURES)
