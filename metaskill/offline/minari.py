"""Minari's layout: a folder `data` with `main_data.hdf5`, a group an episode, and metadata."""

import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits, Given, from_unit, to_unit
from metaskill.offline.episodes import Episodes
from metaskill.offline.extras import say_left_out
from metaskill.offline.hdf5 import open_hdf5, require_h5py, written_whole
from metaskill.offline.minari_episode import MinariEpisode, read_episode
from metaskill.offline.minari_metadata import (
    DATA,
    METADATA,
    read_metadata,
    require_complete,
    require_hdf5,
    require_steps,
)
from metaskill.offline.minari_spaces import limits_of_space, parse_space

_EPISODE = re.compile(r"episode_(\d{1,9})")


def read_minari(
    folder: str | pathlib.Path,
    observations: str | Sequence[str] = (),
    action_limits: Given | None = None,
    clip_actions: bool = False,
) -> Episodes:
    """Read a Minari data set, stored as HDF5, whose actions are boxes.

    Positions and velocities are taken from `infos/qpos` and `infos/qvel`, where every state has
    them. Other arrays of numbers with a row a state or a step are kept as extra columns, `goal`
    of `infos/goal` and `achieved_goal` of observations in parts; the rest is named in a warning.
    Labels are those that `write_minari` wrote; of others' data sets there are none.

    Args:
        folder: The data set's folder, or the folder `data` in it.
        observations: Of observations that are a `Dict` or a `Tuple`: the parts that are joined,
            in order, such as `("observation", "desired_goal")`.
        action_limits: The least and the largest action; None for those of the action space.
            Actions are in [-1, 1] as they are where neither says any.
        clip_actions: Whether actions outside of the limits are moved to them.

    Raises:
        UserError: If it is missing, damaged, incomplete, or has other spaces.
    """
    data = _data_folder(pathlib.Path(folder))
    metadata = read_metadata(data / METADATA)
    require_hdf5(data, metadata)
    where = str(data)
    chosen = (observations,) if isinstance(observations, str) else tuple(observations)
    try:
        observation_space, action_space = (
            parse_space(metadata.get(f"{name}_space")) for name in ("observation", "action")
        )
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{data / METADATA} is damaged ({str(error)[:200]}): get the data set again."
        ) from error
    with open_hdf5(data / DATA) as file:
        matches = sorted(filter(None, map(_EPISODE.fullmatch, file.names)), key=_number)
        if not matches:
            raise UserError(f"{data / DATA} has no group episode_0: the layout is another.")
        require_complete([_number(match) for match in matches], metadata, data)
        parts = [
            read_episode(
                file.group(match[0]),
                chosen,
                observation_space,
                action_space,
                action_limits,
                where,
            )
            for match in matches
        ]
    lengths, recorded = ([getattr(p, n) for p in parts] for n in ("length", "total_steps"))
    require_steps(lengths, recorded, metadata, data)
    _require_same_columns(parts, where)
    limits = limits_of_space(action_space, action_limits, parts[0].action_sizes, where)
    episodes = _joined(parts, limits, clip_actions, where)
    episodes.check(where)
    return episodes


def write_minari(
    folder: str | pathlib.Path, episodes: Episodes, dataset_id: str, algorithm: str = "metaskill"
) -> None:
    """Write a data set that Minari loads from its root folder, as `dataset_id`.

    Actions are written in the units of `episodes.action_limits`, which become the action space,
    and extra columns into `infos`.

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
    actions = from_unit(episodes.actions, episodes.action_limits)
    # Minari knows a data set by its metadata, so these come last.
    with written_whole(data / DATA) as path, h5py.File(path, "w", track_order=True) as file:
        rows = zip(episodes.first_steps, episodes.first_states, episodes.lengths, strict=True)
        for number, (first_step, first_state, n_steps) in enumerate(rows):
            group = file.create_group(f"episode_{number}")
            group.attrs["id"] = number
            group.attrs["total_steps"] = n_steps
            group.attrs["metaskill_labels"] = json.dumps(dict(episodes.labels[number]))
            steps = slice(first_step, first_step + n_steps)
            states = slice(first_state, first_state + n_steps + 1)
            _write_episode(group, episodes, actions, steps, states)
    with written_whole(data / METADATA) as path:
        path.write_text(json.dumps(_metadata(episodes, dataset_id, algorithm)))


def _data_folder(folder: pathlib.Path) -> pathlib.Path:
    inside = folder / "data"
    return inside if (inside / METADATA).exists() else folder


def _number(match: re.Match[str]) -> int:
    return int(match[1])


def _require_same_columns(parts: list[MinariEpisode], where: str) -> None:
    sizes = [{n: a.shape[1:] for n, a in part.columns.items()} for part in parts]
    if any(size[name] != sizes[0][name] for size in sizes for name in ("observations", "actions")):
        raise UserError(f"{where}: episodes differ in the sizes of observations or actions.")
    if any(size != sizes[0] for size in sizes):
        raise UserError(f"{where}: some episodes have qpos and qvel, others none or other ones.")


def _joined(
    parts: list[MinariEpisode], limits: ActionLimits | None, clip_actions: bool, where: str
) -> Episodes:
    """Put episodes together, and scale their actions."""
    columns = {n: np.concatenate([part.columns[n] for part in parts]) for n in parts[0].columns}
    say_left_out(
        where,
        {path for part in parts for path in part.left_out},
        "no arrays of numbers with a row a state or a step",
    )
    return Episodes(
        **{**columns, "actions": to_unit(columns["actions"], limits, clip_actions, where)},
        lengths=np.array([part.length for part in parts], np.int64),
        labels=tuple(part.labels for part in parts),
        action_limits=limits,
        state_extras=_joined_extras([part.state_extras for part in parts], where),
        step_extras=_joined_extras([part.step_extras for part in parts], where),
    )


def _joined_extras(parts: list[dict[str, np.ndarray]], where: str) -> dict[str, np.ndarray]:
    """Put extra columns together that all episodes have alike."""
    kinds = [{(name, a.shape[1:], a.dtype) for name, a in part.items()} for part in parts]
    alike = {name for name, *_ in set.intersection(*kinds)}
    others = {name for part in parts for name in part} - alike
    say_left_out(where, others, "not alike in all episodes")
    return {name: np.concatenate([part[name] for part in parts]) for name in sorted(alike)}


def _write_episode(
    group: Any, episodes: Episodes, actions: np.ndarray, steps: slice, states: slice
) -> None:
    group.create_dataset("observations", data=episodes.observations[states])
    group.create_dataset("actions", data=actions[steps])
    group.create_dataset("rewards", data=episodes.rewards[steps])
    group.create_dataset("terminations", data=episodes.terminated[steps])
    group.create_dataset("truncations", data=episodes.truncated[steps])
    infos = group.create_group("infos")
    for name in ("qpos", "qvel"):
        if getattr(episodes, name).shape[1]:
            infos.create_dataset(name, data=getattr(episodes, name)[states])
    for extras, rows in ((episodes.state_extras, states), (episodes.step_extras, steps)):
        for name, array in extras.items():
            infos.create_dataset(name, data=array[rows])


def _metadata(episodes: Episodes, dataset_id: str, algorithm: str) -> dict[str, Any]:
    observation, action = episodes.observations.shape[1], episodes.actions.shape[1]
    limits = episodes.action_limits or ActionLimits((-1.0,) * action, (1.0,) * action)
    return {
        "dataset_id": dataset_id,
        "total_episodes": len(episodes),
        "total_steps": len(episodes.actions),
        "data_format": "hdf5",
        "observation_space": _box((-np.inf,) * observation, (np.inf,) * observation),
        "action_space": _box(limits.low, limits.high),
        "algorithm_name": algorithm,
        "minari_version": "0.5.0",  # The layout; later versions of 0.5 read it.
        "dataset_size": round(episodes.observations.nbytes / 1e6, 1),
    }


def _box(low: tuple[float, ...], high: tuple[float, ...]) -> str:
    """Return a space of vectors, as Minari writes it."""
    return json.dumps(
        {
            "type": "Box",
            "dtype": "float32",
            "shape": [len(low)],
            "low": list(low),
            "high": list(high),
        }
    )
