"""DADS with the x-y prior on Ant, and zero-shot navigation with its skills.

Sharma et al. 2020 train with SAC for 20M steps of one world; here PPO does with many worlds.
The skill dynamics counts .03 m in a control step of .05 s (.6 m/s) as one standard deviation,
instead of the running one of all changes, which grows with the robot's speed, so that running
faster would not be rewarded any more. That is the idea: the two were not compared.

What is missed, and why: the square of skills is laid over the plane with a tear, and goals beyond
it (to the south-east, with two of three seeds) are not reached. Skills are predicted well (by hand:
a median error of 1.5 m after 200 steps), and some lead far enough to that side, but on the way from
one to another the ant comes to stand, upright and for good, under a skill that runs well from the
start of an episode. `ant_dads_xy_proportional` has no tear, and reaches all goals: the figures
`ant_dads_...` are its.

Tried by hand, in vain:
* redrawing skills within episodes, so that they are practised one after the other: every 50 steps
  on average, for 3M steps more, reward in training came to .9 nats, and no goal was won; from the
  beginning (with a step size of 5e-4), three seeds reached two of the goals after 6M steps;
* an entropy weight of .01, to keep directions in play that no skill has taken: the noise grew all
  along (from .5 to .85), which a Gaussian cut off at the actuators' limits does not stop, and after
  10M steps skills covered 9 m with .95 nats, instead of 15 with 1.6;
* actions with the noise of training: one goal fewer is reached, and the others later;
* a `saturation_weight` of .01 (one seed, 8M steps): the ant still comes to stand, after one of
  eight changes of skill. With noise of .2 in its actions it stands still less often, falls more
  often, and reaches no more goals.
"""

from metaskill.results.navigation import navigation_findings
from metaskill.rl.ppo_config import PPOConfig
from metaskill.skills.dads import DADSConfig
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

CONFIG = SkillExperiment(
    env=EnvConfig("ant", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=14_090_240, population=3),
    space=SkillSpace("box", 2),
    algorithm="dads",
    dads=DADSConfig(predicts="position", delta_scale=0.03),
    ppo=PPOConfig(distribution="gaussian", initial_std=0.5),
)

findings = navigation_findings("ant_dads_mixture")
