"""Runs that experiments start from."""

import dataclasses
import pathlib
from typing import Any, Generic, TypeVar

from metaskill.checking import Checked
from metaskill.configuration import with_values
from metaskill.errors import UserError
from metaskill.learner import Learner
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import Experiment
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.trainer import restore

ConfigT = TypeVar("ConfigT", bound=Experiment)


@dataclasses.dataclass(frozen=True)
class Source(Checked, Generic[ConfigT]):
    """The run of another experiment, where what an experiment starts from was learned.

    The whole configuration that it was trained by is part of that of whoever starts from it,
    and the run has to be at its end. So what was learned is determined by the latter, and a
    run that starts from it resumes exactly.

    Attributes:
        experiment: The name of the experiment: `metaskill reproduce` trains it where its run is
            not there.
        config: Its configuration.
        run: The folder of its run, which must stay where it is: it is read whenever what
            starts from it is trained on or looked at. By default runs/EXPERIMENT.
    """

    experiment: str
    config: ConfigT
    run: str = ""

    @property
    def folder(self) -> RunFolder:
        """The run."""
        return RunFolder(pathlib.Path(self.run or f"runs/{self.experiment}"))

    def at(self, path: pathlib.Path) -> "Source[ConfigT]":
        """Return the run in a folder.

        The usual folder goes without saying, so that however it was named the experiments
        that start from it are the same.
        """
        usual = dataclasses.replace(self, run="")
        return usual if path == usual.folder.path else dataclasses.replace(self, run=str(path))

    def origin_of(self, seed: int) -> int:
        """Return the number of the member that a seed starts from: they take turns."""
        return seed % self.config.trainer.population

    def load(self) -> tuple[Learner, Any]:
        """Read the run's last checkpoint.

        Returns:
            What learned, and its state (axis: population).

        Raises:
            UserError: If there is no such run, it was trained by another configuration, or it
                has not come to its end.
        """
        folder = self.folder
        if not folder.config_file.is_file():
            raise UserError(
                f"{folder.path} holds no run to start from: metaskill train {self.experiment} "
                "makes one, and metaskill train EXPERIMENT --from=RUN starts from another."
            )
        self._require_same(folder)
        learner, state, iteration = restore(self.config, folder)
        if iteration < Chunks(learner, self.config.trainer).total_iterations:
            raise UserError(
                f"{folder.path} is not trained to the end: go on by metaskill train "
                f"{self.experiment} --workdir={folder.path} with the flags that it was begun with."
            )
        return learner, state

    def _require_same(self, folder: RunFolder) -> None:
        record = folder.read_config()
        if record["experiment"] != self.experiment:
            raise UserError(
                f"{folder.path} holds a run of {record['experiment']}, not of {self.experiment}: "
                "metaskill train EXPERIMENT --from=RUN starts from a run in another folder."
            )
        ours, theirs = as_json(self.config), as_json(with_values(self.config, record["config"]))
        if theirs != ours:
            raise UserError(
                f"{folder.path} was trained otherwise "
                f"({_difference(ours, theirs, 'config.source.config')}): metaskill train "
                f"EXPERIMENT --from={folder.path} takes that run as it is, and metaskill "
                f"train {self.experiment} --workdir=OTHER trains another."
            )


def source_of(experiment: Experiment) -> Source[Any] | None:
    """Return what an experiment starts from; None where it starts from nothing."""
    source = getattr(experiment, "source", None)
    return source if isinstance(source, Source) else None


def with_source(experiment: Experiment, source: Source[Any]) -> Experiment:
    """Return an experiment that starts from another run."""
    return dataclasses.replace(experiment, source=source)  # type: ignore[type-var]


def _difference(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> str:
    """Say the first place that the records of two configurations differ in."""
    name = next(name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name))
    own, other, where = ours.get(name), theirs.get(name), f"{path}.{name}"
    if isinstance(own, dict) and isinstance(other, dict):
        return _difference(own, other, where)
    return f"{where} is {own!r}, and there {other!r}"
