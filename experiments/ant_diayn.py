"""DIAYN on Ant: twenty skills told apart by all that the robot observes of itself.

They are postures: all twenty are told apart within 600,000 steps, and then there is nothing left
to gain by going anywhere. `ant_diayn_xy` asks for skills that do.
"""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig, DiscoveryHparams
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

CONFIG = SkillExperiment(
    env=EnvConfig("ant", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=1_146_880, population=3),
    space=SkillSpace("one_hot", 20),
    algorithm="diayn",
    diayn=DIAYNConfig(sees="state"),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    discovery=DiscoveryConfig(num_eval_skills=20, episodes_per_skill=4),
    hparams=DiscoveryHparams(ppo=PPOHparams()),
)

FIGURES = {
    "ant_diayn_nats": Required(metric="eval/skill_reward", source="log 20 = 3.0 at most; no bar"),
    "ant_diayn_accuracy": Required(
        metric="eval/discriminator_accuracy", source="chance is 1/20; no bar"
    ),
    "ant_diayn_distance": Required(
        metric="eval/distance", source="metres covered in 200 steps, mean over skills; no bar"
    ),
}

findings = last_evaluation(FIGURES)
