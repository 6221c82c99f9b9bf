"""HDF5 files that came from somewhere: arrays of numbers in the file itself, and nothing else."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np

from metaskill.errors import UserError

_LARGEST_RATIO = 200  # Compressed robot data shrinks to a fifth; only zeros shrink like this.
_SMALL = 2**24  # Bytes that any file may ask for.


def require_h5py() -> Any:
    """Import h5py.

    Raises:
        UserError: If it is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise UserError(
            "HDF5 files need h5py, which is not installed: pip install 'metaskill[offline]'."
        ) from error
    return h5py


@contextlib.contextmanager
def open_hdf5(path: pathlib.Path) -> Iterator["Reader"]:
    """Open a file to read arrays from.

    Raises:
        UserError: If h5py is missing, or the file is missing or damaged, here or while it is
            read.
    """
    h5py = require_h5py()
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path} does not exist, or is no ordinary file: name an HDF5 file.")
    try:
        with h5py.File(path, "r") as file:
            yield Reader(file, path)
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError, LookupError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is damaged ({reason}): get it from its source again.") from error


class Reader:
    """Reads arrays out of a group of an open file.

    What HDF5 offers beside arrays could make a file read other files: links to them, data
    stored in them, views of them. All of that is refused, and so are objects, and arrays that
    are far larger than the file.
    """

    def __init__(self, group: Any, path: pathlib.Path):
        """Read from a group.

        Args:
            group: An open h5py file or group.
            path: The file, for errors.
        """
        self._group = group
        self._path = path
        self._h5py = require_h5py()
        self._most_bytes = max(_SMALL, _LARGEST_RATIO * path.stat().st_size)

    @property
    def names(self) -> list[str]:
        """What is in the group."""
        return list(self._group)

    def attribute(self, name: str) -> Any:
        """Return an attribute of the group; None where there is none."""
        return self._group.attrs.get(name)

    def group(self, name: str) -> "Reader":
        """Return a group within."""
        found = self._member(name)
        if not isinstance(found, self._h5py.Group):
            raise UserError(f"{self._path}: {name} is no group, so the layout is another.")
        return Reader(found, self._path)

    def has_group(self, name: str) -> bool:
        """Whether there is a group of that name."""
        return name in self._group and isinstance(self._member(name), self._h5py.Group)

    def matrix(self, name: str) -> np.ndarray:
        """Read an array of numbers with two axes.

        Raises:
            UserError: If it is not there, or anything else.
        """
        values = self.array(name)
        if values.ndim != 2:
            raise UserError(
                f"{self._path}: {name} are of shape {values.shape}, no rows of numbers."
            )
        return values

    def array(self, name: str, dtype: Any = np.float32) -> np.ndarray:
        """Read an array of numbers.

        Raises:
            UserError: If it is not there, or anything but an array of numbers.
        """
        found = self._member(name)
        if not isinstance(found, self._h5py.Dataset):
            raise UserError(f"{self._path}: {name} is no array, so the layout is another.")
        if found.is_virtual or found.external:
            raise UserError(f"{self._path}: {name} is stored in another file: refused.")
        if found.dtype.kind not in "fiub" or found.shape is None:
            raise UserError(f"{self._path}: {name} are {found.dtype}, no numbers.")
        if found.size * found.dtype.itemsize > self._most_bytes:
            raise UserError(
                f"{self._path}: {name} of shape {found.shape} are far larger than the file."
            )
        values = np.asarray(found[()])
        if dtype is bool and not np.all((values == 0) | (values == 1)):
            raise UserError(f"{self._path}: {name} are neither true nor false.")
        with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused.
            return values.astype(dtype)

    def _member(self, name: str) -> Any:
        link = self._group.get(name, getlink=True) if name in self._group else None
        if link is None:
            raise UserError(
                f"{self._path} has no {name!r} where it was expected: the layout is another."
            )
        if not isinstance(link, self._h5py.HardLink):
            raise UserError(f"{self._path}: {name} is a link to somewhere else: refused.")
        return self._group[name]


@contextlib.contextmanager
def written_whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give a name to write a file under, which gets its own name when the block has ended.

    Raises:
        UserError: If the file is there already or cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise UserError(f"{path} is there already: choose another name, or delete that file.")
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.rename(partial, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write to {path} ({reason}): free some space or choose a writable folder."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
