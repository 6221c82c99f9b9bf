"""Ant learns to run in a few minutes on two cores; `make demo` runs this."""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.experiment import PPOExperiment, Required, TrainerConfig
from metaskill.training.task_distribution import EnvConfig

CONFIG = PPOExperiment(
    env=EnvConfig("ant", engine="native"),
    trainer=TrainerConfig(env_steps=4_587_520),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    hparams=PPOHparams(),
)

FIGURES = {
    "demo_return": Required(
        metric="eval/return", at_least=1500.0, source="own bar: deterministic policy, 1000 steps"
    )
}

findings = last_evaluation(FIGURES)
