"""usage: metaskill list [EXPERIMENT]

Lists the experiments that `metaskill train` knows and their baselines, environments, engines,
randomizations, supervised problems, and policies that `metaskill collect` knows.

With an experiment or a baseline of one, lists every field that --config overrides and --vary
varies instead: its value, its type and the range of its values.
"""

from metaskill.checking import describe
from metaskill.cli.experiments import (
    experiment_names,
    find_baselines,
    find_experiment,
    find_module,
)
from metaskill.cli.flags import parse
from metaskill.configuration import places
from metaskill.envs.registry import environment_names
from metaskill.meta.problems import PROBLEMS
from metaskill.offline.policies import policy_names
from metaskill.physics.factory import ENGINE_NAMES
from metaskill.tasks.randomizations import RANDOMIZATIONS
from metaskill.training.experiment import Experiment


def run(arguments: list[str]) -> None:
    """Print the lists, or the fields of an experiment."""
    if arguments and not arguments[0].startswith("-"):
        (name,), _ = parse(arguments, ["EXPERIMENT"], lambda _: None)
        _list_fields(find_experiment(name))
        return
    parse(arguments, [], lambda _: None)
    print("experiments")
    names = experiment_names()
    width = max(map(len, names))
    for name in names:
        summary = (find_module(name).__doc__ or "").strip().splitlines()[0]
        print(f"  {name:<{width}}  {summary}")
    print("baselines (EXPERIMENT-BASELINE)")
    for name in names:
        if baselines := find_baselines(name):
            print(f"  {name:<{width}}  {'  '.join(f'-{baseline}' for baseline in baselines)}")
    print("environments\n  " + "  ".join(environment_names()))
    print("engines\n  " + "  ".join(ENGINE_NAMES))
    print("randomizations\n  " + "  ".join(RANDOMIZATIONS))
    print("supervised problems\n  " + "  ".join(PROBLEMS))
    print("policies that collect\n  " + "  ".join(policy_names()))


def _list_fields(config: Experiment) -> None:
    """Print a line a field; of dictionaries, a line an entry."""
    for place in places(config):
        if not (isinstance(place.value, dict) and place.value):
            assigned = f"--config.{'.'.join(place.path)}={place.value}"
            print(f"{assigned:<55} {describe(place.hint)}")
