"""Ant learns in one step whether to run forward or backward (ProMP, exploring by a latent).

One step leads to 152, and a policy that is told the direction walks on to 151 in as many
iterations (`BASELINES`, with all parameters and no latent). Neither had stopped rising.

What an iteration's episodes tell about the direction is how far the inner gradients of two batches
of the same task agree (`python -m benchmarks.inner_gradients`): next to nothing with the papers'
credit. Beside what HalfCheetah has, noise is a quarter of the actuators' range (with half of it,
episodes ended after a third of their length, by hand), and there are twice the episodes of fewer
tasks.

Without latents, where all parameters adapt to what single actions tell, one step led to 94, and
three to 93. With a latent, which is all that adapts, the Ant goes one way in some episodes and the
other way in others before the step. By hand, one seed each, after one step on the held-out
directions after 30 iterations: 94 here; 61 to 67 where the latent moves by the noise of whole
episodes alone, and not by what single actions tell too; 18 and 13 where it does, and goes to the
best episodes (temperatures of .5 and 1): before it means anything, that is chance.

By hand, without latents, one seed each: with ten tasks of twenty episodes one step led to 55 after
2.5M steps, instead of 70 to 80; with three times Adam's step to 34 after 1.2M, instead of 46. With
raw observations, discount .9 and lambda .8, three seeds had come to 40 of 74, and stayed there.
With twenty tasks an iteration and ten steps of Adam an epoch, three seeds had 66 to 69 after 25
iterations, where a policy that is told the direction had 111 to 136.
"""

import dataclasses

from experiments import half_cheetah_direction_maml
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.meta_rl_experiment import MetaRLExperiment, baselines_of
from metaskill.training.task_distribution import EnvConfig, FamilyConfig

# Those of all of Ant's experiments; this one has a latent too.
META = dataclasses.replace(
    half_cheetah_direction_maml.META,
    num_tasks=4,
    num_episodes=40,
    num_minibatches=4,
    initial_std=0.25,
    num_eval_tasks=8,
)
HPARAMS = half_cheetah_direction_maml.HPARAMS

# 80 iterations of 4 tasks, 40 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("ant", options={"objective": "direction", "episode_length": 200}),
    family=FamilyConfig("direction"),
    trainer=TrainerConfig(env_steps=5_120_000, population=3),
    meta=dataclasses.replace(META, order="head_only", num_latents=1),
    hparams=dataclasses.replace(
        HPARAMS, inner_lr=9.0, later_steps=0.1, latent_std=9.0, latent_temperature=3.0
    ),
)

BASELINES = baselines_of(CONFIG, HPARAMS)

_SOURCE = "Finn et al. 2017, released data: 8.7 / 499 / 501 / 499 and 525 told the direction"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.95, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.95, source=_SOURCE),
}

findings = adaptation_findings("ant_direction_maml", FIGURES)
