"""Ant learns in one policy-gradient step whether to run forward or backward (ProMP)."""

from experiments.half_cheetah_direction_maml import HPARAMS, META
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# 60 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
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
