"""D4RL's layout: one HDF5 file in which the steps of all episodes stand one after the other."""

import pathlib

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.episodes import Episodes
from metaskill.offline.hdf5 import Reader, open_hdf5, require_h5py, written_whole


def read_d4rl(path: str | pathlib.Path) -> Episodes:
    """Read a file of D4RL.

    An episode ends where `terminals` or `timeouts` say so, and at the end of the file. The
    layout keeps the observation before each step only: what the last step of an episode led
    to is in `next_observations`, which some files have (and `infos/next_qpos` and
    `infos/next_qvel`, which `write_d4rl` adds). Where it is not known, the last step is left
    out and the episode counts as cut before it; one that has no other step is left out.

    Raises:
        UserError: If the file is missing, damaged, or nothing of it can be used.
    """
    path = pathlib.Path(path)
    with open_hdf5(path) as file:
        arrays = _read_arrays(file)
    n_steps = len(arrays["actions"])
    for name, array in arrays.items():
        if len(array) != n_steps:
            raise UserError(f"{path}: there are {len(array)} {name}, and {n_steps} actions.")
    if not n_steps:
        raise UserError(f"{path} holds no steps.")
    episodes = _to_episodes(arrays, path)
    episodes.check(str(path))
    return episodes


def write_d4rl(path: str | pathlib.Path, episodes: Episodes) -> None:
    """Write a file in D4RL's layout, which has no place for labels.

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
        file["actions"] = episodes.actions
        file["rewards"] = episodes.rewards
        file["terminals"] = episodes.terminated
        file["timeouts"] = episodes.truncated
        for name in ("qpos", "qvel"):
            if getattr(episodes, name).shape[1]:
                file[f"infos/{name}"] = getattr(episodes, name)[before]
                file[f"infos/next_{name}"] = getattr(episodes, name)[after]


def _read_arrays(file: Reader) -> dict[str, np.ndarray]:
    names = set(file.names)
    arrays = {name: file.matrix(name) for name in ("observations", "actions")}
    arrays["rewards"] = file.array("rewards")
    arrays["terminals"] = file.array("terminals", bool)
    if "timeouts" in names:
        arrays["timeouts"] = file.array("timeouts", bool)
    if "next_observations" in names:
        arrays["next_observations"] = file.matrix("next_observations")
    if file.has_group("infos"):
        infos = file.group("infos")
        if {"qpos", "qvel"} <= set(infos.names):
            wanted = {"qpos", "qvel", "next_qpos", "next_qvel"} & set(infos.names)
            arrays |= {name: infos.matrix(name) for name in sorted(wanted)}
    return arrays


def _to_episodes(arrays: dict[str, np.ndarray], path: pathlib.Path) -> Episodes:
    n_steps = len(arrays["actions"])
    terminated = arrays["terminals"]
    ends = terminated | arrays.get("timeouts", np.zeros(n_steps, bool))
    ends[-1] = True
    nothing = np.zeros((n_steps, 0), np.float32)
    of_states = {
        "observations": arrays["observations"],
        "qpos": arrays.get("qpos", nothing),
        "qvel": arrays.get("qvel", nothing),
    }
    of_next = {
        name: arrays.get(f"next_{name}", nothing if array is nothing else None)
        for name, array in of_states.items()
    }
    starts = np.concatenate([[True], ends[:-1]])
    episode = np.cumsum(starts) - 1
    lengths = np.bincount(episode)
    kept = np.ones(n_steps, bool)
    if any(array is None for array in of_next.values()):
        # The last observation of an episode takes the place of the one after its last step.
        kept = ~ends
        kept_states = np.repeat(lengths > 1, lengths)
        states = {name: array[kept_states] for name, array in of_states.items()}
        lengths = lengths[lengths > 1] - 1
        if not len(lengths):
            raise UserError(f"{path}: without next_observations no episode has a whole step.")
        last = np.cumsum(lengths) - 1
        terminated = np.zeros(int(np.sum(lengths)), bool)
    else:
        last = np.flatnonzero(ends)
        states = {
            name: _with_last(array, of_next[name], starts, ends)
            for name, array in of_states.items()
        }
    truncated = np.zeros(len(terminated), bool)
    truncated[last] = ~terminated[last]
    return Episodes(
        **states,
        actions=arrays["actions"][kept],
        rewards=arrays["rewards"][kept],
        terminated=terminated,
        truncated=truncated,
        lengths=lengths.astype(np.int64),
        labels=({},) * len(lengths),
    )


def _with_last(
    before: np.ndarray, after: np.ndarray | None, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Put what each episode's last step led to behind what was before its steps."""
    assert after is not None
    row = np.arange(len(before)) + np.cumsum(starts) - 1
    states = np.zeros((len(before) + int(np.sum(ends)), before.shape[1]), np.float32)
    states[row] = before
    states[row[ends] + 1] = after[ends]
    return states
