"""The command `metaskill`: finds the subcommand and turns mistakes into one line."""

import ast
import importlib
import importlib.util
import logging
import os
import pathlib
import sys

from metaskill.cache import cache_folder
from metaskill.cli.streams import code_of_lost_output, finish, prepare_streams, say
from metaskill.errors import Preempted, UserError, nearest

# Modules by command, imported only when used, so that `--help` is immediate.
_COMMANDS = {
    "train": ("metaskill.cli.train", "train an experiment, or go on with its run"),
    "sweep": ("metaskill.cli.sweep", "train many hyperparameters and seeds side by side"),
    "eval": ("metaskill.cli.evaluate", "measure the policy of a run"),
    "render": ("metaskill.cli.render", "make a video of the policy of a run"),
    "collect": ("metaskill.cli.collect", "collect episodes into a data set"),
    "adapt": ("metaskill.cli.adapt", "adapt a meta-learned policy to a task"),
    "plan": ("metaskill.cli.plan", "walk to goals with a run's skills"),
    "bench": ("metaskill.cli.bench", "time the stages of an experiment's iteration"),
    "report": ("metaskill.cli.report", "make the page that shows a run"),
    "reproduce": ("metaskill.cli.reproduce", "run an experiment and write its figures"),
    "figures": ("metaskill.cli.figures", "print every measured figure and its bar"),
    "convert": ("metaskill.cli.convert", "read a data set of D4RL, Minari or OGBench"),
    "doctor": ("metaskill.cli.doctor", "say what works on this machine"),
    "list": ("metaskill.cli.list", "list experiments and environments"),
}
_COMPILE_LITTLE = ("figures", "list", "doctor")


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit.

    The exit code is 0 for success, 1 where a command found something wrong, 2 for a mistake in
    what was asked, 75 for a run that was told to stop and wants to be resumed, 130 for an
    interrupt, and 141 where nobody reads what is printed.
    """
    prepare_streams()
    logging.basicConfig(level=logging.WARNING, format="metaskill: %(message)s")
    # Orbax logs there, with tracebacks, what it also raises.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    sys.exit(finish(_exit_code(sys.argv[1:] if argv is None else argv)))


def _exit_code(arguments: list[str]) -> int:
    try:
        return _run(arguments)
    except UserError as error:
        say(" ".join(str(error).split()))  # One line, even where it quotes what was given.
        return 2
    except Preempted as stop:
        say(str(stop))
        return 75
    except KeyboardInterrupt:
        say("interrupted; the last checkpoint is kept.")
        return 130
    except OSError as error:
        code = code_of_lost_output(error)
        if code is None:
            raise
        return code


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    command, *rest = arguments
    if command not in _COMMANDS:
        raise UserError(f"no command is called {command!r}: {nearest(command, _COMMANDS)}")
    module = _COMMANDS[command][0]
    if any(argument in ("-h", "--help") for argument in rest):
        print(_docstring(module))
        return 0
    keep_compiled_programs(tells=command not in _COMPILE_LITTLE)
    try:
        run = importlib.import_module(module).run
    except OSError as error:  # Matplotlib's, where neither home nor /tmp can be written.
        raise UserError(f"metaskill {command} cannot start: {error}.") from error
    return run(rest) or 0


def _docstring(module: str) -> str:
    """Read the docstring of a module without importing it, which takes seconds."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    source = pathlib.Path(spec.origin).read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def keep_compiled_programs(tells: bool) -> None:
    """Have JAX keep what it compiled in the user's cache folder, for the next process.

    JAX reads the variable when it is imported, which is later, and the user's own wins.

    Args:
        tells: Whether to say that there is no folder to keep them in.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = cache_folder()
    if folder is not None:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "compiled")
        return
    # Matplotlib says the same of its own folder, in several lines.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if tells:
        say(
            "no cache folder can be written, so every start compiles anew: set XDG_CACHE_HOME to "
            "a folder that can."
        )


def _help() -> str:
    lines = ["usage: metaskill COMMAND ...", ""]
    lines += [f"  {name:<10} {purpose}" for name, (_, purpose) in _COMMANDS.items()]
    return "\n".join([*lines, "", "metaskill COMMAND --help says more."])


if __name__ == "__main__":
    main()
