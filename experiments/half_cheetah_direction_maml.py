"""HalfCheetah learns in one policy-gradient step whether to run forward or backward (ProMP).

Beside ten tasks an iteration instead of 40, four things differ from Rothfuss et al. 2018:
observations are normalized; noise is half the actuators' range (with all of it a third of the
actions is cut off); discount .95 and lambda .9 instead of .99 and 1; a step of Adam on every two
tasks instead of one on all of them. What the first three do to the inner gradients is measured by
`python -m benchmarks.inner_gradients`. With raw observations, discount .99 and lambda .95, three
seeds came to 383 after one step, .62 of the gap to their oracle, in 6.4M steps instead of 4.8M.
"""

from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.results.adaptation import adaptation_findings
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.meta_rl_experiment import MetaRLExperiment, baselines_of
from metaskill.training.task_distribution import EnvConfig, FamilyConfig

# HalfCheetah's; Ant's are in `ant_direction_maml`.
META = MAMLRLConfig(
    num_tasks=10,
    outer="promp",
    num_minibatches=5,
    hidden=(64, 64),
    activation="tanh",
    initial_std=0.5,
    normalize_obs=True,
    num_eval_tasks=16,
)
HPARAMS = MAMLRLHparams(discount=0.95, gae_lambda=0.9)

# 60 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
CONFIG = MetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "direction", "episode_length": 200}),
    family=FamilyConfig("direction"),
    trainer=TrainerConfig(env_steps=4_800_000, population=3),
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
