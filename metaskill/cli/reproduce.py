"""usage: metaskill reproduce EXPERIMENT [flags]

Runs an experiment to its end (or goes on with its run), writes the figures that it must
show to experiments/results/EXPERIMENT.json with the learning curve beside it, and says
which figures passed.

  --workdir=FOLDER   run folder (default: runs/EXPERIMENT)
  --results=FOLDER   where to write (default: experiments/results)
"""

import dataclasses
import pathlib

from absl import flags

from metaskill.cli.experiments import find_experiment, find_figures
from metaskill.cli.flags import parse
from metaskill.report.curves import plot_returns
from metaskill.results.figure import over_seeds
from metaskill.results.file import write_results
from metaskill.training.progress import ProgressBar
from metaskill.training.run_folder import RunFolder, as_json
from metaskill.training.trainer import train


def run(arguments: list[str]) -> None:
    """Train, measure, write, compare."""

    def define(values: flags.FlagValues) -> None:
        flags.DEFINE_string("workdir", None, "run folder", flag_values=values)
        flags.DEFINE_string("results", "experiments/results", "results", flag_values=values)

    (name,), values = parse(arguments, ["EXPERIMENT"], define)
    config = find_experiment(name)
    folder = RunFolder(pathlib.Path(values.workdir or f"runs/{name}"))
    folder.create(name, config)
    with ProgressBar(config.trainer.env_steps, name) as progress:
        outcome = train(config, folder, progress)
    figures = {
        key: over_seeds(
            [float(value) for value in outcome.evaluation[required.metric]],
            source=required.source,
            required=required.at_least,
        )
        for key, required in find_figures(name).items()
    }
    results = pathlib.Path(values.results)
    settings = {"config": as_json(config), "seconds": dataclasses.asdict(outcome.timing)}
    path = write_results(results, name, figures, settings)
    path.with_suffix(".png").write_bytes(plot_returns(folder.metrics_file))
    for key, figure in figures.items():
        verdict = {True: "passed", False: "FAILED", None: "reported"}[figure.passed]
        bar = "" if figure.required is None else f" (at least {figure.required:.4g})"
        print(f"{key} = {figure.value:.4g}{bar}: {verdict}")
    print(path)
