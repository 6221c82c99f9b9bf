"""DADS on Ant without a prior: all that the robot observes has to follow from the skill.

Its skills stand. While the ant still falls, falls differ, and the reward comes to .35 nats; once it
has learned not to fall it hardly moves, and little is left to tell skills apart by. In the trials
by hand (one seed, a million steps at most) an entropy weight of .01 changed nothing, and changes
measured in units of .3 were rewarded with -25, so that falling at once was best.
"""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.dads import DADSConfig
from metaskill.skills.discovery import DiscoveryHparams
from metaskill.skills.model import FitConfig
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

# A comparison with another skill costs a pass of the whole batch through the dynamics here.
CONFIG = SkillExperiment(
    env=EnvConfig("ant", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=1_146_880, population=3),
    space=SkillSpace("box", 3),
    algorithm="dads",
    dads=DADSConfig(predicts="state", prior_samples=20, fit=FitConfig(updates=64)),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
    hparams=DiscoveryHparams(ppo=PPOHparams()),
)

FIGURES = {
    "ant_dads_state_nats": Required(
        metric="eval/skill_reward", source="log 21 = 3.0 at most; no bar"
    ),
    "ant_dads_state_sensitivity": Required(
        metric="eval/action_sensitivity", source="0 where the policy ignores the skill; no bar"
    ),
    "ant_dads_state_distance": Required(
        metric="eval/distance", source="metres covered in 200 steps, mean over skills; no bar"
    ),
}

findings = last_evaluation(FIGURES)
