"""Extra columns: arrays of a data set that are no column of episodes, kept under their names."""

import logging
import re
from collections.abc import Iterable, Mapping

import numpy as np

_logger = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*(/[A-Za-z0-9_][A-Za-z0-9_. -]*)*")
_LONGEST = 200
_COLUMNS = ("observations", "actions", "rewards", "infos", "valids", "action_low", "action_high")
_FLAGS = ("terminals", "timeouts", "terminated", "truncated", "terminations", "truncations")
RESERVED = frozenset((*_COLUMNS, *_FLAGS, "next_observations"))
"""Names that mean something in one of the layouts, and so are no names of extra columns."""

_MOST_NAMED = 20

Extras = Mapping[str, np.ndarray]
"""Arrays of numbers by name, such as `button_states`; the first axis is that of states or steps."""


def is_plain_name(name: str) -> bool:
    """Whether an extra column can have a name: words that mean no other column."""
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None and name not in RESERVED


def is_extra(name: str, array: np.ndarray) -> bool:
    """Whether an array can be an extra column: a plain name, and numbers or flags."""
    return is_plain_name(name) and array.ndim > 0 and array.dtype.kind in "fiub"


def without_groups(name: str, taken: Iterable[str]) -> str:
    """Return the name of an extra column: `infos/goal` is `goal`, unless that means another."""
    short = name.removeprefix("infos/")
    return name if short in taken or short in RESERVED else short


def say_left_out(where: str, what: Iterable[str], why: str) -> None:
    """Name, in one warning, what of a file is not read or of episodes is not written.

    Args:
        where: The file.
        what: Names of arrays; where there are none, nothing is said.
        why: Why they are left out.
    """
    names = sorted(what)
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        _logger.warning("%s: left out %s%s (%s)", where, ", ".join(names[:_MOST_NAMED]), more, why)
