"""What an experiment found: from its trained runs to figures and a picture."""

import dataclasses
from collections.abc import Callable
from typing import Any

from metaskill.learner import Learner
from metaskill.report.curves import plot_learning
from metaskill.results.figure import Figure, over_seeds
from metaskill.training.chunks import Chunks
from metaskill.training.experiment import Experiment, Required
from metaskill.training.population import members_of
from metaskill.training.run_folder import RunFolder
from metaskill.training.trainer import Outcome


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A run that came to its end.

    Attributes:
        config: Its configuration.
        learner: What trained.
        folder: Its files.
        outcome: The last state (axis: population), and the last evaluation.
    """

    config: Experiment
    learner: Learner
    folder: RunFolder
    outcome: Outcome


@dataclasses.dataclass(frozen=True)
class Findings:
    """What the results file of an experiment holds, and the picture beside it.

    Attributes:
        figures: The figures by key.
        picture: A PNG.
        settings: What was measured how, beyond the runs' configurations.
    """

    figures: dict[str, Figure]
    picture: bytes
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)


def untrained(run: TrainedRun) -> TrainedRun:
    """Return a run as it was before its first iteration: the same seeds, the same weights."""
    chunks = Chunks(run.learner, run.config.trainer)
    state = chunks.init(members_of(run.config))
    return dataclasses.replace(run, outcome=dataclasses.replace(run.outcome, state=state))


Judge = Callable[[dict[str, TrainedRun]], Findings]
"""Measures the runs of an experiment by name: `main`, and those of its baselines."""


def last_evaluation(required: dict[str, Required]) -> Judge:
    """Judge the main run by metrics of its last evaluation, and draw its learning curve."""

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        run = runs["main"]
        figures = {
            key: over_seeds(
                [float(value) for value in run.outcome.evaluation[figure.metric]],
                source=figure.source,
                required=figure.at_least,
            )
            for key, figure in required.items()
        }
        return Findings(figures, plot_learning(run.folder.metrics_file, run.learner))

    return judge
