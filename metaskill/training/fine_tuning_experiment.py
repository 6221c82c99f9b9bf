"""Experiments that fine-tune the best of a run's skills on a task."""

import dataclasses
from typing import Any

from metaskill.checking import Checked
from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.rl.ppo import PPO
from metaskill.rl.ppo_config import PPOConfig
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig
from metaskill.skills.fine_tuning import FineTuning
from metaskill.skills.skill_env import told_of_skills
from metaskill.training.core_hparams import CoreHparams
from metaskill.training.experiment import TrainerConfig
from metaskill.training.prepared import PreparedHparams, PreparedLearner
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig
from metaskill.training.trained_skills import load_skills

_NETWORKS = {
    "ppo": ("policy_hidden", "value_hidden", "activation", "distribution"),
    "sac": ("policy_hidden", "critic_hidden", "activation"),
}


@dataclasses.dataclass(frozen=True)
class FineTuningExperiment(Checked):
    """Fine-tuning on one environment, by the core that discovered the skills.

    Attributes:
        env: The environment with the task.
        source: Where the skills come from.
        trainer: How long to train.
        ppo: The static part of PPO, read where it discovered the skills: its networks are theirs.
        sac: That of SAC.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    source: Source[SkillExperiment]
    trainer: TrainerConfig
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    sac: SACConfig = dataclasses.field(default_factory=SACConfig)
    hparams: CoreHparams = dataclasses.field(default_factory=CoreHparams)

    def make_learner(self) -> PreparedLearner:
        """Load the skills, and build the environment and the core.

        Raises:
            UserError: If there are none, or their networks are others.
        """
        skills = load_skills(self.source)
        self._require_same_networks()
        env, sample_context = self.env.make()
        skills.require_body(env)

        def make(trained: Any) -> FineTuning:
            return FineTuning(self._make_core, env, sample_context, skills.learner, trained)

        return PreparedLearner(make, skills.population)

    def hparams_of_seed(self, seed: int) -> PreparedHparams:
        """Return the hyperparameters of a member: seeds take turns with the source's members."""
        own = self.hparams.of(self.source.config.core)
        return PreparedHparams(own, self.source.origin_of(seed))

    def _make_core(self, env: Env, sample_context: SampleContext) -> PPO | SAC:
        if self.source.config.core == "sac":
            return SAC(env, told_of_skills(self.sac), sample_context)
        return PPO(env, told_of_skills(self.ppo), sample_context)

    def _require_same_networks(self) -> None:
        core = self.source.config.core
        own, theirs = getattr(self, core), getattr(self.source.config, core)
        for field in _NETWORKS[core]:
            if getattr(own, field) != getattr(theirs, field):
                raise UserError(
                    f"config.{core}.{field} is {getattr(own, field)!r}, and the skills' is "
                    f"{getattr(theirs, field)!r}: choose that."
                )
