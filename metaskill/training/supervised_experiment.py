"""Supervised meta-learning as an experiment: a problem, an algorithm, a trainer."""

import dataclasses
from typing import Any

from metaskill.checking import Checked
from metaskill.errors import UserError
from metaskill.meta.problems import make_problem
from metaskill.meta.supervised import SupervisedLearner
from metaskill.meta.supervised_config import SupervisedConfig, SupervisedHparams
from metaskill.training.experiment import TrainerConfig


@dataclasses.dataclass(frozen=True)
class ProblemConfig(Checked):
    """Which family of supervised tasks.

    Attributes:
        name: A name in `metaskill list`.
        options: The problem's own options, by name.
    """

    name: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class SupervisedExperiment(Checked):
    """Meta-learning on one family of supervised tasks."""

    problem: ProblemConfig
    trainer: TrainerConfig
    meta: SupervisedConfig = dataclasses.field(default_factory=SupervisedConfig)
    hparams: SupervisedHparams = dataclasses.field(default_factory=SupervisedHparams)

    def make_learner(self) -> SupervisedLearner:
        """Build the problem and the learner on it.

        Raises:
            UserError: If the hyperparameters ask for more than the program holds.
        """
        for wanted, most in (
            ("inner_steps", "max_inner_steps"),
            ("num_tasks", "tasks_per_update"),
        ):
            limit = getattr(self.meta, most)
            if getattr(self.hparams, wanted) > limit:
                raise UserError(
                    f"config.hparams.{wanted} is {getattr(self.hparams, wanted)}, more than "
                    f"config.meta.{most}={limit}: raise the latter."
                )
        return SupervisedLearner(make_problem(self.problem.name, **self.problem.options), self.meta)
