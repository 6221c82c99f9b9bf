"""Skills of a finished run, for experiments that start from them."""

import dataclasses
import pathlib
from typing import Any

from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.skills.discovery import SkillDiscovery
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import with_values
from metaskill.training.run_folder import RunFolder
from metaskill.training.skill_experiment import SkillExperiment
from metaskill.training.trainer import restore

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
            theirs.body_size,
            theirs.action_size,
        ):
            raise UserError(
                f"{env.name} does not observe or act as {theirs.name} does, which the skills were "
                "learned on: choose that environment."
            )


@dataclasses.dataclass(frozen=True)
class SkillSource:
    """Where skills come from.

    The whole configuration that they were trained by is part of that of whoever starts from
    them, and the run has to be at its end. So what they are is determined by the latter, and
    a run that starts from them resumes exactly.

    Attributes:
        experiment: The name of the experiment that discovers them.
        config: Its configuration.
        run: The folder of its run; by default runs/EXPERIMENT.
    """

    experiment: str
    config: SkillExperiment
    run: str = ""

    @property
    def folder(self) -> RunFolder:
        """The run."""
        return RunFolder(pathlib.Path(self.run or f"runs/{self.experiment}"))

    def origin_of(self, seed: int) -> int:
        """Return the number of the member that a seed starts from: they take turns."""
        return seed % self.config.trainer.population

    def load(self) -> TrainedSkills:
        """Read the run's last checkpoint.

        Raises:
            UserError: If there is no such run, it was trained by another configuration, or it
                has not come to its end.
        """
        folder = self.folder
        if not folder.config_file.is_file():
            raise UserError(
                f"{folder.path} holds no skills to start from: metaskill train "
                f"{self.experiment} makes them, or name the folder of a run by --from."
            )
        record = folder.read_config()
        same = record["experiment"] == self.experiment
        if not same or with_values(self.config, record["config"]) != self.config:
            raise UserError(
                f"{folder.path} holds a run of another experiment or configuration than "
                f"config.source.config: --from={folder.path} takes that run as it is."
            )
        learner, state, iteration = restore(self.config, folder)
        if iteration < Chunks(learner, self.config.trainer).total_iterations:
            raise UserError(
                f"the skills in {folder.path} are not trained to the end: go on by metaskill train "
                f"{self.experiment} --workdir={folder.path} with the flags that it was begun with."
            )
        assert isinstance(learner, SkillDiscovery)
        return TrainedSkills(learner, _lean(state))


def _lean(state: Any) -> Any:
    """Drop a core's worlds, optimizer and replay: skills are executed without them."""
    dropped = {field.name: None for field in dataclasses.fields(state) if field.name not in _KEPT}
    return dataclasses.replace(state, **dropped)
