"""Controllers over DADS's and over DIAYN's skills take Ant to goals, against planning alone.

Sharma et al. 2020 (section 6.4). The controllers are told the goal, see x and y, and choose a
skill every ten control steps; they are rewarded for the speed towards the goal, so that far
goals are no worse, and falling does not pay. They learn from goals all over [-15, 15]^2.
"""

import dataclasses

from experiments import ant_dads_xy, ant_diayn_xy
from metaskill.results.hierarchy import compare_with_planner
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.training.core_hparams import CoreHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.hierarchy_experiment import HierarchyExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig, FamilyConfig

# 2,000,000 control steps; for a single goal the paper's controller took 200,000.
CONFIG = HierarchyExperiment(
    env=EnvConfig("ant", options={"episode_length": 200, "objective": "approach"}),
    source=Source("ant_dads_xy", ant_dads_xy.CONFIG),
    trainer=TrainerConfig(
        env_steps=204_800, population=3, iterations_per_chunk=4, chunks_per_evaluation=2
    ),
    option_length=10,
    reward="objective",
    family=FamilyConfig("goal_position", {"low": -15.0, "high": 15.0}),
    ppo=PPOConfig(
        num_envs=256,
        rollout_length=20,
        policy_hidden=(64, 64),
        value_hidden=(64, 64),
        distribution="gaussian",
        initial_std=0.5,
    ),
    hparams=CoreHparams(ppo=PPOHparams(learning_rate=1e-3)),
)

BASELINES = {
    "diayn": dataclasses.replace(CONFIG, source=Source("ant_diayn_xy", ant_diayn_xy.CONFIG))
}

BORROWED = {"planner": "ant_dads_xy"}

findings = compare_with_planner
