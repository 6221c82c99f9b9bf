"""The command `metaskill`: finds the subcommand and turns mistakes into one line."""

import importlib
import io
import logging
import os
import sys

from metaskill.cache import cache_folder
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
    "doctor": ("metaskill.cli.doctor", "say what works on this machine"),
    "list": ("metaskill.cli.list", "list experiments and environments"),
}
_COMPILE_NOTHING = {"list", "figures"}
_NO_READER = 141
"""Exit code of a program that a closed pipe ended: 128 and the number of SIGPIPE."""


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit.

    The exit code is 0 for success, 2 for a mistake in what was asked, and 75 for a run that
    was told to stop and wants to be resumed.
    """
    arguments = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.WARNING, format="metaskill: %(message)s")
    # Orbax logs there, with tracebacks, what it also raises.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    _write_whatever_the_terminal_can()
    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:
        # Whoever read has read enough, as `head` does; Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_NO_READER)
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
    if command not in _COMPILE_NOTHING:
        _keep_compiled_programs()
    module.run(rest)
    return 0


def _keep_compiled_programs() -> None:
    """Have JAX keep what it compiled in the user's cache folder, for the next process.

    The user's own folder wins.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = cache_folder()
    if folder is None:
        logging.getLogger(__name__).warning(
            "compiled programs are not kept for the next start, because there is no cache folder "
            "that can be written: set XDG_CACHE_HOME to one."
        )
        return
    import jax

    jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))


def _write_whatever_the_terminal_can() -> None:
    """Write `?` for characters that the output's encoding lacks, such as ± in ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _help() -> str:
    lines = ["usage: metaskill COMMAND ...", ""]
    lines += [f"  {name:<10} {purpose}" for name, (_, purpose) in _COMMANDS.items()]
    return "\n".join([*lines, "", "metaskill COMMAND --help says more."])


if __name__ == "__main__":
    main()
