"""DADS with the x-y prior on Ant."""

from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.dads import DADSConfig
from metaskill.skills.discovery import DiscoveryHparams
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import EnvConfig, TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment

CONFIG = SkillExperiment(
    env=EnvConfig("ant", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=6_000_000),
    space=SkillSpace("box", 2),
    algorithm="dads",
    dads=DADSConfig(predicts="position"),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    hparams=DiscoveryHparams(ppo=PPOHparams()),
)
