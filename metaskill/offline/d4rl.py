"""D4RL's layout: one HDF5 file in which the steps of all episodes stand one after the other."""

import pathlib

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
from metaskill.offline.extras import is_extra, say_left_out, without_groups
from metaskill.offline.hdf5 import Reader, open_hdf5, require_h5py, written_whole
from metaskill.offline.transitions import Transitions, to_episodes

_LOW, _HIGH = "metadata/action_low", "metadata/action_high"  # Only `write_d4rl` knows of these.
_STATES = ("next_observations", "infos/qpos", "infos/qvel", "infos/next_qpos", "infos/next_qvel")
_FLAGS = ("terminals", "timeouts")


def read_d4rl(
    path: str | pathlib.Path,
    episode_length: int | None = None,
    action_limits: Given | None = None,
    clip_actions: bool = False,
) -> Episodes:
    """Read a file of D4RL, of any version.

    Where episodes end, and what becomes of their last steps, is said by
    `metaskill.offline.transitions.to_episodes`. Positions in `infos` have no next ones in most
    files; where `next_observations` are there, they become extra columns of steps. So does every
    other array with a row a step, `infos/goal` as `goal`; the rest is named in a warning.

    Args:
        path: The file.
        episode_length: The most steps of an episode; needed where there are neither `timeouts`
            nor `next_observations`.
        action_limits: The least and the largest action, which the layout does not hold; None
            for actions that are in [-1, 1] as they are.
        clip_actions: Whether actions outside of the limits are moved to them.

    Raises:
        UserError: If the file is missing, damaged, or nothing of it can be used.
    """
    path = pathlib.Path(path)
    with open_hdf5(path) as file:
        steps = _read(file, path, action_limits, clip_actions)
    episodes = to_episodes(steps, episode_length, str(path))
    episodes.check(str(path))
    return episodes


def write_d4rl(path: str | pathlib.Path, episodes: Episodes) -> None:
    """Write a file in D4RL's layout, which has no place for labels.

    Actions are written in the units of `episodes.action_limits`, and extra columns into `infos`.

    Raises:
        UserError: If it is there already or cannot be written, or h5py is missing.
    """
    h5py = require_h5py()
    episodes.check("the new data set")
    before = np.ones(len(episodes.observations), bool)
    before[episodes.first_states + episodes.lengths] = False
    after = np.ones(len(episodes.observations), bool)
    after[episodes.first_states] = False
    with written_whole(pathlib.Path(path)) as partial, h5py.File(partial, "w") as file:
        file["observations"] = episodes.observations[before]
        file["next_observations"] = episodes.observations[after]
        file["actions"] = from_unit(episodes.actions, episodes.action_limits)
        file["rewards"] = episodes.rewards
        file["terminals"] = episodes.terminated
        file["timeouts"] = episodes.truncated
        states = {"qpos": episodes.qpos, "qvel": episodes.qvel, **episodes.state_extras}
        for name, array in states.items():
            if array.size:
                file[f"infos/{name}"] = array[before]
                file[_next(f"infos/{name}")] = array[after]
        for name, array in episodes.step_extras.items():
            file[f"infos/{name}"] = array
        if episodes.action_limits is not None:
            file[_LOW], file[_HIGH] = episodes.action_limits.low, episodes.action_limits.high
    say_left_out(
        str(path), ["labels"] if any(episodes.labels) else [], "the layout has no place for them"
    )


def _next(name: str) -> str:
    """Return the name of what follows: `infos/a/next_b` of `infos/a/b`."""
    group, slash, last = name.rpartition("/")
    return f"{group}{slash}next_{last}"


def _read(file: Reader, path: pathlib.Path, given: Given | None, clip_actions: bool) -> Transitions:
    actions = file.array("actions", None)
    n_steps = len(actions) if actions.ndim else 0
    limits = _read_limits(file, given, actions, str(path))
    flags = {name: file.column(name, bool) for name in _FLAGS if name in file.names}
    if "terminals" not in flags:
        file.column("terminals", bool)  # Refused: there is none.
    leaves = set(file.leaves())
    states = {"observations": file.matrix("observations")}
    states |= {name: file.matrix(name) for name in _STATES if name in leaves}
    rewards = file.column("rewards")
    known = {"observations", "actions", "rewards", *_FLAGS, *_STATES, _LOW, _HIGH}
    extras, others = {}, []
    for name in sorted(leaves - known):
        array = file.array(name, None) if file.holds_numbers(name) else None
        if array is not None and is_extra(name, array) and len(array) == n_steps:
            extras[name] = array
        else:
            others.append(name)
    say_left_out(str(path), others, f"no arrays of numbers with {n_steps} rows, one a step")
    for name, array in {**states, "rewards": rewards, **flags}.items():
        if len(array) != n_steps:
            raise UserError(f"{path}: there are {len(array)} {name}, and {n_steps} actions.")
    if not n_steps:
        raise UserError(f"{path} holds no steps.")
    states, extras = _named(states, extras)
    terminated = flags["terminals"]
    return Transitions(
        states=states,
        actions=to_unit(actions, limits, clip_actions, str(path)),
        rewards=rewards,
        terminated=terminated,
        ends=terminated | flags.get("timeouts", np.zeros(n_steps, bool)),
        marks_cuts="timeouts" in flags,
        extras=extras,
        limits=limits,
    )


def _named(
    states: dict[str, np.ndarray], extras: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Name arrays as columns, and find the extra ones of which the next rows are there too."""
    pairs = {
        name
        for name, array in extras.items()
        if _next(name) in extras and extras[_next(name)].dtype == array.dtype
    }
    renamed = {name.removeprefix("infos/"): array for name, array in states.items()}
    alone: dict[str, np.ndarray] = {}
    for name in sorted(pairs):
        short = without_groups(name, renamed)
        renamed[short], renamed[f"next_{short}"] = extras[name], extras[_next(name)]
    following = {_next(name) for name in pairs}
    for name in extras.keys() - pairs - following:
        alone[without_groups(name, alone.keys() | renamed.keys())] = extras[name]
    return renamed, dict(sorted(alone.items()))


def _read_limits(
    file: Reader, given: Given | None, actions: np.ndarray, where: str
) -> ActionLimits | None:
    if given is None and file.has_group("metadata"):
        metadata = file.group("metadata")
        if {"action_low", "action_high"} <= set(metadata.names):
            given = (
                metadata.array("action_low", np.float64).tolist(),
                metadata.array("action_high", np.float64).tolist(),
            )
    require_continuous(actions, given, where)
    if actions.ndim != 2:
        file.matrix("actions")  # Refused, with what they are.
    return None if given is None else limits_of(given, actions.shape[1], where)
