"""Experiments that meta-learn on a run's skills as tasks, and are tested on others."""

import dataclasses
from typing import Any

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.meta.maml_rl import MAMLRL
from metaskill.meta.maml_rl_config import MAMLRLConfig, MAMLRLHparams
from metaskill.skills.diayn import DIAYN
from metaskill.skills.skill_tasks import SkillTasks, skill_family
from metaskill.training.experiment import TrainerConfig
from metaskill.training.prepared import PreparedHparams, PreparedLearner
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source
from metaskill.training.task_distribution import EnvConfig, FamilyConfig, make_tasks
from metaskill.training.trained_skills import load_skills


@dataclasses.dataclass(frozen=True)
class UnsupervisedMetaRLExperiment(Checked):
    """Meta-learning on the skills that a run of DIAYN discovered.

    Attributes:
        env: The environment, with the objective of the tasks that it is tested on.
        source: Where the discriminator comes from.
        family: The tasks that it is tested on.
        trainer: How long to train.
        meta: The static part of meta-learning.
        hparams: The traced hyperparameters.
    """

    env: EnvConfig
    source: Source[SkillExperiment]
    family: FamilyConfig
    trainer: TrainerConfig
    meta: MAMLRLConfig = dataclasses.field(default_factory=MAMLRLConfig)
    hparams: MAMLRLHparams = dataclasses.field(default_factory=MAMLRLHparams)

    def make_learner(self) -> PreparedLearner:
        """Load the discriminator, make its skills the tasks, and build the learner.

        Raises:
            UserError: If there is none, or the parts do not fit together.
        """
        skills = load_skills(self.source)
        diayn = skills.learner.reward
        if not isinstance(diayn, DIAYN):
            raise UserError(
                f"{self.source.folder.path} has no discriminator, which makes skills tasks: start "
                "from a run of DIAYN."
            )
        env, tests = make_tasks(self.env, self.family)
        skills.require_body(env)
        family = skill_family(skills.learner.env.space, tests)

        def make(trained: Any) -> MAMLRL:
            return MAMLRL(SkillTasks(env, diayn, trained.intrinsic), self.meta, family)

        return PreparedLearner(make, skills.population)

    def hparams_of_seed(self, seed: int) -> PreparedHparams:
        """Return the hyperparameters of a member: seeds take turns with the source's members."""
        return PreparedHparams(self.hparams, self.source.origin_of(seed))
