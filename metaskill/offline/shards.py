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
from typing import Any

import numpy as np
from numpy.lib import format as npy

from metaskill.errors import UserError
from metaskill.offline.episodes import OF_STATES, OF_STEPS, Episodes
from metaskill.offline.labels import Labels
from metaskill.offline.manifest import Shard, Sizes


def write_shard(path: pathlib.Path, episodes: Episodes) -> Shard:
    """Write episodes as the arrays of an npz file, uncompressed."""
    arrays = {name: getattr(episodes, name) for name in (*OF_STATES, *OF_STEPS)}
    content = io.BytesIO()
    np.savez(content, **arrays)
    data = content.getvalue()
    path.write_bytes(data)
    return Shard(path.name, hashlib.sha256(data).hexdigest(), len(data), len(episodes))


def read_shard(
    folder: pathlib.Path,
    shard: Shard,
    sizes: Sizes,
    lengths: Sequence[int],
    labels: Sequence[Labels],
) -> Episodes:
    """Read the arrays of a shard, having checked that they are what the manifest says.

    How large an array is follows from the manifest, and entries are not compressed, so no file
    can make this read more than its own size into memory.

    Raises:
        UserError: If the file is missing, damaged, or anything but what the manifest says.
    """
    path = folder / shard.file
    try:
        arrays = _read(path, shard, sizes, sum(lengths), len(lengths))
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
    episodes = Episodes(**arrays, lengths=np.array(lengths, np.int64), labels=tuple(labels))
    episodes.check(str(path))
    return episodes


def shapes(sizes: Sizes, n_steps: int, n_episodes: int) -> dict[str, tuple[tuple[int, ...], Any]]:
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
    }


def _read(
    path: pathlib.Path, shard: Shard, sizes: Sizes, n_steps: int, n_episodes: int
) -> dict[str, np.ndarray]:
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):  # A link may lead anywhere, a pipe never end.
        raise ValueError("it is no ordinary file")
    if found.st_size != shard.bytes:
        raise ValueError(f"it has {found.st_size} bytes, not {shard.bytes}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise ValueError("its checksum is not the manifest's")
    expected = shapes(sizes, n_steps, n_episodes)
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


def parse_array(content: bytes, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Read an array of a known shape and type from the bytes of an npy file.

    The header is compared before anything is made of it, so that none can ask for an object,
    which would have to be unpickled, or for more memory than there is.

    Raises:
        ValueError: If it is another array, or none.
    """
    stream = io.BytesIO(content)
    found_shape, is_fortran, found_dtype = read_header(stream, name)
    is_fortran = is_fortran and len(found_shape) > 1 and min(found_shape) > 1
    if found_shape != shape or found_dtype != dtype or is_fortran:
        raise ValueError(
            f"{name} are {found_dtype} of shape {found_shape}, where {dtype} of shape {shape} "
            "were expected"
        )
    data = content[stream.tell() :]
    if len(data) != int(np.prod(shape, dtype=object)) * dtype.itemsize:
        raise ValueError(f"{name} are cut off or too long")
    if dtype != np.dtype(bool):
        return np.frombuffer(data, dtype).reshape(shape)
    array = np.frombuffer(data, np.uint8).reshape(shape)
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
