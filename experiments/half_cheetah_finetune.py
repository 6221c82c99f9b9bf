"""HalfCheetah goes on from its best DIAYN skill to run forward, against from scratch.

Eysenbach et al. 2019 (section 4.2.1). Each seed begins as one of the three members of
`half_cheetah_diayn`, told the skill that runs forward best. Hyperparameters are the same from
scratch, and so are the networks.

How fast that skill is decides: a return of 794 counts, half of what PPO from scratch ends with, and
one seed is there at the first evaluation, with 939 after 82,000 steps. The two others have 636 and
516 then, learn more slowly than from scratch, and end with 1,120 instead of 1,589. By hand, their
skills run with the trunk tilted by a third of a radian, and that of the fastest level: it may be
the gait that they do not get away from.

Hyperparameters were chosen by two sweeps on a GPU, by hand, three seeds each. Returns after 737,000
steps, of the two seeds with the slower skills, and of all three from scratch:

| step size | discount | lambda | value function's head start | from a skill | from scratch |
|---|---|---|---|---|---|
| 3e-4 | .99 | .95 | 320 updates | 673, 634 | 700, 718, 708 |
| 6e-4 | .98 | .95 | 320 | 760, 716 | 918, 674, 861 |
| 1e-3 | .98 | .95 | 320 | 785, 712 | 914, 932, 890 |
| 1e-3 | .98 | .95 | 160 | 772, 736 | |
| 1e-3 | .98 | .95 | none | 843, 767 | |
| 2e-3 | .98 | .95 | 160 | 824, 774 | 1034, 993, 886 |
| 1e-3 | .97 | .90 | 160 | 789, 777 | 449, 805, 777 |
| 1e-3 | .95 | .90 | 160 | 782, 741 | 392, 406, 412 |

The last two would look best, as learning from scratch is slow with them. With noise of .3 at first
instead of .5, on CPU, the fifth came to 771 and 727, and with ten times the `saturation_weight`
besides to 798 and 744. With the little noise that skill discovery leaves, as before, a return that
counted 717 took 1.56M and 2.38M steps (step size 3e-4, discount .99), and 770,000 from scratch.
"""

from experiments import half_cheetah_diayn
from metaskill.results.fine_tuning import fine_tuning_findings
from metaskill.rl.ppo_config import PPOHparams
from metaskill.training.core_hparams import CoreHparams
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.fine_tuning_experiment import FineTuningExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig

HPARAMS = PPOHparams(learning_rate=1e-3, discount=0.98, entropy_weight=0.01, saturation_weight=0.01)

# An evaluation every chunk, of 82,000 steps: that is how finely steps are counted.
CONFIG = FineTuningExperiment(
    env=EnvConfig("half_cheetah", options={"episode_length": 200}),
    source=Source("half_cheetah_diayn", half_cheetah_diayn.CONFIG),
    trainer=TrainerConfig(
        env_steps=4_014_080,
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
