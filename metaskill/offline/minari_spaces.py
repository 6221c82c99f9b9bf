"""Spaces of Minari: what observations and actions are made of, and which parts are read."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits, Given, limits_of, require_continuous
from metaskill.offline.hdf5 import Reader

_INDEX = re.compile(r"_index_(\d{1,9})")
_CATEGORIES = ("Discrete", "MultiDiscrete")
_USUAL = ("observation", "desired_goal")  # Of environments with goals, in Gymnasium-Robotics.
_MOST_NAMED = 20


@dataclasses.dataclass(frozen=True)
class Space:
    """A space, as the metadata describe it.

    Attributes:
        kind: `Box`, `Dict`, `Tuple`, `Discrete` and so on.
        record: All that the metadata say of it.
        parts: The spaces of a `Dict` or a `Tuple`, by name or by number.
    """

    kind: str
    record: Mapping[str, Any]
    parts: tuple[tuple[str, "Space"], ...] = ()

    def leaves(self, path: str = "") -> Iterator[tuple[str, "Space"]]:
        """List the spaces that have no parts, in order, by their paths."""
        if self.kind not in ("Dict", "Tuple"):
            yield path, self
        for name, part in self.parts:
            yield from part.leaves(f"{path}/{name}" if path else name)


def parse_space(text: Any) -> Space | None:
    """Read a space from the metadata; None where they have none.

    Raises:
        ValueError: If that is no space.
    """
    record = json.loads(text) if isinstance(text, str) else text
    if record is None:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        raise ValueError("a space has no type")
    kind, within = record["type"], record.get("subspaces", ())
    if kind == "Dict" and isinstance(within, dict):
        named = list(within.items())
    elif kind == "Tuple" and isinstance(within, list):
        named = [(str(number), part) for number, part in enumerate(within)]
    elif kind in ("Dict", "Tuple"):
        raise ValueError("a space has no parts")
    else:
        named = []
    parts = [(name, parse_space(part)) for name, part in named]
    return Space(kind, record, tuple((name, part) for name, part in parts if part is not None))


def read_observations(
    group: Reader, chosen: Sequence[str], space: Space | None, where: str
) -> tuple[np.ndarray, dict[str, str]]:
    """Read the observations of an episode as one array.

    Args:
        group: The episode.
        chosen: Names of the parts that are joined, in order, of a `Dict` or a `Tuple`; the name
            of a part that has parts itself stands for all of them, and `a/b` for one.
        space: The space; None where the metadata have none.
        where: What to call the data in errors.

    Returns:
        The observations; and those parts that were not chosen, from the name to the path in the
        group.

    Raises:
        UserError: If observations have parts and none is chosen, or the other way round, or a
            chosen part is no row of numbers.
    """
    if not group.has_group("observations"):
        if chosen:
            raise UserError(
                f"{where}: observations are one array, without parts to choose: leave "
                "observations=... (--observations) out."
            )
        return _matrix(group, "observations", space, "observations", where), {}
    paths = _parts(group, "observations", space)
    kind = space.kind if space else _kind(group, "observations")
    listed = _listed(paths)
    if not chosen:
        usual = [name for name in _USUAL if name in paths] or list(paths)[:2]
        raise UserError(
            f"{where}: observations are a {kind} of {listed}, no single array: choose which of "
            f"them are joined, in order, such as observations={tuple(usual)} "
            f"(--observations={','.join(usual)})."
        )
    kinds = dict(space.leaves()) if space else {}
    names: list[str] = []
    for wanted in chosen:
        found = [name for name in paths if name == wanted or name.startswith(f"{wanted}/")]
        if not found or set(found) & set(names):
            what = "are chosen twice" if found else f"have no part {wanted!r}"
            raise UserError(f"{where}: observations, a {kind} of {listed}, {what}.")
        names += found
    columns = [_matrix(group, paths[n], kinds.get(n), f"the part {n}", where) for n in names]
    _require_same_rows(columns, names, where)
    rest = {name: path for name, path in paths.items() if name not in names}
    return np.concatenate(columns, axis=1), rest


def read_actions(
    group: Reader, space: Space | None, given: Given | None, where: str
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Read the actions of an episode as one array, in their own units.

    Args:
        group: The episode.
        space: The space; None where the metadata have none.
        given: Limits that count instead of the space's; None for none.
        where: What to call the data in errors.

    Returns:
        The actions, and the numbers of columns of the boxes that they are joined from.

    Raises:
        UserError: If actions are anything but a `Box`, or a `Dict` or `Tuple` of boxes.
    """
    leaves = dict(space.leaves()) if space else {}
    others = sorted({leaf.kind for leaf in leaves.values()} - {"Box"})
    if others:
        raise UserError(
            f"{where}: actions are {' and '.join(others)}, no Box: metaskill learns from "
            "continuous actions, so choose another data set."
        )
    paths = {"": "actions"}
    if group.has_group("actions"):
        paths = _parts(group, "actions", space)
    if space and paths.keys() != leaves.keys():
        raise UserError(f"{where}: actions have not the parts of their space: get it again.")
    columns: list[np.ndarray] = []
    for name, path in paths.items():
        values = group.array(path, None)
        if name in leaves and values.ndim == 1:
            values = values[:, None]
        require_continuous(values, leaves.get(name) or given, where)
        columns.append(values if values.ndim == 2 else group.matrix(path))
    _require_same_rows(columns, list(paths), where)
    return np.concatenate(columns, axis=1), tuple(column.shape[1] for column in columns)


def limits_of_space(
    space: Space | None, given: Given | None, sizes: Sequence[int], where: str
) -> ActionLimits | None:
    """Return the limits of actions.

    Args:
        space: The space of actions; None where the metadata have none.
        given: Limits that count instead of the space's; None for none.
        sizes: Numbers of columns of the boxes in the space.
        where: What to call the data in errors.

    Raises:
        UserError: If they do not fit the actions.
    """
    if given is not None:
        return limits_of(given, sum(sizes), where)
    if space is None:
        return None
    boxes = [
        limits_of((leaf.record.get("low"), leaf.record.get("high")), size, f"{where}: action_space")
        for (_, leaf), size in zip(space.leaves(), sizes, strict=True)
    ]
    low, high = (tuple(n for box in boxes for n in getattr(box, s)) for s in ("low", "high"))
    return ActionLimits(low, high)


def _matrix(group: Reader, path: str, space: Space | None, what: str, where: str) -> np.ndarray:
    """Read the observations of one space as rows of numbers."""
    values = group.array(path, None) if space is None or space.kind != "Text" else None
    kind = space.kind if space else "Discrete" if _counts(values) else "Box"
    if values is None or kind in _CATEGORIES:
        raise UserError(
            f"{where}: {what} of observations is {kind}, no quantities: metaskill learns from "
            "rows of numbers, so choose other parts, or another data set."
        )
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise UserError(
            f"{where}: {what} of observations is of shape {values.shape[1:]}, a picture or a "
            "matrix: metaskill learns from rows of numbers, so choose other parts, or another "
            "data set."
        )
    with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused.
        return values.astype(np.float32)


def _counts(values: np.ndarray | None) -> bool:
    return values is not None and values.ndim == 1 and values.dtype.kind in "iu"


def _parts(group: Reader, name: str, space: Space | None) -> dict[str, str]:
    """Return the arrays of a group, from their names to their paths, in the order of the space."""
    found = {
        "/".join(_INDEX.sub(r"\1", part) for part in leaf.split("/")): f"{name}/{leaf}"
        for leaf in group.group(name).leaves()
    }
    order = [path for path, _ in space.leaves()] if space else []
    places = {path: place for place, path in enumerate(order)}
    # By number where a name is one: 10 comes after 9.
    natural = sorted(found, key=lambda n: [(p.isdigit(), p.zfill(9)) for p in n.split("/")])
    return {n: found[n] for n in sorted(natural, key=lambda n: places.get(n, len(places)))}


def _kind(group: Reader, name: str) -> str:
    within = group.group(name).names
    return "Tuple" if within and all(map(_INDEX.fullmatch, within)) else "Dict"


def _listed(names: Mapping[str, str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(list(names)[:_MOST_NAMED]) + more


def _require_same_rows(columns: list[np.ndarray], names: list[str], where: str) -> None:
    if not columns or len({len(column) for column in columns}) > 1:
        rows = {name: len(column) for name, column in zip(names, columns, strict=True)}
        raise UserError(
            f"{where}: parts have different numbers of rows, or there are none: {rows}."
        )
