"""HalfCheetah learns in one policy-gradient step whether to run forward or backward (ProMP)."""

from metaskill.meta.maml_rl_config import MAMLRLConfig
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.meta_rl_experiment import FamilyConfig, MetaRLExperiment, baselines_of

# 120 iterations of 20 tasks, 20 episodes, 200 steps, before and after the inner step. There are
# two different tasks only: half of the paper's 40 are enough to have both, and cost half.
CONFIG = MetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "direction", "episode_length": 200}),
    family=FamilyConfig("direction"),
    trainer=TrainerConfig(env_steps=19_200_000, population=3),
    meta=MAMLRLConfig(num_tasks=20, outer="promp", hidden=(64, 64), activation="tanh"),
)

BASELINES = baselines_of(CONFIG)

_SOURCE = "Finn et al. 2017, released data: −50.7 / 293 / 313 / 316 and 443 told the direction"
FIGURES = {
    1: Required(metric="eval/return_1", at_least=0.70, source=_SOURCE),
    3: Required(metric="eval/return_3", at_least=0.74, source=_SOURCE),
}

findings = adaptation_findings("half_cheetah_direction_maml", FIGURES)
