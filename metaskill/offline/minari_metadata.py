"""Metadata of Minari: how a data set is stored, and how many episodes and steps it has."""

import itertools
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from metaskill.errors import UserError

DATA, METADATA = "main_data.hdf5", "metadata.json"
_OTHERS = (".arrow", ".parquet")
_MOST_NAMED = 10


def read_metadata(path: pathlib.Path) -> dict[str, Any]:
    """Read the metadata of a data set.

    Raises:
        UserError: If there are none, or they are damaged.
    """
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path.parent} holds no Minari data set (there is no {path.name} in it).")
    try:
        metadata = json.loads(path.read_bytes())
        if not isinstance(metadata, dict):
            raise ValueError("it is no table")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: get the data set again.") from error
    return metadata


def require_hdf5(data: pathlib.Path, metadata: dict[str, Any]) -> None:
    """Refuse what Minari stores in another format.

    Raises:
        UserError: If it is one.
    """
    stored = metadata.get("data_format")
    if stored is None:  # Minari 0.4 knew no other, and did not say so.
        others = [path.suffix[1:] for path in data.glob("*/*") if path.suffix in _OTHERS]
        stored = others[0] if others and not (data / DATA).exists() else "hdf5"
    if stored != "hdf5":
        raise UserError(
            f"{data} is stored as {str(stored)[:40]!r}, not hdf5: convert it with Minari, by "
            "minari.dataset.minari_storage.MinariStorage.new(..., data_format='hdf5') and its "
            "update_from_storage (docs/skill-priors.md shows how)."
        )


def require_complete(numbers: Sequence[int], metadata: dict[str, Any], data: pathlib.Path) -> None:
    """Refuse a file that has not the episodes that the metadata count.

    Args:
        numbers: Of the episodes that are there.
        metadata: The metadata.
        data: The folder.

    Raises:
        UserError: If one is missing, or is too many.
    """
    there = set(numbers)
    total = _total(metadata, "total_episodes", data)
    expected = max(there) + 1 if total is None else total
    beyond = sorted(number for number in there if number >= expected)
    n_missing = expected - (len(there) - len(beyond))
    counts = f"{len(there)} episodes" + ("" if total is None else f", and {METADATA} says {total}")
    if n_missing:
        missing = (number for number in itertools.count() if number not in there)
        first = [str(number) for number in itertools.islice(missing, min(n_missing, _MOST_NAMED))]
        more = f" and {n_missing - len(first)} more" if n_missing > len(first) else ""
        raise UserError(
            f"{data / DATA} is incomplete: of its episodes {', '.join(first)}{more} are missing "
            f"(it has {counts}): get the data set again."
        )
    if beyond:
        raise UserError(
            f"{data / DATA} has {counts}: one of the files is of another data set, so get both "
            "again."
        )


def require_steps(
    lengths: Sequence[int],
    recorded: Sequence[int | None],
    metadata: dict[str, Any],
    data: pathlib.Path,
) -> None:
    """Refuse episodes of other lengths than the metadata say.

    Args:
        lengths: Steps of each episode.
        recorded: What each episode says of that itself; None where it says nothing.
        metadata: The metadata.
        data: The folder.

    Raises:
        UserError: If an episode, or all together, has other steps.
    """
    for number, (length, said) in enumerate(zip(lengths, recorded, strict=True)):
        if said is not None and said != length:
            raise UserError(
                f"{data / DATA} is incomplete: episode {number} has {length} steps, and says that "
                f"it has {said}: get the data set again."
            )
    total = _total(metadata, "total_steps", data)
    if total is not None and total != sum(lengths):
        raise UserError(
            f"{data / DATA} has {sum(lengths)} steps, and {METADATA} says {total}: get the data "
            "set again."
        )


def _total(metadata: dict[str, Any], name: str, data: pathlib.Path) -> int | None:
    total = metadata.get(name)
    if total is not None and (not isinstance(total, int) or isinstance(total, bool) or total < 0):
        raise UserError(f"{data / METADATA} is damaged ({name} is no count): get it again.")
    return total
