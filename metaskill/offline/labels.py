"""What an episode was about, in words and numbers, and which episodes to leave out by it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metaskill.errors import UserError, nearest

Labels = Mapping[str, Any]
"""By name: a number, a string, or a list of those, such as `{"goal": [0.5, 0.5]}`."""

Excluding = Callable[[Labels], bool]
"""Says of an episode's labels whether to leave the episode out."""

_LONGEST = 10_000  # Members of a list; labels are read before any array is.


def check_labels(labels: Any, where: str) -> None:
    """Refuse labels that a manifest cannot hold.

    Raises:
        UserError: If they are not names with numbers, strings, or lists of those.
    """
    if not isinstance(labels, Mapping) or not all(isinstance(name, str) for name in labels):
        raise UserError(f"{where}: an episode's labels are no names with values.")
    for name, value in labels.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        if len(values) > _LONGEST or not all(map(_is_plain, values)):
            raise UserError(
                f"{where}: the label {name!r} is no finite number, no string, and no list of such."
            )


def composed_of(composition: Sequence[Any], name: str, in_order: bool = True) -> Excluding:
    """Leave out every episode that holds a composition, whatever else it holds.

    Args:
        composition: What must not be seen together: subtasks, or the numbers of a goal.
        name: The label that lists what an episode was composed of.
        in_order: Whether only episodes are left out that have it in this order (with or
            without others in between), or those with any order as well.
    """

    def excluding(labels: Labels) -> bool:
        value = labels.get(name, ())
        there = list(value) if isinstance(value, (list, tuple)) else [value]
        for wanted in composition:
            places = [i for i, found in enumerate(there) if _same(found, wanted)]
            if not places:
                return False
            there = there[places[0] + 1 :] if in_order else _without(there, places[0])
        return True

    return excluding


def require_label(name: str, labels: Sequence[Labels], where: str) -> None:
    """Check that some episode has a label: else leaving out by it would leave out nothing.

    Raises:
        UserError: If none has.
    """
    names = {name for label in labels for name in label}
    if name not in names:
        hint = nearest(name, names) if names else "they have none at all."
        raise UserError(f"no episode of {where} has a label {name!r}: {hint}")


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (int, str))


def _same(found: Any, wanted: Any) -> bool:
    # Goals were float32 once.
    if isinstance(found, float) or isinstance(wanted, float):
        both = isinstance(found, (int, float)) and isinstance(wanted, (int, float))
        return both and math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-9)
    return bool(found == wanted)


def _without(values: list[Any], place: int) -> list[Any]:
    return values[:place] + values[place + 1 :]
