"""One episode of Minari: a group of an HDF5 file."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.action_limits import Given
from metaskill.offline.extras import is_extra, without_groups
from metaskill.offline.hdf5 import Reader
from metaskill.offline.minari_spaces import Space, read_actions, read_observations

_PARTS = ("observations", "actions")
_COLUMNS = (*_PARTS, "rewards", "terminations", "truncations")


@dataclasses.dataclass(frozen=True)
class MinariEpisode:
    """What of an episode could be read.

    Attributes:
        columns: The columns of `Episodes`; actions are in their own units.
        action_sizes: Numbers of columns of the boxes that actions are joined from.
        state_extras: Other arrays with a row a state, by name.
        step_extras: Other arrays with a row a step.
        left_out: Paths of what is neither.
        labels: What the episode was about.
        total_steps: How many steps it says it has; None where it does not.
    """

    columns: dict[str, np.ndarray]
    action_sizes: tuple[int, ...]
    state_extras: dict[str, np.ndarray]
    step_extras: dict[str, np.ndarray]
    left_out: tuple[str, ...]
    labels: dict[str, Any]
    total_steps: int | None

    @property
    def length(self) -> int:
        """How many steps it has."""
        return len(self.columns["actions"])


def read_episode(
    group: Reader,
    chosen: Sequence[str],
    observation_space: Space | None,
    action_space: Space | None,
    given: Given | None,
    where: str,
) -> MinariEpisode:
    """Read an episode.

    Args:
        group: Its group.
        chosen: The parts of observations that are joined.
        observation_space: The space of observations; None where it is not known.
        action_space: The space of actions.
        given: Limits of actions that count instead of the space's.
        where: What to call the data in errors.

    Raises:
        UserError: If it is not of Minari's layout, or of spaces that cannot be read.
    """
    actions, action_sizes = read_actions(group, action_space, given, where)
    observations, rest = read_observations(group, chosen, observation_space, where)
    n_steps = len(actions)
    terminated = group.column("terminations", bool)
    truncated = group.column("truncations", bool) & ~terminated
    if n_steps:  # Whatever stopped its recording, an episode ends.
        truncated[-1:] |= ~terminated[-1:]
    others = {path: path for path in group.leaves() if path.split("/")[0] not in _COLUMNS}
    extras, left_out = _read_extras(group, {**others, **rest}, n_steps)
    of_states = {name: array for name, array in extras.items() if len(array) == n_steps + 1}
    nothing = np.zeros((n_steps + 1, 0), np.float32)
    columns = {
        "observations": observations,
        "qpos": nothing,
        "qvel": nothing,
        "actions": actions,
        "rewards": group.column("rewards"),
        "terminated": terminated,
        "truncated": truncated,
    }
    if all(name in of_states and of_states[name].ndim == 2 for name in ("qpos", "qvel")):
        with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused.
            columns |= {n: of_states.pop(n).astype(np.float32) for n in ("qpos", "qvel")}
    _require_rows(columns, n_steps, where)
    return MinariEpisode(
        columns=columns,
        action_sizes=action_sizes,
        state_extras=of_states,
        step_extras={name: array for name, array in extras.items() if len(array) == n_steps},
        left_out=tuple(left_out),
        labels=_read_labels(group.attribute("metaskill_labels")),
        total_steps=_read_count(group.attribute("total_steps")),
    )


def _read_extras(
    group: Reader, paths: dict[str, str], n_steps: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read arrays with a row a state or a step, by name, and name the others by their paths."""
    extras: dict[str, np.ndarray] = {}
    left_out: list[str] = []
    for name, path in sorted(paths.items()):
        array = group.array(path, None) if group.holds_numbers(path) else None
        short = without_groups(name, extras)
        if array is None or not is_extra(short, array) or len(array) - n_steps not in (0, 1):
            left_out.append(path)
        else:
            extras[short] = array
    return extras, left_out


def _require_rows(columns: dict[str, np.ndarray], n_steps: int, where: str) -> None:
    if not n_steps:
        raise UserError(f"{where}: an episode has no steps: get the data set again.")
    for name, array in columns.items():
        rows = n_steps + (name in ("observations", "qpos", "qvel"))
        if len(array) != rows:
            raise UserError(
                f"{where}: an episode of {n_steps} actions has {len(array)} {name} where {rows} "
                "were expected."
            )


def _read_labels(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        labels = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return labels if isinstance(labels, dict) else {}


def _read_count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, np.integer)) else None
