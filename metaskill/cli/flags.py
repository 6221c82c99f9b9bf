"""Command lines: absl flags, and `--config.x.y=…` for every field of a configuration."""

import ast
import math
from collections.abc import Callable
from typing import Any

from absl import flags

from metaskill.configuration import Assignment, ConfigT, assign
from metaskill.errors import UserError, nearest
from metaskill.ranges import LARGEST_SEED

_PREFIX = "--config."


def parse(
    arguments: list[str], positional: list[str], define: Callable[[flags.FlagValues], None]
) -> tuple[list[str], flags.FlagValues]:
    """Parse a subcommand's arguments.

    Args:
        arguments: What follows the subcommand.
        positional: Names of the positional arguments, all required.
        define: Defines the flags.

    Returns:
        The positional arguments' values, and the flags.

    Raises:
        UserError: If a flag is unknown or malformed, or an argument is missing.
    """
    values = flags.FlagValues()
    define(values)
    try:
        rest = values(["metaskill", *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        names = [f"--{name}" for name in values]
        hint = nearest(f"--{error.flagname}", names) if names else "there are none here."
        raise UserError(f"no flag is called --{error.flagname}: {hint}") from error
    except flags.Error as error:
        raise UserError(" ".join(str(error).split())) from error
    for name in values:
        if isinstance(values[name].value, float) and not math.isfinite(values[name].value):
            raise UserError(f"--{name} is {values[name].value}: it must be finite.")
    if len(rest) != len(positional):
        raise UserError(
            f"expected {' '.join(positional) or 'no arguments'}, got {' '.join(rest) or 'nothing'}."
        )
    return rest, values


def define_seed(values: flags.FlagValues, meaning: str, default: int | None = 0) -> None:
    """Define `--seed`, which every command bounds alike."""
    flags.DEFINE_integer(
        "seed", default, meaning, lower_bound=0, upper_bound=LARGEST_SEED, flag_values=values
    )


def define_take_over(values: flags.FlagValues) -> None:
    """Define `--take-over`, for folders whose lock a process on another machine left behind."""
    flags.DEFINE_bool("take-over", False, "take the folder's lock", flag_values=values)


def override(arguments: list[str], config: ConfigT) -> tuple[list[str], ConfigT]:
    """Apply every `--config.x.y=VALUE` to a configuration, all of them at once.

    Returns:
        The other arguments, and the new configuration.

    Raises:
        UserError: If a field does not exist, or a value is not of its type or outside its range.
    """
    others, assignments = split_overrides(arguments)
    return others, assign(config, assignments)


def split_overrides(arguments: list[str]) -> tuple[list[str], list[Assignment]]:
    """Read every `--config.x.y=VALUE`.

    A value is read as a Python literal (`3e-4`, `(64, 64)`), else as a string.

    Returns:
        The other arguments, and what the flags set.

    Raises:
        UserError: If a flag has no value.
    """
    others, assignments = [], []
    for argument in arguments:
        if not argument.startswith(_PREFIX):
            others.append(argument)
            continue
        flag, equals, text = argument.partition("=")
        if not equals:
            raise UserError(f"{argument} has no value: write {argument}=VALUE.")
        path = tuple(flag.removeprefix(_PREFIX).split("."))
        assignments.append(Assignment(flag, path, literal(text)))
    return others, assignments


def named_values(flag: str, texts: list[str]) -> dict[str, Any]:
    """Read every `NAME=VALUE` that a flag was given.

    Raises:
        UserError: If one has no value.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--{flag}={text} has no value: write --{flag}=NAME=VALUE.")
        values[name] = literal(value)
    return values


def literal(text: str) -> Any:
    """Read a value as a Python literal, else as a string."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
