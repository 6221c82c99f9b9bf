"""Skills of a finished run, for experiments that start from them."""

import dataclasses
from typing import Any

from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.skills.discovery import SkillDiscovery
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.source import Source

_KEPT = ("params", "networks", "statistics", "intrinsic")


@dataclasses.dataclass(frozen=True)
class TrainedSkills:
    """What was discovered.

    Attributes:
        learner: What discovered it.
        population: What its policies and the models of its reward need of its state (axis:
            population); the rest is None.
    """

    learner: SkillDiscovery
    population: Any

    def require_body(self, env: Env) -> None:
        """Refuse an environment that the skills cannot act in.

        Raises:
            UserError: If it observes or acts otherwise than that which they were learned on.
        """
        theirs = self.learner.env
        if (env.observation_sizes.get("state"), env.action_size) != (
            theirs.observation_sizes["state"],
            theirs.action_size,
        ):
            raise UserError(
                f"{env.name} does not observe or act as {theirs.name} does, which the skills were "
                "learned on: choose that environment."
            )


def load_skills(source: Source[SkillExperiment]) -> TrainedSkills:
    """Read the skills of a run.

    Raises:
        UserError: As `Source.load`.
    """
    learner, state = source.load()
    assert isinstance(learner, SkillDiscovery)
    return TrainedSkills(learner, _lean(state))


def _lean(state: Any) -> Any:
    """Drop a core's worlds, optimizer and replay: skills are executed without them."""
    dropped = {field.name: None for field in dataclasses.fields(state) if field.name not in _KEPT}
    return dataclasses.replace(state, **dropped)
