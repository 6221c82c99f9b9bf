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

    def __init__(self, group: Any, path: pathlib.Path, budget: "_Budget | None" = None):
        """Read from a group.

        Args:
            group: An open h5py file or group.
            path: The file, for errors.
            budget: What the arrays of the file may still take; None for a file of this size.
        """
        self._group = group
        self._path = path
        self._h5py = require_h5py()
        self._budget = budget or _Budget(max(_SMALL, _LARGEST_RATIO * path.stat().st_size))

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
        return Reader(found, self._path, self._budget)

    def has_group(self, name: str) -> bool:
        """Whether there is a group of that name."""
        return name in self._group and isinstance(self._member(name), self._h5py.Group)

    def leaves(self) -> list[str]:
        """List the arrays in this group and in those within, by their paths.

        Links are listed too: whoever reads one is refused.

        Raises:
            ValueError: If a group lies in itself, or in two others.
        """
        return self._leaves_of(self._group, "", {self._group})

    def _leaves_of(self, group: Any, prefix: str, seen: set[Any]) -> list[str]:
        found: list[str] = []
        for name in group:
            link = group.get(name, getlink=True)
            inside = group[name] if isinstance(link, self._h5py.HardLink) else None
            if not isinstance(inside, self._h5py.Group):
                found.append(f"{prefix}{name}")
                continue
            if inside in seen:
                raise ValueError(f"the group {prefix}{name} is in it twice")
            seen.add(inside)
            found += self._leaves_of(inside, f"{prefix}{name}/", seen)
        return found

    def holds_numbers(self, name: str) -> bool:
        """Whether a path leads to an array of numbers in the file itself."""
        found = self._member(name)
        return (
            isinstance(found, self._h5py.Dataset)
            and not (found.is_virtual or found.external)
            and found.dtype.kind in "fiub"
            and found.shape is not None
        )

    def matrix(self, name: str) -> np.ndarray:
        """Read an array of numbers with two axes.

        Raises:
            UserError: If it is not there, or anything else.
        """
        values = self.array(name)
        if values.ndim != 2:
            pictures = ": pictures or matrices cannot be read" if values.ndim > 2 else ""
            raise UserError(
                f"{self._path}: {name} are of shape {values.shape}, no rows of numbers{pictures}."
            )
        return values

    def column(self, name: str, dtype: Any = np.float32) -> np.ndarray:
        """Read an array with a number for each row, which may stand in a column of its own.

        Raises:
            UserError: If it is not there, or anything else.
        """
        values = self.array(name, dtype)
        if values.ndim == 2 and values.shape[1] == 1:
            return values[:, 0]
        if values.ndim != 1:
            raise UserError(
                f"{self._path}: {name} are of shape {values.shape}, not one number a row."
            )
        return values

    def array(self, name: str, dtype: Any = np.float32) -> np.ndarray:
        """Read an array of numbers.

        Args:
            name: Its path from this group.
            dtype: The type to return it in; None for its own.

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
        if not self._budget.take(found.size * found.dtype.itemsize):
            raise UserError(
                f"{self._path}: {name} of shape {found.shape} are far larger than the file."
            )
        values = np.asarray(found[()])
        if dtype is None:
            return values
        if dtype is bool and not np.all((values == 0) | (values == 1)):
            raise UserError(f"{self._path}: {name} are neither true nor false.")
        with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused.
            return values.astype(dtype)

    def _member(self, path: str) -> Any:
        group = self._group
        for name in path.split("/"):
            inside = isinstance(group, self._h5py.Group) and name in group
            link = group.get(name, getlink=True) if inside else None
            if link is None:
                raise UserError(
                    f"{self._path} has no {path!r} where it was expected: the layout is another."
                )
            if not isinstance(link, self._h5py.HardLink):
                raise UserError(f"{self._path}: {path} is a link to somewhere else: refused.")
            group = group[name]
        return group


class _Budget:
    """Bytes that the arrays of a file may take, all together."""

    def __init__(self, most_bytes: int):
        self._left = most_bytes

    def take(self, n_bytes: int) -> bool:
        """Take some; whether there were as many."""
        self._left -= n_bytes
        return self._left >= 0


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
