"""HalfCheetah goes on from its best DIAYN skill to run forward, against from scratch.

Eysenbach et al. 2019 (section 4.2.1). Each seed begins as one of the three members of
`half_cheetah_diayn`, told the skill that runs forward best. Hyperparameters are those that the
skills were learned with, also from scratch.

It is ahead for half a million steps, and then behind for good: the skill scoots along on its head,
one leg in the air, and learning on makes that faster, but not another gait.

The gait seems to be what holds it back. With means kept within the actuators' range, and the
skills' entropy bonus, the ratio is 2.1; without either it was 2.3, which is no more than seeds
differ. By hand, with one seed, returns after 410,000 steps were 506 with these hyperparameters,
531 and 559 with two and three times Adam's step size and five times the saturation weight, and 517
with twice the step size, that weight, and the noise of an untrained policy to begin with.
"""

import dataclasses

from experiments import half_cheetah_diayn
from metaskill.results.fine_tuning import fine_tuning_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.training.core_hparams import CoreHparams
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig
from metaskill.training.fine_tuning_experiment import FineTuningExperiment
from metaskill.training.source import Source

HPARAMS = PPOHparams(entropy_weight=0.01, saturation_weight=0.01)

# An evaluation every chunk, of 82,000 steps: that is how finely steps are counted.
CONFIG = FineTuningExperiment(
    env=EnvConfig("half_cheetah", options={"episode_length": 200}),
    source=Source("half_cheetah_diayn", half_cheetah_diayn.CONFIG),
    trainer=TrainerConfig(
        env_steps=4_000_000,
        population=3,
        iterations_per_chunk=5,
        chunks_per_evaluation=1,
        chunks_per_checkpoint=10,
    ),
    ppo=half_cheetah_diayn.PPO,
    # The value function first learns for ten iterations what the reward is now.
    hparams=CoreHparams(ppo=dataclasses.replace(HPARAMS, value_only_updates=320.0)),
)

BASELINES = {
    "scratch": PPOExperiment(CONFIG.env, CONFIG.trainer, CONFIG.ppo, HPARAMS),
}

findings = fine_tuning_findings("finetune", limit=0.6)
