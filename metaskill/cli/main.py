"""The command `metaskill`: finds the subcommand and turns mistakes into one line."""

import importlib
import logging
import os
import pathlib
import sys

from metaskill.errors import Preempted, UserError, nearest

# Modules by command, imported only when used, so that `--help` is immediate.
_COMMANDS = {
    "train": ("metaskill.cli.train", "train an experiment, or go on with its run"),
    "sweep": ("metaskill.cli.sweep", "train many hyperparameters and seeds side by side"),
    "eval": ("metaskill.cli.evaluate", "measure the policy of a run"),
    "render": ("metaskill.cli.render", "make a video of the policy of a run"),
    "collect": ("metaskill.cli.collect", "collect episodes into a data set"),
    "convert": ("metaskill.cli.convert", "read a data set of D4RL, Minari or OGBench"),
    "adapt": ("metaskill.cli.adapt", "adapt a meta-learned policy to a task"),
    "plan": ("metaskill.cli.plan", "walk to goals with a run's skills"),
    "bench": ("metaskill.cli.bench", "time the stages of an experiment's iteration"),
    "report": ("metaskill.cli.report", "make the page that shows a run"),
    "reproduce": ("metaskill.cli.reproduce", "run an experiment and write its figures"),
    "figures": ("metaskill.cli.figures", "print every measured figure and its bar"),
    "list": ("metaskill.cli.list", "list experiments and environments"),
}


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit.

    The exit code is 0 for success, 2 for a mistake in what was asked, and 75 for a run that
    was told to stop and wants to be resumed.
    """
    arguments = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.WARNING, format="metaskill: %(message)s")
    _keep_compiled_programs()
    # Orbax logs there, with tracebacks, what it also raises.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    try:
        sys.exit(_run(arguments))
    except UserError as error:
        # One line, even where it quotes what was given.
        print(f"metaskill: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except Preempted as stop:
        print(f"metaskill: {stop}", file=sys.stderr)
        sys.exit(75)
    except KeyboardInterrupt:
        print("metaskill: interrupted; the last checkpoint is kept.", file=sys.stderr)
        sys.exit(130)


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    command, *rest = arguments
    if command not in _COMMANDS:
        raise UserError(f"no command is called {command!r}: {nearest(command, _COMMANDS)}")
    module = importlib.import_module(_COMMANDS[command][0])
    if any(argument in ("-h", "--help") for argument in rest):
        print((module.__doc__ or "").strip())
        return 0
    module.run(rest)
    return 0


def _keep_compiled_programs() -> None:
    """Have JAX keep what it compiled in the user's cache folder, for the next process.

    JAX reads the variable when it is imported, which is later, and the user's own wins.
    """
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cache = pathlib.Path(home, "metaskill", "compiled")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))


def _help() -> str:
    lines = ["usage: metaskill COMMAND ...", ""]
    lines += [f"  {name:<10} {purpose}" for name, (_, purpose) in _COMMANDS.items()]
    return "\n".join([*lines, "", "metaskill COMMAND --help says more."])


if __name__ == "__main__":
    main()
