"""PPO makes HalfCheetah run: three seeds as one population."""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.experiment import PPOExperiment, Required, TrainerConfig
from metaskill.training.task_distribution import EnvConfig

CONFIG = PPOExperiment(
    env=EnvConfig("half_cheetah"),
    trainer=TrainerConfig(env_steps=10_158_080, population=3),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    hparams=PPOHparams(),
)

FIGURES = {
    "half_cheetah_ppo_return": Required(
        metric="eval/return", source="deterministic policy, 1000 steps; no bar"
    )
}

findings = last_evaluation(FIGURES)
