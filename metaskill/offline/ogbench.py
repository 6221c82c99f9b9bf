"""OGBench's layout: an npz file of many episodes, and a second one `-val` to validate on."""

import pathlib
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.action_limits import (
    ActionLimits,
    Given,
    from_unit,
    limits_of,
    require_continuous,
    to_unit,
)
from metaskill.offline.episodes import Episodes
from metaskill.offline.extras import is_extra, say_left_out
from metaskill.offline.hdf5 import written_whole
from metaskill.offline.npz import read_npz
from metaskill.offline.transitions import Transitions, to_episodes

_REQUIRED = ("observations", "actions", "terminals")
_COLUMNS = ("terminals", "rewards", "masks", "valids")
_LIMITS = ("action_low", "action_high")  # Only `write_ogbench` knows of these.


def read_ogbench(
    path: str | pathlib.Path, action_limits: Given | None = None, clip_actions: bool = False
) -> tuple[Episodes, Episodes | None]:
    """Read a data set of OGBench, as published or as its own loader returns it.

    A published file has a row a state: `terminals` marks each episode's last one, with an
    action that leads nowhere (in a compact data set, `valids` does). With `next_observations`
    a row is a step, and `terminals` marks an episode's last step. Every other array with a row
    a state or a step, such as `button_states`, is kept as an extra column; the rest is named in
    a warning.

    Rewards that are not there are read as 0. An episode has terminated where `masks` is 0 at its
    last step, and was cut otherwise; within an episode, which goes on after its goal, `masks`
    stays an extra column.

    Args:
        path: The file of training, NAME.npz; validation is NAME-val.npz.
        action_limits: The least and the largest action, which the layout does not hold; None
            for actions that are in [-1, 1] as they are.
        clip_actions: Whether actions outside of the limits are moved to them.

    Returns:
        The episodes to train on and, if there is that file, those to validate on.

    Raises:
        UserError: If a file is missing, damaged, or of another layout.
    """
    path = pathlib.Path(path)
    validation = _validation(path)
    return (
        _read(path, action_limits, clip_actions),
        _read(validation, action_limits, clip_actions) if validation.exists() else None,
    )


def write_ogbench(
    path: str | pathlib.Path, train: Episodes, validation: Episodes | None = None
) -> None:
    """Write a data set in OGBench's layout, which has no place for labels.

    Actions are written in the units of `action_limits`. Rewards, and causes of ends as `masks`,
    get a row of zeros for each last state, as actions do. Extra columns of steps are left out,
    and named in a warning: the layout has rows for states.

    Raises:
        UserError: If a file is there already or cannot be written.
    """
    path = pathlib.Path(path)
    for file, episodes in ((path, train), (_validation(path), validation)):
        if episodes is None:
            continue
        episodes.check("the new data set")
        with written_whole(file) as partial:
            np.savez_compressed(partial, **_as_arrays(episodes))
        lost = [*(["labels"] if any(episodes.labels) else []), *episodes.step_extras]
        lost = [name for name in lost if name != "masks"]
        say_left_out(str(file), lost, "the layout has no place for them")


def _as_arrays(episodes: Episodes) -> dict[str, Any]:
    last = np.zeros(len(episodes.observations), bool)
    last[episodes.first_states + episodes.lengths] = True

    def of_states(of_steps: np.ndarray) -> np.ndarray:
        rows = np.zeros((len(last), *of_steps.shape[1:]), of_steps.dtype)
        rows[~last] = of_steps
        return rows

    arrays: dict[str, Any] = {
        "observations": episodes.observations,
        "actions": of_states(from_unit(episodes.actions, episodes.action_limits)),
        "terminals": last.astype(np.float32),
        "rewards": of_states(episodes.rewards),
        "masks": of_states(_masks(episodes).astype(np.float32)),
    }
    if episodes.qpos.shape[1]:
        arrays |= {"qpos": episodes.qpos, "qvel": episodes.qvel}
    if episodes.action_limits is not None:
        limits = (episodes.action_limits.low, episodes.action_limits.high)
        arrays |= dict(zip(_LIMITS, limits, strict=True))
    return arrays | dict(episodes.state_extras)


def _masks(episodes: Episodes) -> np.ndarray:
    """Return 0 where there is no future, as OGBench says it: also within an episode."""
    ends = episodes.terminated | episodes.truncated
    masks = episodes.step_extras.get("masks", np.ones(len(ends)))
    # Extra columns of other layouts may have that name too.
    within = masks != 0 if masks.ndim == 1 else True
    return np.where(ends, ~episodes.terminated, within)


def _validation(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f"{path.stem}-val{path.suffix}")


def _read(path: pathlib.Path, given: Given | None, clip_actions: bool) -> Episodes:
    arrays, others = read_npz(path, _REQUIRED)
    where = str(path)
    if given is None and set(_LIMITS) <= arrays.keys():
        given = (arrays["action_low"].tolist(), arrays["action_high"].tolist())
    for name in _LIMITS:
        arrays.pop(name, None)
    actions = arrays["actions"]
    require_continuous(actions, given, where)
    n_rows = len(arrays["terminals"]) if arrays["terminals"].ndim else 0
    for name in [name for name, array in arrays.items() if name not in _REQUIRED]:
        if name in (*_COLUMNS, "qpos", "qvel", "next_observations"):
            continue
        if not is_extra(name, arrays[name]) or len(arrays[name]) != n_rows:
            others.append(name)
            del arrays[name]
    say_left_out(where, others, f"no arrays of numbers with {n_rows} rows")
    arrays = {name: _checked(name, array, n_rows, path) for name, array in arrays.items()}
    limits = None if given is None else limits_of(given, actions.shape[1], where)
    by_step = "next_observations" in arrays
    episodes = (_of_steps if by_step else _of_states)(arrays, limits, clip_actions, where)
    episodes.check(where)
    return episodes


def _checked(name: str, array: np.ndarray, n_rows: int, path: pathlib.Path) -> np.ndarray:
    """Return an array in the shape and the type of its column; extra columns as they are."""
    n_axes = 1 if name in _COLUMNS else 2
    known = name in (*_REQUIRED, *_COLUMNS, "qpos", "qvel", "next_observations")
    if name in _COLUMNS and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if known and (array.ndim != n_axes or len(array) != n_rows):
        pictures = ": pictures cannot be read" if array.ndim > 2 else ""
        raise UserError(
            f"{path}: {name} are of shape {array.shape}, where {n_rows} rows were "
            f"expected{pictures}."
        )
    if name in ("terminals", "valids", "masks") and not np.all((array == 0) | (array == 1)):
        raise UserError(f"{path}: {name} are neither true nor false.")
    if not known or name == "actions":
        return array
    with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused.
        return array.astype(np.float32)


def _of_steps(
    arrays: dict[str, np.ndarray], limits: ActionLimits | None, clip_actions: bool, where: str
) -> Episodes:
    """Make episodes of a file with a row a step."""
    ends = _ends(arrays.pop("terminals"), where)
    # Of the states of physics only those before steps are there.
    following = ("observations", "next_observations")
    terminated, masks = _terminated(arrays.pop("masks", None), ends)
    steps = Transitions(
        states={name: arrays.pop(name) for name in following},
        actions=to_unit(arrays.pop("actions"), limits, clip_actions, where),
        rewards=arrays.pop("rewards", np.zeros(len(ends), np.float32)),
        terminated=terminated,
        ends=ends,
        marks_cuts=True,
        extras={**arrays, **masks},
        limits=limits,
    )
    return to_episodes(steps, None, where)


def _of_states(
    arrays: dict[str, np.ndarray], limits: ActionLimits | None, clip_actions: bool, where: str
) -> Episodes:
    """Make episodes of a file with a row a state."""
    terminals = arrays.pop("terminals")
    valids = arrays.pop("valids", None)
    last = _ends(terminals if valids is None else 1.0 - valids, where)
    lengths = np.diff(np.flatnonzero(last), prepend=-1) - 1
    if np.min(lengths) < 1:
        raise UserError(
            f"{where}: an episode has a last state and no others, as where each of its rows is "
            "a step: such a file needs next_observations, or valids."
        )
    n_states = len(last)
    nothing = np.zeros((n_states, 0), np.float32)
    truncated = np.concatenate([last[1:], [False]])[~last]
    masks = arrays.pop("masks", None)
    terminated, masks_extra = _terminated(None if masks is None else masks[~last], truncated)
    has_physics = {"qpos", "qvel"} <= set(arrays)
    physics = [arrays.pop(name) for name in ("qpos", "qvel")] if has_physics else [nothing] * 2
    return Episodes(
        observations=arrays.pop("observations"),
        qpos=physics[0],
        qvel=physics[1],
        actions=to_unit(arrays.pop("actions")[~last], limits, clip_actions, where),
        rewards=arrays.pop("rewards", np.zeros(n_states, np.float32))[~last],
        terminated=terminated,
        truncated=truncated & ~terminated,
        lengths=lengths.astype(np.int64),
        labels=({},) * len(lengths),
        action_limits=limits,
        state_extras=arrays,
        step_extras=masks_extra,
    )


def _ends(marks: np.ndarray, where: str) -> np.ndarray:
    if not len(marks) or not marks[-1]:
        raise UserError(f"{where} does not end with the end of an episode: get it again.")
    return marks.astype(bool)


def _terminated(
    masks: np.ndarray | None, ends: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return where an episode ends without a future, and masks that say more than that."""
    if masks is None:
        return np.zeros(len(ends), bool), {}
    terminated = ends & (masks == 0)
    return terminated, {} if np.array_equal(masks == 0, terminated) else {"masks": masks}
