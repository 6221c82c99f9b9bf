"""DADS with the x-y prior on Humanoid: for an accelerator (`humanoid_dads_xy_short`: on CPU).

Sharma et al. 2020: skills in [-1, 1]^5, episodes of 1000 steps, networks of 1024 units. As in
`ant_dads_xy`, PPO learns with many worlds, and .6 m/s counts as one standard deviation: .009 m
in a control step of .015 s. As in `ant_dads_xy_proportional`, a fall costs extra (10 nats), because
rewards are below 0 at first.

Its length is what a quarter of an hour of an H100 sufficed for, beside two other experiments.
Rewards were still rising: two of three seeds walk 27 and 30 m before the 1000 steps (15 s) are over
or they fall; the third begins to. `--config.trainer.env_steps=300_000_000` is a longer run.
"""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.dads import DADSConfig
from metaskill.skills.discovery import DiscoveryHparams
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

CONFIG = SkillExperiment(
    env=EnvConfig("humanoid"),
    trainer=TrainerConfig(env_steps=12_451_840, population=3, chunks_per_evaluation=10),
    space=SkillSpace("box", 5),
    algorithm="dads",
    dads=DADSConfig(predicts="position", hidden=(1024, 1024), delta_scale=0.009, fall_cost=10.0),
    ppo=PPOConfig(
        num_envs=2048,
        num_minibatches=32,
        policy_hidden=(1024, 1024),
        value_hidden=(1024, 1024),
        distribution="gaussian",
        initial_std=0.5,
    ),
    hparams=DiscoveryHparams(ppo=PPOHparams(discount=0.995)),
)


def figures(prefix: str) -> dict[str, Required]:
    """Return what is reported of Humanoid's skills."""
    return {
        f"{prefix}_nats": Required(
            metric="eval/skill_reward", source="log 101 = 4.6 at most; no bar"
        ),
        f"{prefix}_deviation": Required(
            metric="eval/position_deviation",
            source="x-y deviation of executions of a skill over the distance covered; no bar",
        ),
        f"{prefix}_distance": Required(
            metric="eval/distance", source="metres from the start at the end; no bar"
        ),
        f"{prefix}_length": Required(
            metric="eval/length", source="control steps until it falls; no bar"
        ),
    }


findings = last_evaluation(figures("humanoid_dads"))
