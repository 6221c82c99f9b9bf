"""Experiments in which a controller learns to act through a run's skills."""

import dataclasses
from typing import Annotated, Any

from metaskill.checking import Checked
from metaskill.envs.env import State
from metaskill.errors import UserError
from metaskill.ranges import Count, OneOf
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.option import RewardOf, own_reward
from metaskill.skills.option_env import OptionEnv
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.skill_options import SkillOptions
from metaskill.training.core_hparams import CORES, CoreHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.prepared import PreparedHparams, PreparedLearner
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig, FamilyConfig, make_tasks
from metaskill.training.trained_skills import load_skills


@dataclasses.dataclass(frozen=True)
class HierarchyExperiment(Checked):
    """A controller over skills that do not change any more.

    Attributes:
        env: The environment with the task.
        source: Where the skills come from.
        trainer: How long to train; its steps are options.
        option_length: Control steps of an option.
        reward: What the controller is rewarded for: `own`, the environment's reward, or
            `objective`, the part of a robot's reward that is about its motion. Survival and
            the costs of control are the skills' business.
        family: Which tasks, one an episode.
        core: What learns: `ppo` or `sac`.
        ppo: The static part of PPO, read where it is the core.
        sac: That of SAC.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    source: Source[SkillExperiment]
    trainer: TrainerConfig
    option_length: Count = 10
    reward: Annotated[str, OneOf(("own", "objective"))] = "own"
    family: FamilyConfig = dataclasses.field(default_factory=lambda: FamilyConfig("nominal"))
    core: Annotated[str, OneOf(CORES)] = "ppo"
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    hparams: CoreHparams = dataclasses.field(default_factory=CoreHparams)

    def make_learner(self) -> PreparedLearner:
        """Load the skills, put them before the environment, and build the core.

        Raises:
            UserError: If there are none, or the parts do not fit together.
        """
        skills = load_skills(self.source)
        discovery = skills.learner
        inner, family = make_tasks(self.env, self.family)
        skills.require_body(inner)
        env = SkillEnv(inner, discovery.env.space)
        sampler = env.sampler(family.sample)
        reward_of = _find_reward(self.reward, env)

        def make(trained: Any) -> PPO | SAC:
            options = SkillOptions(
                env,
                discovery.policy(trained),
                self.option_length,
                reward_of,
            )
            if self.core == "sac":
                return SAC(OptionEnv(options), self.sac, sampler)
            return PPO(OptionEnv(options), self.ppo, sampler)

        return PreparedLearner(make, skills.population, step_unit="options")

    def hparams_of_seed(self, seed: int) -> PreparedHparams:
        """Return the hyperparameters of a member: seeds take turns with the source's members."""
        return PreparedHparams(self.hparams.of(self.core), self.source.origin_of(seed))


def _find_reward(name: str, env: SkillEnv) -> RewardOf:
    if name == "own":
        return own_reward
    if not hasattr(env, "objective"):
        raise UserError(f"{env.name} has one reward only: choose --config.reward=own.")

    def of_motion(state: State) -> Any:
        return state.metrics["reward_objective"]

    return of_motion
