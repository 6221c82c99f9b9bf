"""Archives of arrays that came from somewhere: numbers, and nothing else is made of them."""

import collections
import io
import os
import pathlib
import stat
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.shards import parse_array, read_header

_LARGEST_RATIO = 200  # Of all arrays to the file.
_SMALL = 2**24
_HEADER = 2**12


def read_npz(
    path: pathlib.Path, required: Sequence[str]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the arrays of an npz file.

    Args:
        path: The file.
        required: Names of arrays that have to be there.

    Returns:
        All arrays of numbers by name, and the names of other entries.

    Raises:
        UserError: If the file is missing or damaged, or a required array is not there or is
            anything but numbers.
    """
    try:
        return _read(path, required)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: name an npz file.") from error
    except (
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        NotImplementedError,  # An unknown compression.
        RuntimeError,  # A password.
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is damaged ({reason}): get it from its source again.") from error


def _read(path: pathlib.Path, required: Sequence[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no ordinary file")
    left = max(_SMALL, _LARGEST_RATIO * found.st_size)
    arrays: dict[str, np.ndarray] = {}
    others: list[str] = []
    with zipfile.ZipFile(path) as archive:
        entries = collections.Counter(archive.namelist())
        for name in required:
            if f"{name}.npy" not in entries:
                raise ValueError(f"{name} are not in it")
        for entry, count in entries.items():
            name = entry.removesuffix(".npy")
            if count != 1:
                raise ValueError(f"{name} are in it twice")
            if name == entry:
                others.append(entry)
                continue
            size = archive.getinfo(entry).file_size
            left -= size
            if left < 0:
                raise ValueError(f"{name} are far larger than the file")
            with archive.open(entry) as opened:
                content = opened.read(size + 1)
            shape, is_fortran, dtype = read_header(io.BytesIO(content[:_HEADER]), name)
            if dtype.kind in "fiub":
                arrays[name] = parse_array(content, name, shape, dtype, is_fortran)
            elif name in required:
                raise ValueError(f"{name} are {dtype}, no numbers")
            else:
                others.append(name)
    return arrays, others
