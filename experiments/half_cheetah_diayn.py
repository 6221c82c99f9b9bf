"""DIAYN on HalfCheetah: twenty skills, some forward, some backward (Eysenbach et al. 2019).

The discriminator sees how far the robot moved in a control step, as it sees the ant's place in the
paper's section 4.2. Of the whole state twenty postures are told apart within a million steps,
3.0 nats, and no skill goes further than .6 m; of the place alone (one seed) one skill ran 35 m, and
nothing was told apart.

A mean far outside the actuators' range acts the same whatever is sampled around it. By hand, with
seed 0 and PPO's default hyperparameters: without `saturation_weight` a tenth of the means lay
beyond twice the range after 2.5M steps, and with it less than a hundredth after 5M, for no less
reward.

Step size, discount and lambda are those of `ant_dads_xy_proportional`. By hand, with seed 0, reward
was 1.9 nats after 4.1M steps, and the most forward skill went 26 m; with the default ones, and the
same small networks, 1.4 nats and 21 m.

How fast skills are is settled early: the most forward ones went 26, 45 and 26 m after 3.3M steps,
and no more than 33, 53 and 31 m in the end. With a discount of .98 and a lambda of .95 (three
seeds, by hand) they went 24, 15 and 25 m after 3.3M.
"""

from metaskill.results.findings import last_evaluation
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.diayn import DIAYNConfig
from metaskill.skills.discovery import DiscoveryConfig, DiscoveryHparams
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import Required, TrainerConfig
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.task_distribution import EnvConfig

ANNEALING_STEPS = 12_000_000
PPO = PPOConfig(
    policy_hidden=(128, 128), value_hidden=(128, 128), distribution="gaussian", initial_std=0.5
)

CONFIG = SkillExperiment(
    env=EnvConfig("half_cheetah", options={"episode_length": 200}),
    trainer=TrainerConfig(env_steps=12_124_160, population=3),
    space=SkillSpace("one_hot", 20),
    algorithm="diayn",
    diayn=DIAYNConfig(sees="displacement"),
    ppo=PPO,
    discovery=DiscoveryConfig(num_eval_skills=20, episodes_per_skill=4),
    hparams=DiscoveryHparams(
        ppo=PPOHparams(
            learning_rate=1e-3,
            annealing_updates=float(PPO.gradient_steps(ANNEALING_STEPS)),
            discount=0.97,
            gae_lambda=0.9,
            entropy_weight=0.01,
            saturation_weight=0.01,
        )
    ),
)

_SOURCE = "own bar; deterministic policy, episodes of 200 steps (10 s)"
FIGURES = {
    "half_cheetah_diayn_nats": Required(
        metric="eval/skill_reward", at_least=1.5, source=f"{_SOURCE}; log 20 = 3.0 at most"
    ),
    "half_cheetah_diayn_accuracy": Required(
        metric="eval/discriminator_accuracy", source="chance is 1/20; no bar"
    ),
    "half_cheetah_diayn_forward": Required(
        metric="eval/most_forward", at_least=5.0, source=f"{_SOURCE}: metres, most forward skill"
    ),
    "half_cheetah_diayn_backward": Required(
        metric="eval/most_backward", at_least=5.0, source=f"{_SOURCE}: metres, most backward skill"
    ),
}

findings = last_evaluation(FIGURES)
