"""usage: metaskill reproduce EXPERIMENT [flags]

Runs an experiment and its baselines to their ends (or goes on with their runs), writes the
figures that it must show to experiments/results/EXPERIMENT.json with a picture beside it,
and says which figures passed.

  --workdir=FOLDER   run folder (default: runs/EXPERIMENT); those of the baselines stand
                     beside it, as FOLDER-BASELINE
  --results=FOLDER   where to write (default: experiments/results)
"""

import dataclasses
import pathlib

from absl import flags

from metaskill.cli.experiments import find_baselines, find_experiment, find_judge
from metaskill.cli.flags import parse
from metaskill.results.file import write_results
from metaskill.results.findings import TrainedRun
from metaskill.training.experiment import Experiment
from metaskill.training.progress import ProgressBar
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.trainer import train


def run(arguments: list[str]) -> None:
    """Train, measure, write, compare."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("workdir", None, "run folder", flag_values=values)
        flags.DEFINE_string("results", "experiments/results", "results", flag_values=values)

    (name,), values = parse(arguments, ["EXPERIMENT"], define)
    workdir = values.workdir or f"runs/{name}"
    runs = {"main": _train(name, find_experiment(name), pathlib.Path(workdir), name)}
    for baseline, config in find_baselines(name).items():
        folder = pathlib.Path(f"{workdir}-{baseline}")
        runs[baseline] = _train(name, config, folder, f"{name}, {baseline}")
    findings = find_judge(name)(runs)
    settings = findings.settings | {
        "runs": {
            run: {
                "config": as_json(trained.config),
                "seconds": dataclasses.asdict(trained.outcome.timing),
            }
            for run, trained in runs.items()
        }
    }
    path = write_results(pathlib.Path(values.results), name, findings.figures, settings)
    path.with_suffix(".png").write_bytes(findings.picture)
    for key, figure in findings.figures.items():
        verdict = {True: "passed", False: "FAILED", None: "reported"}[figure.passed]
        print(f"{key} = {figure.value:.4g}{figure.bar}: {verdict}")
    print(path)


def _train(name: str, config: Experiment, path: pathlib.Path, title: str) -> TrainedRun:
    folder = RunFolder(path)
    folder.create(name, config)
    learner = config.make_learner()
    with ProgressBar(config.trainer.env_steps, title, learner.headline) as progress:
        outcome = train(config, folder, progress)
    return TrainedRun(config, learner, folder, outcome)
