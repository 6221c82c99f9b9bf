"""What `--vary NAME=VALUES` says."""

import ast
import math
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.ranges import LARGEST_SEED
from metaskill.training.variations import Choices, Interval

_MOST_VALUES = 10_000
GRAMMAR = "log:LOW:HIGH:COUNT, linear:LOW:HIGH:COUNT, FIRST:LAST+1 or VALUE,VALUE,..."


def parse_vary(text: str) -> Choices | Interval:
    """Read what varies.

    Several names, separated by commas, vary together: their values are tuples.

    Raises:
        UserError: If it cannot be read.
    """
    left, equals, values = text.partition("=")
    names = tuple(name.strip() for name in left.split(","))
    if not (equals and values and all(names)):
        raise UserError(f"--vary {text} cannot be read: write NAME={GRAMMAR}.")
    if len(names) > 1:
        return Choices(names, tuple(_tuple(value, len(names), text) for value in _list(values)))
    kind, colon, rest = values.partition(":")
    if colon and kind in ("log", "linear"):
        return _range(names[0], rest.split(":"), kind == "log", text)
    if colon and not values.startswith(("(", "[", "{", "'", '"')):
        first, last = _ends(kind, rest, text)
        return Choices(names, tuple((value,) for value in range(first, last)))
    return Choices(names, tuple((value,) for value in _list(values)))


def parse_seeds(text: str) -> list[int]:
    """Read the values of `--vary seed=...`.

    Raises:
        UserError: If they are not whole numbers from 0 to `LARGEST_SEED`, each once.
    """
    axis = parse_vary(text)
    seeds = [values[0] for values in axis.values] if isinstance(axis, Choices) else []
    whole = all(type(seed) is int and 0 <= seed <= LARGEST_SEED for seed in seeds)
    if not whole or not seeds or len({*seeds}) < len(seeds):
        raise UserError(
            f"--vary {text} gives no seeds: write seed=0:4 or seed=1,5,7 (whole numbers up to "
            f"{LARGEST_SEED}, each once)."
        )
    return seeds


def _range(name: str, parts: list[str], logarithmic: bool, text: str) -> Choices | Interval:
    try:
        low, high = float(parts[0]), float(parts[1])
        count = int(parts[2]) if len(parts) > 2 else None
        if len(parts) > 3:
            raise ValueError("too many parts")
    except (ValueError, IndexError) as error:
        raise UserError(f"--vary {text} cannot be read: write NAME={GRAMMAR}.") from error
    if not (low < high and math.isfinite(high - low)) or (count is not None and count < 2):
        raise UserError(
            f"--vary {text} is no range: it goes from a lower to a higher value, in at least "
            "2 values."
        )
    _require_few(count or 0, text)
    if logarithmic and low <= 0:
        raise UserError(f"--vary {text} is logarithmic: its ends must be positive.")
    if count is None:
        return Interval(name, low, high, logarithmic)
    space = np.geomspace if logarithmic else np.linspace
    # Rounded so that names of members stay short.
    return Choices((name,), tuple((float(f"{value:.7g}"),) for value in space(low, high, count)))


def _ends(first: str, last: str, text: str) -> tuple[int, int]:
    try:
        ends = int(first), int(last)
    except ValueError as error:
        raise UserError(f"--vary {text} cannot be read: write NAME={GRAMMAR}.") from error
    if ends[0] >= ends[1]:
        raise UserError(f"--vary {text} is empty: 0:4 means 0, 1, 2, 3.")
    _require_few(ends[1] - ends[0], text)
    return ends


def _require_few(count: int, text: str) -> None:
    """Refuse, before they are made, more values than a sweep could ever train."""
    if count > _MOST_VALUES:
        raise UserError(f"--vary {text} has {count} values: give at most {_MOST_VALUES}.")


def _list(text: str) -> list[Any]:
    """Read values as Python literals, or all of them as strings, which single words may be."""
    try:
        values = list(ast.literal_eval(f"[{text}]"))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        if "(" in text:
            raise UserError(
                f"{text} cannot be read: inside of brackets words are quoted, as in "
                "(1,'relu'),(2,'tanh')."
            ) from error
        values = [value.strip() for value in text.split(",")]
    if len({repr(value) for value in values}) < len(values):
        raise UserError(f"{text} has a value twice: every combination is trained once.")
    return values


def _tuple(value: Any, length: int, text: str) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or len(value) != length:
        raise UserError(
            f"--vary {text} varies {length} names together: write (A,B),(A,B),... with "
            f"{length} values each."
        )
    return value
