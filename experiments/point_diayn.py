"""DIAYN in the plane: six skills that a discriminator tells apart (Eysenbach et al. 2019)."""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig, DiscoveryHparams
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment

CONFIG = SkillExperiment(
    env=EnvConfig("point_mass"),
    trainer=TrainerConfig(env_steps=3_000_000, population=3),
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

FIGURES = {
    "point_diayn_accuracy": Required(
        metric="eval/discriminator_accuracy", at_least=0.9, source="own bar; chance is 1/6"
    ),
    "point_diayn_nats": Required(
        metric="eval/skill_reward", at_least=1.49, source="own bar: log 6 - 0.3 nats"
    ),
}

findings = last_evaluation(FIGURES)
