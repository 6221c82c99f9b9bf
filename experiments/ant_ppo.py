"""PPO makes Ant run: three seeds as one population."""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.experiment import PPOExperiment, Required, TrainerConfig
from metaskill.training.task_distribution import EnvConfig

CONFIG = PPOExperiment(
    env=EnvConfig("ant"),
    trainer=TrainerConfig(env_steps=15_073_280, population=3),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    hparams=PPOHparams(),
)

FIGURES = {
    "ant_ppo_return": Required(
        metric="eval/return",
        at_least=4000.0,
        source="own bar: deterministic policy, 1000 steps, Ant-v5 reward without contact cost",
    )
}

findings = last_evaluation(FIGURES)
