"""SAC makes HalfCheetah run: three seeds as one population."""

from metaskill.results.findings import last_evaluation
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.training.experiment import EnvConfig, Required, TrainerConfig
from metaskill.training.sac_experiment import SACExperiment

CONFIG = SACExperiment(
    env=EnvConfig("half_cheetah"),
    trainer=TrainerConfig(
        env_steps=1_000_000,
        population=3,
        iterations_per_chunk=50,
        chunks_per_evaluation=10,
        chunks_per_checkpoint=10,
    ),
    sac=SACConfig(num_envs=64, updates_per_iteration=8),
    hparams=SACHparams(),
)

FIGURES = {
    "half_cheetah_sac_return": Required(
        metric="eval/return",
        at_least=6000.0,
        source="deterministic policy, 1000 steps, HalfCheetah-v5 reward",
    )
}

findings = last_evaluation(FIGURES)
