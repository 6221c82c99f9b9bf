"""Command lines: absl flags, and `--config.x.y=…` for every field of a configuration."""

import ast
from collections.abc import Callable
from typing import Any

from absl import flags

from metaskill.errors import UserError, nearest
from metaskill.training.experiment import ConfigT, with_values

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
    if len(rest) != len(positional):
        raise UserError(
            f"expected {' '.join(positional) or 'no arguments'}, got {' '.join(rest) or 'nothing'}."
        )
    return rest, values


def override(arguments: list[str], config: ConfigT) -> tuple[list[str], ConfigT]:
    """Apply every `--config.x.y=VALUE` to a configuration, all of them at once.

    A value is read as a Python literal (`3e-4`, `(64, 64)`), else as a string. Fields that have
    to fit each other can be given in any order.

    Returns:
        The other arguments, and the new configuration.

    Raises:
        UserError: If a field does not exist or a value is not of its type.
    """
    others = []
    values: dict[str, Any] = {}
    for argument in arguments:
        if not argument.startswith(_PREFIX):
            others.append(argument)
            continue
        path, equals, text = argument.removeprefix(_PREFIX).partition("=")
        if not equals:
            raise UserError(f"{argument} has no value: write {argument}=VALUE.")
        *groups, field = path.split(".")
        inside = values
        for name in groups:
            inside = inside.setdefault(name, {})
            if not isinstance(inside, dict):
                raise UserError(f"{argument} sets a field of {name}, which is set as a whole too.")
        inside[field] = literal(text)
    return others, with_values(config, values)


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
    except (ValueError, SyntaxError):
        return text
