"""usage: metaskill list

Lists the experiments that `metaskill train` knows and their baselines, environments, engines,
randomizations, supervised problems, and policies that `metaskill collect` knows.
"""

from metaskill.cli.experiments import experiment_names, find_baselines, find_module
from metaskill.cli.flags import parse
from metaskill.envs.registry import environment_names
from metaskill.meta.problems import PROBLEMS
from metaskill.offline.policies import policy_names
from metaskill.physics.factory import ENGINE_NAMES
from metaskill.tasks.randomizations import RANDOMIZATIONS


def run(arguments: list[str]) -> None:
    """Print the lists."""
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
