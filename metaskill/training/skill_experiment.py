"""Experiments that discover skills: an environment, a space of skills, a reward, a core."""

import dataclasses
from typing import Annotated, Any

from metaskill.checking import Checked
from metaskill.envs.auto_reset import SampleContext
from metaskill.ranges import Between, OneOf
from metaskill.rl.hooks import Hooks
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.dads import DADS, DADSConfig
from metaskill.skills.diayn import DIAYN, DIAYNConfig
from metaskill.skills.discovery import (
    DiscoveryConfig,
    DiscoveryHparams,
    SkillDiscovery,
    SkillReward,
)
from metaskill.skills.skill_env import SkillEnv, told_of_skills
from metaskill.skills.space import SkillSpace
from metaskill.training.core_hparams import CORES
from metaskill.training.experiment import TrainerConfig
from metaskill.training.task_distribution import EnvConfig


@dataclasses.dataclass(frozen=True)
class SkillExperiment(Checked):
    """Skill discovery on one environment.

    Attributes:
        env: The environment.
        trainer: How long to train.
        space: What a skill is.
        algorithm: `diayn` or `dads`.
        diayn: The static part of DIAYN, read where it is the algorithm.
        dads: That of DADS.
        core: What learns the skills: `ppo` or `sac`.
        ppo: The static part of PPO, read where it is the core.
        sac: That of SAC.
        discovery: How skills are evaluated.
        redraw_probability: How likely a skill gives way to another after a control step of
            training, within an episode.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    trainer: TrainerConfig
    space: SkillSpace
    algorithm: Annotated[str, OneOf(("diayn", "dads"), "skill discovery")]
    diayn: DIAYNConfig = dataclasses.field(default_factory=DIAYNConfig)
    dads: DADSConfig = dataclasses.field(default_factory=DADSConfig)
    core: Annotated[str, OneOf(CORES)] = "ppo"
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    discovery: DiscoveryConfig = dataclasses.field(default_factory=DiscoveryConfig)
    redraw_probability: Annotated[float, Between(0, 1)] = 0.0
    hparams: DiscoveryHparams = dataclasses.field(default_factory=DiscoveryHparams)

    def make_learner(self) -> SkillDiscovery:
        """Build the environment, the reward and the core.

        Raises:
            UserError: If the parts do not fit together.
        """
        inner, sample_context = self.env.make()
        env = SkillEnv(inner, self.space)
        sampler = env.sampler(sample_context)
        reward = self._make_reward(env)
        practice = SkillEnv(inner, self.space, self.redraw_probability)
        core = self._make_core(practice, sampler, Hooks(intrinsic=reward))
        return SkillDiscovery(core, env, sampler, reward, self.discovery)

    def in_env_with(self, options: dict[str, Any]) -> "SkillExperiment":
        """Return the same experiment in an environment with other options: not as it learned."""
        env = dataclasses.replace(self.env, options={**self.env.options, **options})
        return dataclasses.replace(self, env=env)

    def _make_core(self, env: SkillEnv, sampler: SampleContext, hooks: Hooks) -> PPO | SAC:
        if self.core == "ppo":
            return PPO(env, told_of_skills(self.ppo), sampler, hooks)
        return SAC(env, told_of_skills(self.sac), sampler, hooks)

    def _make_reward(self, env: SkillEnv) -> SkillReward:
        if self.algorithm == "diayn":
            return DIAYN(env, self.diayn)
        return DADS(env, self.dads)
