"""HalfCheetah goes on from its best DIAYN skill to run forward, against from scratch.

Eysenbach et al. 2019 (section 4.2.1). Each seed begins as one of the three members of
`half_cheetah_diayn`, told the skill that runs forward best. Hyperparameters are the same from
scratch, and so are the networks.

How fast that skill is decides: a return of 717 counts, and the seed whose skill begins with 983 is
there at once. The two others begin with 595 and 539, and are ahead for half a million steps; then
learning from scratch is faster.

The little noise that is left at the end of skill discovery may be what holds them back. By hand,
with seed 0, one that began with an untrained policy's noise, a step size of 6e-4 and a discount of
.98 had 703 after 819,000 steps, instead of 659.

By hand, with seed 0 and a step size of 1e-3, a discount of .97 and a lambda of .9 (those of the
skills): without the value function's head start, 264 after 82,000 steps; with one of five
iterations, 471 after 164,000 and 636 after 573,000; of fifteen, 462 after 328,000 and 615 after
573,000.
"""

from experiments import half_cheetah_diayn
from metaskill.results.fine_tuning import fine_tuning_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.training.core_hparams import CoreHparams
from metaskill.training.experiment import EnvConfig, PPOExperiment, TrainerConfig
from metaskill.training.fine_tuning_experiment import FineTuningExperiment
from metaskill.training.source import Source

HPARAMS = PPOHparams(learning_rate=1e-3, discount=0.98, entropy_weight=0.01, saturation_weight=0.01)

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
    hparams=CoreHparams(ppo=HPARAMS),
)

BASELINES = {
    "scratch": PPOExperiment(CONFIG.env, CONFIG.trainer, CONFIG.ppo, HPARAMS),
}

findings = fine_tuning_findings("finetune", limit=0.6)
