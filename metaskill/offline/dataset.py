"""A data set on disk: a folder with a manifest and shards, whole or not there."""

import json
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterable
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits
from metaskill.offline.episodes import Episodes, concatenate
from metaskill.offline.labels import Excluding
from metaskill.offline.manifest import FILE, ExtraColumn, Manifest, Shard, Sizes, read_manifest
from metaskill.offline.shards import read_shard, write_shard


def require_free(folder: str | pathlib.Path) -> None:
    """Check that a data set can be written to a folder: before collecting it for an hour.

    Raises:
        UserError: If something is there already, or it cannot be written.
    """
    folder = pathlib.Path(folder)
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} is there already: choose another folder, or delete that one.")
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def write_dataset(
    folder: str | pathlib.Path,
    env: str,
    batches: Iterable[Episodes],
    collected_by: dict[str, Any] | None = None,
) -> Manifest:
    """Write a data set, which appears under its name only when it is whole.

    Args:
        folder: Where to; nothing may be there.
        env: The name of the environment.
        batches: The episodes; each batch becomes a shard, and only one is held at a time.
        collected_by: Who or what acted, and how; for people, as JSON.

    Raises:
        UserError: If something is there, or cannot be written, or the episodes are no data
            (then nothing is left behind).
    """
    folder = pathlib.Path(folder).absolute()
    require_free(folder)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir()
        manifest = _write(partial, env, batches, collected_by or {})
        os.rename(partial, folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _write(
    folder: pathlib.Path, env: str, batches: Iterable[Episodes], collected_by: dict[str, Any]
) -> Manifest:
    shards: list[Shard] = []
    lengths: list[int] = []
    labels: list[Any] = []
    kind: tuple[Sizes, tuple[ExtraColumn, ...], ActionLimits | None] | None = None
    for number, batch in enumerate(batches):
        batch.check(f"batch {number} of the new data set")
        found = (sizes_of(batch), extras_of(batch), batch.action_limits)
        kind = kind or found
        for new, old in zip(found, kind, strict=True):
            if new != old:
                raise UserError(f"batch {number} of the new data set has {new}, not {old}.")
        shards.append(write_shard(folder / f"episodes-{number:05d}.npz", batch))
        lengths += batch.lengths.tolist()
        labels += [dict(label) for label in batch.labels]
    if kind is None:
        raise UserError("a data set without episodes cannot be written: collect at least one.")
    sizes, extras, limits = kind
    manifest = Manifest(
        env, sizes, collected_by, tuple(lengths), tuple(labels), tuple(shards), extras, limits
    )
    text = json.dumps(manifest.as_json(), indent=1, allow_nan=False)
    (folder / FILE).write_text(text + "\n")
    return manifest


def read_dataset(
    folder: str | pathlib.Path, excluding: Excluding | None = None
) -> tuple[Manifest, Episodes]:
    """Read a data set, and check all of it.

    Args:
        folder: Where it is.
        excluding: Which episodes to leave out; None for none.

    Returns:
        The manifest of all that is in the folder, and the episodes that are not left out.

    Raises:
        UserError: If it is missing, damaged, or nothing of it is left.
    """
    manifest = read_manifest(folder)
    parts: list[Episodes] = []
    for number in range(len(manifest.shards)):
        part = read_shard(pathlib.Path(folder), manifest, number)
        if excluding is not None:
            part = part.select(np.array([not excluding(label) for label in part.labels]))
        if len(part):
            parts.append(part)
    if not parts:
        raise UserError(f"every episode of {folder} is left out: leave out less.")
    return manifest, concatenate(parts)


def sizes_of(episodes: Episodes) -> Sizes:
    """Return the numbers of columns of episodes."""
    names = ("observations", "qpos", "qvel", "actions")
    return Sizes(**{name: getattr(episodes, name).shape[1] for name in names})


def extras_of(episodes: Episodes) -> tuple[ExtraColumn, ...]:
    """Return what the extra columns of episodes are."""
    return tuple(
        ExtraColumn(name, of_states, array.shape[1:], array.dtype.str)
        for of_states, extras in ((True, episodes.state_extras), (False, episodes.step_extras))
        for name, array in extras.items()
    )


def _cannot_write(folder: pathlib.Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(
        f"cannot write to {folder} ({reason}): free some space or choose a writable folder."
    )
