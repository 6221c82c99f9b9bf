"""usage: metaskill reproduce EXPERIMENT [flags]

Runs an experiment and its baselines to their ends (or goes on with their runs), writes the
figures that it must show to experiments/results/EXPERIMENT.json with a picture beside it,
and says which figures passed. What the experiment starts from or shares with another one, such
as skills, is that experiment's run: it is trained first where it is not there. Data that an
experiment says how to collect are collected first, into its `data.folder`.

  --workdir=FOLDER   run folder (default: runs/EXPERIMENT); those of the baselines stand
                     beside it, as FOLDER-BASELINE, and those of other experiments under
                     their names
  --results=FOLDER   where to write (default: experiments/results)
  --take-over        write into a folder although a process on another machine, which has
                     ended, left its lock there
"""

import dataclasses
import json
import pathlib

from absl import flags

from metaskill.cli.collect import say_collected
from metaskill.cli.experiments import (
    find_baselines,
    find_borrowed,
    find_experiment,
    find_judge,
)
from metaskill.cli.flags import define_take_over, parse
from metaskill.results.file import write_results
from metaskill.results.findings import TrainedRun
from metaskill.training.collection import prepare_data
from metaskill.training.experiment import Experiment
from metaskill.training.lock import locked
from metaskill.training.progress import ProgressBar
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.source import source_of, with_source
from metaskill.training.trainer import train


def run(arguments: list[str]) -> None:
    """Train, measure, write, compare."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("workdir", None, "run folder", flag_values=values)
        flags.DEFINE_string("results", "experiments/results", "results", flag_values=values)
        define_take_over(values)

    (name,), values = parse(arguments, ["EXPERIMENT"], define)
    workdir = pathlib.Path(values.workdir or f"runs/{name}")
    runs = train_all(name, workdir, values["take-over"].value)
    findings = find_judge(name)(runs)
    settings = findings.settings | {
        "runs": {
            run: {
                "config": as_json(trained.config),
                "seconds": dataclasses.asdict(trained.outcome.timing),
                "provenance": json.loads(trained.folder.provenance_file.read_text()),
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


def train_all(name: str, workdir: pathlib.Path, take_over: bool = False) -> dict[str, TrainedRun]:
    """Train an experiment, its baselines, and what they start from."""
    borrowed = find_borrowed(name)
    configs = {"main": find_experiment(name), **find_baselines(name)}
    runs: dict[str, TrainedRun] = {}
    for run in dict.fromkeys([*configs, *borrowed]):
        if run in borrowed:
            other = borrowed[run]
            runs[run] = _train(other, find_experiment(other), workdir.parent / other, take_over)
        elif run == "main":
            runs[run] = _train(
                name, _prepared(configs[run], workdir, take_over), workdir, take_over
            )
        else:
            folder = pathlib.Path(f"{workdir}-{run}")
            runs[run] = _train(
                f"{name}-{run}", _prepared(configs[run], workdir, take_over), folder, take_over
            )
    return runs


def _prepared(config: Experiment, workdir: pathlib.Path, take_over: bool) -> Experiment:
    """Train what an experiment starts from, beside its own run, where it starts from a run."""
    source = source_of(config)
    if source is None:
        return config
    folder = workdir.parent / source.folder.path.name
    _train(source.experiment, source.config, folder, take_over)
    return with_source(config, source.at(folder))


def _train(name: str, config: Experiment, path: pathlib.Path, take_over: bool) -> TrainedRun:
    collected = prepare_data(config)
    if collected is not None:
        say_collected(collected)
    folder = RunFolder(path)
    learner = config.make_learner()
    with locked(path, take_over):
        folder.create(name, config)
        with ProgressBar(config.trainer.env_steps, path.name, learner.headline) as progress:
            outcome = train(config, folder, progress)
    return TrainedRun(config, learner, folder, outcome)
