"""Minari's layout: a folder `data` with `main_data.hdf5`, a group an episode, and metadata."""

import json
import pathlib
import re
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.episodes import Episodes, concatenate
from metaskill.offline.hdf5 import Reader, open_hdf5, require_h5py, written_whole

DATA, METADATA = "main_data.hdf5", "metadata.json"
_EPISODE = re.compile(r"episode_(\d{1,9})")


def read_minari(folder: str | pathlib.Path) -> Episodes:
    """Read a Minari data set whose observations and actions are boxes.

    Positions and velocities are taken from `infos/qpos` and `infos/qvel`, where every state has
    them. Labels are those that `write_minari` wrote; of others' data sets there are none.

    Args:
        folder: The data set's folder, or the folder `data` in it.

    Raises:
        UserError: If it is missing, damaged, or has other spaces.
    """
    data = _data_folder(pathlib.Path(folder))
    metadata = _read_metadata(data / METADATA)
    if metadata.get("data_format", "hdf5") != "hdf5":
        raise UserError(
            f"{data} is stored as {metadata['data_format']!r}, not hdf5: convert it with Minari."
        )
    with open_hdf5(data / DATA) as file:
        matches = sorted(filter(None, map(_EPISODE.fullmatch, file.names)), key=_number)
        if not matches:
            raise UserError(f"{data / DATA} has no group episode_0: the layout is another.")
        episodes = _joined([_read_episode(file.group(match[0])) for match in matches], data)
    episodes.check(str(data))
    return episodes


def write_minari(
    folder: str | pathlib.Path, episodes: Episodes, dataset_id: str, algorithm: str = "metaskill"
) -> None:
    """Write a data set that Minari loads from its root folder, as `dataset_id`.

    Args:
        folder: The data set's folder, ROOT/dataset_id; `data` in it is made.
        episodes: The episodes.
        dataset_id: Its name, such as `metaskill/play-v0`.
        algorithm: Who or what acted.

    Raises:
        UserError: If it is there already or cannot be written, or h5py is missing.
    """
    h5py = require_h5py()
    episodes.check("the new data set")
    data = pathlib.Path(folder) / "data"
    # Minari knows a data set by its metadata, so these come last.
    with written_whole(data / DATA) as path, h5py.File(path, "w", track_order=True) as file:
        rows = zip(episodes.first_steps, episodes.first_states, episodes.lengths, strict=True)
        for number, (first_step, first_state, n_steps) in enumerate(rows):
            group = file.create_group(f"episode_{number}")
            group.attrs["id"] = number
            group.attrs["total_steps"] = n_steps
            group.attrs["metaskill_labels"] = json.dumps(dict(episodes.labels[number]))
            steps = slice(first_step, first_step + n_steps)
            _write_episode(group, episodes, steps, slice(first_state, first_state + n_steps + 1))
    with written_whole(data / METADATA) as path:
        path.write_text(json.dumps(_metadata(episodes, dataset_id, algorithm)))


def _data_folder(folder: pathlib.Path) -> pathlib.Path:
    inside = folder / "data"
    return inside if (inside / METADATA).exists() else folder


def _read_metadata(path: pathlib.Path) -> dict[str, Any]:
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path.parent} holds no Minari data set (there is no {path.name} in it).")
    try:
        metadata = json.loads(path.read_bytes())
        if not isinstance(metadata, dict):
            raise ValueError("it is no table")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: get the data set again.") from error
    return metadata


def _joined(parts: list[Episodes], data: pathlib.Path) -> Episodes:
    columns = {(part.observations.shape[1], part.actions.shape[1]) for part in parts}
    if len(columns) > 1:
        raise UserError(f"{data}: episodes differ in the sizes of observations or actions.")
    if len({(part.qpos.shape[1], part.qvel.shape[1]) for part in parts}) > 1:
        raise UserError(f"{data}: some episodes have qpos and qvel, others none or other ones.")
    return concatenate(parts)


def _number(match: re.Match[str]) -> int:
    return int(match[1])


def _read_episode(group: Reader) -> Episodes:
    actions = group.matrix("actions")
    terminated = group.array("terminations", bool)
    truncated = group.array("truncations", bool) & ~terminated
    n_steps = len(actions)
    qpos, qvel = _read_physics(group, n_steps + 1)
    if n_steps:  # Whatever stopped its recording, an episode ends.
        truncated[-1:] |= ~terminated[-1:]
    labels = group.attribute("metaskill_labels")
    return Episodes(
        observations=group.matrix("observations"),
        qpos=qpos,
        qvel=qvel,
        actions=actions,
        rewards=group.array("rewards"),
        terminated=terminated,
        truncated=truncated,
        lengths=np.array([n_steps], np.int64),
        labels=(_read_labels(labels),),
    )


def _read_physics(group: Reader, n_states: int) -> tuple[np.ndarray, np.ndarray]:
    nothing = np.zeros((n_states, 0), np.float32)
    if not group.has_group("infos"):
        return nothing, nothing
    infos = group.group("infos")
    if not {"qpos", "qvel"} <= set(infos.names):
        return nothing, nothing
    qpos, qvel = infos.matrix("qpos"), infos.matrix("qvel")
    return (qpos, qvel) if len(qpos) == len(qvel) == n_states else (nothing, nothing)


def _read_labels(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        labels = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return labels if isinstance(labels, dict) else {}


def _write_episode(group: Any, episodes: Episodes, steps: slice, states: slice) -> None:
    group.create_dataset("observations", data=episodes.observations[states])
    group.create_dataset("actions", data=episodes.actions[steps])
    group.create_dataset("rewards", data=episodes.rewards[steps])
    group.create_dataset("terminations", data=episodes.terminated[steps])
    group.create_dataset("truncations", data=episodes.truncated[steps])
    infos = group.create_group("infos")
    for name in ("qpos", "qvel"):
        if getattr(episodes, name).shape[1]:
            infos.create_dataset(name, data=getattr(episodes, name)[states])


def _metadata(episodes: Episodes, dataset_id: str, algorithm: str) -> dict[str, Any]:
    return {
        "dataset_id": dataset_id,
        "total_episodes": len(episodes),
        "total_steps": len(episodes.actions),
        "data_format": "hdf5",
        "observation_space": _box(episodes.observations.shape[1], np.inf),
        "action_space": _box(episodes.actions.shape[1], 1.0),
        "algorithm_name": algorithm,
        "minari_version": "0.5.0",  # The layout; later versions of 0.5 read it.
        "dataset_size": round(episodes.observations.nbytes / 1e6, 1),
    }


def _box(size: int, limit: float) -> str:
    """Return a space of vectors, as Minari writes it."""
    return json.dumps(
        {
            "type": "Box",
            "dtype": "float32",
            "shape": [size],
            "low": [-limit] * size,
            "high": [limit] * size,
        }
    )
