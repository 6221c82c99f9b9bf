"""Experiments by name, and the runs that were made of them."""

import importlib
import importlib.util
import pathlib
import pkgutil
from types import ModuleType

from metaskill.errors import UserError, nearest
from metaskill.results.findings import Judge
from metaskill.training.experiment import Experiment, with_values
from metaskill.training.run_folder import RunFolder


def experiment_names() -> list[str]:
    """List the experiments of this installation."""
    import experiments

    return sorted(module.name for module in pkgutil.iter_modules(experiments.__path__))


def find_module(name: str) -> ModuleType:
    """Import the experiment called `name`.

    Raises:
        UserError: If there is none.
    """
    names = experiment_names()
    if name not in names:
        raise UserError(f"no experiment is called {name!r}: {nearest(name, names)}")
    return importlib.import_module(f"experiments.{name}")


def find_experiment(name: str) -> Experiment:
    """Return the configuration of the experiment called `name`."""
    config: Experiment = find_module(name).CONFIG
    return config


def find_baselines(name: str) -> dict[str, Experiment]:
    """Return the other runs that the figures of the experiment called `name` need."""
    baselines: dict[str, Experiment] = getattr(find_module(name), "BASELINES", {})
    return baselines


def find_judge(name: str) -> Judge:
    """Return what measures the runs of the experiment called `name`."""
    judge: Judge = find_module(name).findings
    return judge


def open_run(path: str) -> tuple[RunFolder, str, Experiment]:
    """Open the folder of a run.

    Returns:
        The folder, the experiment's name and the run's own configuration.

    Raises:
        UserError: If it is not a run of an experiment of this installation.
    """
    run = RunFolder(pathlib.Path(path))
    record = run.read_config()
    name = record["experiment"]
    return run, name, with_values(find_experiment(name), record["config"])
