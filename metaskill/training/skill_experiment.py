"""Experiments that discover skills: an environment, a space of skills, a reward, a core."""

import dataclasses

from metaskill.errors import UserError, nearest
from metaskill.rl.hooks import Hooks
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.skills.dads import DADS, DADSConfig
from metaskill.skills.diayn import DIAYN, DIAYNConfig
from metaskill.skills.discovery import (
    DiscoveryConfig,
    DiscoveryHparams,
    SkillDiscovery,
    SkillReward,
)
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import SkillSpace
from metaskill.training.experiment import EnvConfig, TrainerConfig


@dataclasses.dataclass(frozen=True)
class SkillExperiment:
    """Skill discovery with PPO on one environment.

    Attributes:
        env: The environment.
        trainer: How long to train.
        space: What a skill is.
        algorithm: `diayn` or `dads`.
        diayn: The static part of DIAYN, read where it is the algorithm.
        dads: That of DADS.
        ppo: That of the core.
        discovery: How skills are evaluated.
        redraw_probability: How likely a skill gives way to another after a control step of
            training, within an episode.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    trainer: TrainerConfig
    space: SkillSpace
    algorithm: str
    diayn: DIAYNConfig = dataclasses.field(default_factory=DIAYNConfig)
    dads: DADSConfig = dataclasses.field(default_factory=DADSConfig)
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    discovery: DiscoveryConfig = dataclasses.field(default_factory=DiscoveryConfig)
    redraw_probability: float = 0.0
    hparams: DiscoveryHparams = dataclasses.field(
        default_factory=lambda: DiscoveryHparams(core=PPOHparams())
    )

    def make_learner(self) -> SkillDiscovery:
        """Build the environment, the reward and the core.

        Raises:
            UserError: If there is no such algorithm, or the parts do not fit together.
        """
        inner, sample_context = self.env.make()
        env = SkillEnv(inner, self.space)
        sampler = env.sampler(sample_context)
        reward = self._make_reward(env)
        practice = SkillEnv(inner, self.space, self.redraw_probability)
        core = PPO(practice, self.ppo, sampler, Hooks(intrinsic=reward))
        return SkillDiscovery(core, env, sampler, reward, self.discovery)

    def _make_reward(self, env: SkillEnv) -> SkillReward:
        if self.algorithm == "diayn":
            return DIAYN(env, self.diayn)
        if self.algorithm == "dads":
            return DADS(env, self.dads)
        hint = nearest(self.algorithm, ("diayn", "dads"))
        raise UserError(f"no skill discovery is called {self.algorithm!r}: {hint}")
