"""A controller over DIAYN's skills takes HalfCheetah over hurdles (Eysenbach et al. 2019).

It chooses a skill every ten control steps and is rewarded for each hurdle passed, as PPO
without skills is, which sees what the controller sees but x.

With each member's skills it comes over hurdles (5, 1 and 2 of them in 20 s), and was getting better
fast with two of them when training ended; without skills, over next to none. In training, with
noise, it passes far fewer than when it is evaluated.
"""

from experiments import half_cheetah_diayn
from metaskill.results.hierarchy import hierarchy_findings
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.core_hparams import CoreHparams
from metaskill.training.experiment import PPOExperiment, TrainerConfig
from metaskill.training.hierarchy_experiment import HierarchyExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig

_ENV = EnvConfig("half_cheetah_hurdles", options={"episode_length": 400})
_LENGTH = 10
_OPTIONS = 204_800

CONFIG = HierarchyExperiment(
    env=_ENV,
    source=Source("half_cheetah_diayn", half_cheetah_diayn.CONFIG),
    trainer=TrainerConfig(
        env_steps=_OPTIONS, population=3, iterations_per_chunk=4, chunks_per_evaluation=2
    ),
    option_length=_LENGTH,
    ppo=PPOConfig(
        num_envs=256,
        rollout_length=20,
        policy_hidden=(64, 64),
        value_hidden=(64, 64),
        distribution="gaussian",
        initial_std=0.5,
    ),
    # A return is the number of hurdles, not hundreds: nothing to scale down.
    hparams=CoreHparams(ppo=PPOHparams(learning_rate=1e-3, reward_scale=1.0)),
)

BASELINES = {
    "flat": PPOExperiment(
        env=_ENV,
        trainer=TrainerConfig(env_steps=2_129_920, population=3),
        ppo=PPOConfig(
            distribution="gaussian",
            initial_std=0.5,
            policy_obs=("task_state",),
            value_obs=("task_state",),
        ),
        hparams=PPOHparams(reward_scale=1.0),
    )
}

findings = hierarchy_findings("half_cheetah_hurdles", "hurdles passed in 400 steps", at_least=1.0)
