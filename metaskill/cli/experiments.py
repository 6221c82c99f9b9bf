"""Experiments by name, and the runs that were made of them."""

import importlib
import importlib.util
import pathlib
import pkgutil
from types import ModuleType
from typing import Any

from metaskill.checking import hints_of
from metaskill.configuration import Assignment, with_values
from metaskill.errors import UserError, nearest
from metaskill.results.findings import Judge
from metaskill.training.experiment import Experiment
from metaskill.training.run_folder import RunFolder
from metaskill.training.source import Source, source_of, with_source


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
    """Return the configuration of an experiment, or of a baseline such as `maze_spirl-sac`.

    Raises:
        UserError: If there is none.
    """
    experiment, separator, baseline = name.partition("-")
    config: Experiment = find_module(experiment).CONFIG
    if not separator:
        return config
    baselines = find_baselines(experiment)
    if baseline not in baselines:
        names = [f"{experiment}-{baseline}" for baseline in baselines]
        known = nearest(name, names) if names else "it has none."
        raise UserError(f"{experiment} has no baseline called {baseline!r}: {known}")
    return baselines[baseline]


def find_baselines(name: str) -> dict[str, Experiment]:
    """Return the other runs that the figures of the experiment called `name` need."""
    baselines: dict[str, Experiment] = getattr(find_module(name), "BASELINES", {})
    return baselines


def find_borrowed(name: str) -> dict[str, str]:
    """Return which runs of the experiment called `name` are those of others.

    Returns:
        The other experiment's name by the run's, `main` or a baseline.
    """
    borrowed: dict[str, str] = getattr(find_module(name), "BORROWED", {})
    return borrowed


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


def starting_from(name: str, config: Experiment, path: str | None) -> Experiment:
    """Return an experiment that starts from the run in another folder, if one is named.

    That run's own configuration is what the experiment then says of its source.

    Raises:
        UserError: If it starts from no run, or from none of that kind.
    """
    if path is None:
        return config
    source = source_of(config)
    if source is None:
        raise UserError(f"{name} starts from no other run, so --from names nothing: leave it out.")
    _, experiment, theirs = open_run(path)
    if type(theirs) is not type(source.config):
        raise UserError(
            f"{path} holds a run of {experiment}, which learned nothing that {name} starts from: "
            f"name one of an experiment such as {source.experiment}."
        )
    return with_source(config, Source(experiment, theirs).at(pathlib.Path(path)))


def short_flags(name: str, config: Experiment, flags: dict[str, Any]) -> list[Assignment]:
    """Return what the flags set that are short for a `--config` flag.

    Args:
        name: The experiment's name.
        config: The experiment.
        flags: The values of `seed`, `engine` and `from`, of those that the command has; None where
            a flag was not given.

    Raises:
        UserError: If the experiment has no environment for an engine.
    """
    if flags.get("engine") is not None and "env" not in hints_of(type(config)):
        raise UserError(f"{name} has no environment, so --engine chooses nothing: leave it out.")
    source = source_of(config)
    meanings = [
        ("seed", ("trainer", "seed"), flags.get("seed")),
        ("engine", ("env", "engine"), flags.get("engine")),
        # `starting_from` has taken the run over, under the name that the folder goes by.
        ("from", ("source", "run"), source.run if source and flags.get("from") else None),
    ]
    return [
        Assignment(f"--{flag}", path, value) for flag, path, value in meanings if value is not None
    ]
