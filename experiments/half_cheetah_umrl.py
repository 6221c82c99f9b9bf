"""HalfCheetah meta-learns on DIAYN's skills as tasks, and adapts to a direction (ProMP).

Gupta et al. 2018: nobody says what tasks there will be. Meta-training rewards each task by the
discriminator of a run of `half_cheetah_diayn`; forward and backward are met in the test only.
Seeds differ (169 to 237 after one step; 143 to 325 with skills that were trained for 5M steps, and
told apart in .53 of the cases instead of .91). Of the discriminator's reward adapted policies got
-250 to -910 an episode in the last ten iterations, where 0 is chance: among twenty speeds one step
seems to find the side, not the speed.
"""

from experiments import half_cheetah_diayn
from experiments.half_cheetah_direction_maml import HPARAMS, META
from metaskill.results.adaptation import unsupervised_findings
from metaskill.training.experiment import TrainerConfig
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig, FamilyConfig
from metaskill.training.unsupervised_meta_rl_experiment import UnsupervisedMetaRLExperiment

# 50 iterations of 10 tasks, 20 episodes, 200 steps, before and after the inner step.
CONFIG = UnsupervisedMetaRLExperiment(
    env=EnvConfig("half_cheetah", options={"objective": "direction", "episode_length": 200}),
    source=Source("half_cheetah_diayn", half_cheetah_diayn.CONFIG),
    family=FamilyConfig("direction"),
    trainer=TrainerConfig(env_steps=4_000_000, population=3),
    meta=META,
    hparams=HPARAMS,
)

# A quarter of a metre a second, for 200 steps.
findings = unsupervised_findings("half_cheetah_umrl", at_least=50.0)
