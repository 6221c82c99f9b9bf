"""One file of arrays, read as if an enemy had written it: nothing in it is ever unpickled."""

import hashlib
import io
import os
import pathlib
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy

from metaskill.errors import UserError
from metaskill.offline.episodes import OF_STATES, OF_STEPS, Episodes
from metaskill.offline.manifest import ExtraColumn, Manifest, Shard, Sizes


def write_shard(path: pathlib.Path, episodes: Episodes) -> Shard:
    """Write episodes as the arrays of an npz file, uncompressed."""
    arrays = {name: getattr(episodes, name) for name in (*OF_STATES, *OF_STEPS)}
    arrays |= {_entry(name, True): array for name, array in episodes.state_extras.items()}
    arrays |= {_entry(name, False): array for name, array in episodes.step_extras.items()}
    content = io.BytesIO()
    np.savez(content, **arrays)
    data = content.getvalue()
    path.write_bytes(data)
    return Shard(path.name, hashlib.sha256(data).hexdigest(), len(data), len(episodes))


def read_shard(folder: pathlib.Path, manifest: Manifest, number: int) -> Episodes:
    """Read the arrays of the shard of a number, having checked that they are the manifest's.

    How large an array is follows from the manifest, and entries are not compressed, so no file
    can make this read more than its own size into memory.

    Raises:
        UserError: If the file is missing, damaged, or anything but what the manifest says.
    """
    shard = manifest.shards[number]
    path = folder / shard.file
    first = sum(shard.episodes for shard in manifest.shards[:number])
    lengths = manifest.lengths[first : first + shard.episodes]
    labels = manifest.labels[first : first + shard.episodes]
    expected = shapes(manifest.sizes, sum(lengths), len(lengths), manifest.extras)
    try:
        arrays = _read(path, shard, expected)
    except FileNotFoundError as error:
        raise UserError(
            f"{path} is missing, with {shard.episodes} episodes that the manifest counts: restore "
            "it from a copy, or collect the data again."
        ) from error
    except (
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        NotImplementedError,  # An unknown compression.
        RuntimeError,  # A password.
    ) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{path} is damaged ({' '.join(reason.split())[:200]}): restore it from a copy, or "
            "collect the data again."
        ) from error
    state_extras, step_extras = (
        {extra.name: arrays.pop(_entry(extra.name, of_states))
         for extra in manifest.extras if extra.of_states == of_states}
        for of_states in (True, False)
    )  # fmt: skip
    episodes = Episodes(
        **arrays,
        lengths=np.array(lengths, np.int64),
        labels=labels,
        action_limits=manifest.action_limits,
        state_extras=state_extras,
        step_extras=step_extras,
    )
    episodes.check(str(path))
    return episodes


def shapes(
    sizes: Sizes, n_steps: int, n_episodes: int, extras: Sequence[ExtraColumn] = ()
) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Return the shape and the type of every array."""
    n_states = n_steps + n_episodes
    float32, boolean = np.dtype("<f4"), np.dtype(bool)
    return {
        "observations": ((n_states, sizes.observations), float32),
        "qpos": ((n_states, sizes.qpos), float32),
        "qvel": ((n_states, sizes.qvel), float32),
        "actions": ((n_steps, sizes.actions), float32),
        "rewards": ((n_steps,), float32),
        "terminated": ((n_steps,), boolean),
        "truncated": ((n_steps,), boolean),
        **{
            _entry(extra.name, extra.of_states): (
                (n_states if extra.of_states else n_steps, *extra.shape),
                np.dtype(extra.dtype),
            )
            for extra in extras
        },
    }


def _entry(name: str, of_states: bool) -> str:
    """Return the name of an extra column among the arrays of a shard."""
    return f"{'state' if of_states else 'step'}_extras/{name}"


def _read(
    path: pathlib.Path, shard: Shard, expected: dict[str, tuple[tuple[int, ...], Any]]
) -> dict[str, np.ndarray]:
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):  # A link may lead anywhere, a pipe never end.
        raise ValueError("it is no ordinary file")
    if found.st_size != shard.bytes:
        raise ValueError(f"it has {found.st_size} bytes, not {shard.bytes}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise ValueError("its checksum is not the manifest's")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if sorted(entry.filename for entry in entries) != sorted(
            f"{name}.npy" for name in expected
        ):
            raise ValueError(f"its arrays are not {', '.join(expected)}")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its arrays are compressed")
        return {
            name: parse_array(archive.read(f"{name}.npy"), name, *expected[name])
            for name in expected
        }


def parse_array(
    content: bytes, name: str, shape: tuple[int, ...], dtype: Any, by_column: bool = False
) -> np.ndarray:
    """Read an array of a known shape, type and order from the bytes of an npy file.

    The header is compared before anything is made of it, so that none can ask for an object,
    which would have to be unpickled, or for more memory than there is.

    Raises:
        ValueError: If it is another array, or none.
    """
    stream = io.BytesIO(content)
    found_shape, is_fortran, found_dtype = read_header(stream, name)
    has_order = len(found_shape) > 1 and min(found_shape) > 1
    if found_shape != shape or found_dtype != dtype or (has_order and is_fortran != by_column):
        raise ValueError(
            f"{name} are {found_dtype} of shape {found_shape}, where {dtype} of shape {shape} "
            "were expected"
        )
    data = content[stream.tell() :]
    if len(data) != int(np.prod(shape, dtype=object)) * dtype.itemsize:
        raise ValueError(f"{name} are cut off or too long")
    order: Literal["F", "C"] = "F" if by_column else "C"
    if dtype != np.dtype(bool):
        return np.frombuffer(data, dtype).reshape(shape, order=order)
    array = np.frombuffer(data, np.uint8).reshape(shape, order=order)
    if np.any(array > 1):
        raise ValueError(f"{name} are neither true nor false")
    return array.astype(bool)


def read_header(stream: io.BytesIO, name: str) -> tuple[tuple[int, ...], bool, Any]:
    """Read the header of an npy file: shape, whether columns come first, and type.

    Raises:
        ValueError: If there is none.
    """
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} are in an unknown version of npy")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        header: tuple[tuple[int, ...], bool, Any] = read(stream)
    except (
        SyntaxError,
        TypeError,
        OverflowError,
        MemoryError,
        RecursionError,
        tokenize.TokenError,
    ) as error:
        raise ValueError(f"{name} have no header that can be read") from error
    return header
