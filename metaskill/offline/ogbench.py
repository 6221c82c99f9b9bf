"""OGBench's layout: an npz file with a row a state, and a second one `-val` to validate on."""

import io
import os
import pathlib
import stat
import zipfile
import zlib
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.episodes import Episodes
from metaskill.offline.hdf5 import written_whole
from metaskill.offline.shards import parse_array, read_header

_LARGEST_RATIO = 200
_SMALL = 2**24
_HEADER = 2**12
_REQUIRED = ("observations", "actions", "terminals")


def read_ogbench(path: str | pathlib.Path) -> tuple[Episodes, Episodes | None]:
    """Read a data set of OGBench.

    The layout marks each episode's last state, with an action that leads nowhere. It has no
    rewards, which are read as 0, and does not say why an episode ended: all are read as cut.

    Args:
        path: The file of training, NAME.npz; validation is NAME-val.npz.

    Returns:
        The episodes to train on and, if there is that file, those to validate on.

    Raises:
        UserError: If a file is missing, damaged, or of another layout.
    """
    path = pathlib.Path(path)
    validation = _validation(path)
    return _read(path), _read(validation) if validation.exists() else None


def write_ogbench(
    path: str | pathlib.Path, train: Episodes, validation: Episodes | None = None
) -> None:
    """Write a data set in OGBench's layout; rewards, labels and causes of ends are lost.

    Raises:
        UserError: If a file is there already or cannot be written.
    """
    path = pathlib.Path(path)
    for file, episodes in ((path, train), (_validation(path), validation)):
        if episodes is None:
            continue
        episodes.check("the new data set")
        last = np.zeros(len(episodes.observations), bool)
        last[episodes.first_states + episodes.lengths] = True
        actions = np.zeros((len(last), episodes.actions.shape[1]), np.float32)
        actions[~last] = episodes.actions
        arrays: dict[str, Any] = {
            "observations": episodes.observations,
            "actions": actions,
            "terminals": last.astype(np.float32),
        }
        if episodes.qpos.shape[1]:
            arrays |= {"qpos": episodes.qpos, "qvel": episodes.qvel}
        with written_whole(file) as partial:
            np.savez_compressed(partial, **arrays)


def _validation(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f"{path.stem}-val{path.suffix}")


def _read(path: pathlib.Path) -> Episodes:
    try:
        arrays = _read_arrays(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: name a file of OGBench.") from error
    except (
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is damaged ({reason}): get it from its source again.") from error
    episodes = _to_episodes(arrays, path)
    episodes.check(str(path))
    return episodes


def _read_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no ordinary file")
    most_bytes = max(_SMALL, _LARGEST_RATIO * found.st_size)
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in (*_REQUIRED, "qpos", "qvel"):
            if names.count(f"{name}.npy") != 1:
                if name in _REQUIRED or f"{name}.npy" in names:
                    raise ValueError(f"{name} are not in it, or twice")
                continue
            if archive.getinfo(f"{name}.npy").file_size > most_bytes:
                raise ValueError(f"{name} are far larger than the file")
            with archive.open(f"{name}.npy") as entry:
                content = entry.read(most_bytes + 1)
            arrays[name] = _parse(content, name)
    return arrays


def _parse(content: bytes, name: str) -> np.ndarray:
    """Read an array of numbers of whatever shape."""
    shape, _, dtype = read_header(io.BytesIO(content[:_HEADER]), name)
    if dtype.kind not in "fiub":
        raise ValueError(f"{name} are {dtype}, no numbers")
    with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused.
        return parse_array(content, name, shape, dtype).astype(np.float32)


def _to_episodes(arrays: dict[str, np.ndarray], path: pathlib.Path) -> Episodes:
    terminals = arrays["terminals"]
    if terminals.ndim != 1 or not np.all((terminals == 0) | (terminals == 1)):
        raise UserError(f"{path}: terminals are neither true nor false.")
    n_states = len(terminals)
    for name, array in arrays.items():
        if len(array) != n_states or (array.ndim != 2 and name != "terminals"):
            raise UserError(
                f"{path}: {name} are of shape {array.shape}, where {n_states} rows were expected."
            )
    if not n_states or not terminals[-1]:
        raise UserError(f"{path} does not end with the end of an episode: get it again.")
    last = terminals.astype(bool)
    lengths = np.diff(np.flatnonzero(last), prepend=-1) - 1
    nothing = np.zeros((n_states, 0), np.float32)
    has_physics = {"qpos", "qvel"} <= set(arrays)
    truncated = np.concatenate([last[1:], [False]])[~last]
    return Episodes(
        observations=arrays["observations"],
        qpos=arrays["qpos"] if has_physics else nothing,
        qvel=arrays["qvel"] if has_physics else nothing,
        actions=arrays["actions"][~last],
        rewards=np.zeros(len(truncated), np.float32),
        terminated=np.zeros(len(truncated), bool),
        truncated=truncated,
        lengths=lengths.astype(np.int64),
        labels=({},) * len(lengths),
    )
