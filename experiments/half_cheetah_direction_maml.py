"""HalfCheetah learns in one policy-gradient step whether to run forward or backward (ProMP).

Two things make it learn in millions of steps, where the papers' set-up needs tens of millions:

* noise of half the actuators' range instead of all of it: with 1.0, two actions in three are cut
  off, and after 2M steps nothing was learned, in whatever steps of Adam;
* a step of Adam on every two tasks, instead of one on all of them: on a processor it costs
  nothing, as the tasks' gradients are taken one after the other anyway. (One on every single task
  learns no faster, and its noise falls sooner.)

The bars are missed: one step leads to 383, and a policy that is told the direction comes to 649
in as many iterations. Neither had stopped rising (321 and 472 after 50 of the 80). Not tried:
discount .9 and lambda .8, with which the untrained policy's inner gradients agree nearly twice as
well (by hand, .47 for .26).
"""

from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# Those of all robots' experiments.
META = MAMLRLConfig(
    num_tasks=10,
    outer="promp",
    num_minibatches=5,
    hidden=(64, 64),
    activation="tanh",
    initial_std=0.5,
)
HPARAMS = MAMLRLHparams(gae_lambda=0.95)

# 80 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "direction", "episode_length": 200}),
    family=FamilyConfig("direction"),
    trainer=TrainerConfig(env_steps=6_400_000, population=3),
    meta=META,
    hparams=HPARAMS,
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "Finn et al. 2017, released data: −50.7 / 293 / 313 / 316 and 443 told the direction"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.70, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.74, source=_SOURCE),
}

findings = adaptation_findings("half_cheetah_direction_maml", FIGURES)
