"""DIAYN in the plane: six skills that a discriminator tells apart (Eysenbach et al. 2019).

The paper learns with SAC, which needs far fewer environment steps than PPO with many worlds, and
more work a step: here the two are compared.
"""

import dataclasses

from metaskill.results.cores import compare_cores
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig, DiscoveryHparams
from metaskill.skills.model import FitConfig
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

CONFIG = SkillExperiment(
    env=EnvConfig("point_mass"),
    trainer=TrainerConfig(env_steps=3_008_000, population=3, chunks_per_evaluation=1),
    space=SkillSpace("one_hot", 6),
    algorithm="diayn",
    diayn=DIAYNConfig(hidden=(64, 64)),
    ppo=PPOConfig(
        num_envs=256,
        rollout_length=25,
        policy_hidden=(64, 64),
        value_hidden=(64, 64),
        distribution="gaussian",
        initial_std=0.5,
    ),
    discovery=DiscoveryConfig(num_eval_skills=6, episodes_per_skill=8),
    hparams=DiscoveryHparams(ppo=PPOHparams(learning_rate=1e-3)),
)

BASELINES = {
    "sac": dataclasses.replace(
        CONFIG,
        core="sac",
        trainer=dataclasses.replace(
            CONFIG.trainer, env_steps=100_800, iterations_per_chunk=25, chunks_per_checkpoint=20
        ),
        # An update of the discriminator for each of the policy.
        diayn=DIAYNConfig(hidden=(64, 64), fit=FitConfig(updates=8, batch_size=256)),
        sac=SACConfig(
            num_envs=64,
            updates_per_iteration=8,
            replay_capacity=100_000,
            warm_up_steps=5_000,
            policy_hidden=(64, 64),
            critic_hidden=(64, 64),
        ),
        # The entropy's weight is the paper's, and fixed.
        hparams=DiscoveryHparams(
            sac=SACHparams(
                policy_learning_rate=1e-3,
                critic_learning_rate=1e-3,
                entropy_weight=0.1,
                entropy_learning_rate=0.0,
            )
        ),
    )
}

findings = compare_cores("point_diayn", accuracy=0.9, nats=1.49)  # Chance is 1/6; log 6 - 0.3.
