"""SAC makes HalfCheetah run: three seeds as one population."""

import dataclasses

import numpy as np

from metaskill.results.figure import measured, over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun, last_evaluation
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.sac_experiment import SACExperiment
from metaskill.training.task_distribution import EnvConfig

CONFIG = SACExperiment(
    env=EnvConfig("half_cheetah"),
    trainer=TrainerConfig(
        env_steps=601_600,
        population=3,
        iterations_per_chunk=50,
        chunks_per_evaluation=10,
    ),
    # On CPU an update costs as much as many environment steps: with eight steps to an update
    # they still are a small part of the time, and replay holds more that is new.
    sac=SACConfig(num_envs=64, updates_per_iteration=8),
    hparams=SACHparams(policy_learning_rate=1e-3, critic_learning_rate=1e-3),
)


def judge(prefix: str, at_least: float) -> Judge:
    """Report the return, and what it took.

    Args:
        prefix: What the figures' keys begin with.
        at_least: The smallest return that passes.
    """
    required = Required(
        metric="eval/return",
        at_least=at_least,
        source="deterministic policy, 1000 steps, HalfCheetah-v5 reward",
    )

    def findings(runs: dict[str, TrainedRun]) -> Findings:
        run = runs["main"]
        found = last_evaluation({f"{prefix}_return": required})(runs)
        state, timing = run.outcome.state, run.outcome.timing
        iterations = int(np.asarray(state.iteration)[0])
        effort = {
            f"{prefix}_env_steps": measured(
                iterations * run.learner.steps_per_iteration, "environment steps of each seed"
            ),
            f"{prefix}_updates": over_seeds(
                np.asarray(state.updates).tolist(), "gradient steps of each seed"
            ),
            f"{prefix}_minutes": measured(
                timing.training / 60.0, "training of all seeds together, without evaluations"
            ),
        }
        return dataclasses.replace(found, figures={**found.figures, **effort})

    return findings


findings = judge("half_cheetah_sac", at_least=6000.0)
