"""Configurations as trees: frozen dataclasses that hold dataclasses, dictionaries and values.

A path names a place in the tree, such as `env.options.episode_length`: fields of dataclasses,
then names in dictionaries.
"""

import dataclasses
import itertools
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar

from metaskill.checking import hints_of, read
from metaskill.errors import UserError, nearest

ConfigT = TypeVar("ConfigT")

Path = tuple[str, ...]
"""The names that lead to a place."""


@dataclasses.dataclass(frozen=True)
class Assignment:
    """A value for one place of a configuration.

    Attributes:
        given_by: What the user wrote to set the place, such as `--config.ppo.num_envs`.
        path: The place.
        value: The value.
    """

    given_by: str
    path: Path
    value: Any


@dataclasses.dataclass(frozen=True)
class Place:
    """A place that can be set by itself.

    Attributes:
        path: The place.
        hint: The annotation of what the place holds.
        value: What the place holds: a value, or a dictionary.
    """

    path: Path
    hint: Any
    value: Any


def places(config: Any) -> Iterator[Place]:
    """List the values of a configuration, and the dictionaries before their entries."""
    return _places(config, type(config), ())


def with_values(config: ConfigT, values: dict[str, Any], path: str = "config") -> ConfigT:
    """Replace fields of nested dataclasses by a record's values; other fields stay.

    A dictionary that is a field's value is replaced whole: a record says all of its entries.

    Args:
        config: The configuration to start from.
        values: New values by field name, dictionaries of them for dataclasses.
        path: What to call the configuration in errors.

    Raises:
        UserError: If a name is not a field, or a value is not of the field's type or outside its
            range.
    """
    changes = {}
    for name, value in values.items():
        hint = _hint_of_field(config, name, path)
        changes[name] = _whole(value, getattr(config, name), hint, f"{path}.{name}")
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def assign(config: ConfigT, assignments: Sequence[Assignment]) -> ConfigT:
    """Set places of a configuration, all at once, so that values may have to fit each other.

    Of a dictionary, one entry is set and the others stay; a new entry is added. Where one flag
    is given several times, the last one counts.

    Raises:
        UserError: If a place does not exist, is set in two ways, or cannot hold its value.
    """
    require_apart(assignments)
    tree: dict[str, Any] = {}
    for assignment in assignments:
        *groups, name = assignment.path
        inside = tree
        for group in groups:
            inside = inside.setdefault(group, {})
        inside[name] = assignment
    return _assigned(config, tree, type(config), "config")


def require_apart(assignments: Sequence[Assignment]) -> None:
    """Refuse to set one place in two ways, or a place together with a part of it.

    Raises:
        UserError: If two assignments that were written differently meet.
    """
    for one, other in itertools.combinations(assignments, 2):
        short, long = sorted((one, other), key=lambda assignment: len(assignment.path))
        if short.given_by == long.given_by or long.path[: len(short.path)] != short.path:
            continue
        place = ".".join(("config", *short.path))
        if short.path == long.path:
            raise UserError(f"{one.given_by} and {other.given_by} both set {place}: leave one out.")
        raise UserError(
            f"{long.given_by} sets a part of {place}, which is set as a whole too, by "
            f"{short.given_by}: leave one out."
        )


def find_place(config: Any, name: str) -> Path:
    """Return the place that a user means.

    Args:
        config: The configuration.
        name: A path, or the last part of the path of a value, such as `learning_rate`, where no
            other value's path ends alike.

    Raises:
        UserError: If there is no such place, or more than one.
    """
    parts = tuple(name.split("."))
    paths = [place.path for place in places(config)]
    found = [path for path in paths if path[-len(parts) :] == parts]
    if parts in found or (not found and len(parts) > 1 and parts[0] in hints_of(type(config))):
        return parts
    if not found:
        hint = nearest(name, {path[-1] for path in paths})
        raise UserError(f"there is no {name!r} to vary: {hint}")
    if len(found) > 1:
        full = " or ".join(".".join(path) for path in found)
        raise UserError(f"{name!r} may mean several fields: write {full}.")
    return found[0]


def _places(value: Any, hint: Any, path: Path) -> Iterator[Place]:
    if dataclasses.is_dataclass(value):
        for name, field_hint in hints_of(type(value)).items():
            yield from _places(getattr(value, name), field_hint, (*path, name))
        return
    yield Place(path, hint, value)
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, _hint_of_entries(hint), (*path, name))


def _hint_of_entries(hint: Any) -> Any:
    """Return the annotation of a dictionary's values."""
    if typing.get_origin(hint) is Annotated:
        hint = hint.__origin__
    return typing.get_args(hint)[1] if typing.get_origin(hint) is dict else Any


def _hint_of_field(config: Any, name: str, path: str) -> Any:
    hints = hints_of(type(config))
    if name not in hints:
        raise UserError(f"{path} has no field {name!r}: {nearest(name, hints)}")
    return hints[name]


def _whole(value: Any, current: Any, hint: Any, path: str) -> Any:
    """Return what a place holds that is set as a whole."""
    if not dataclasses.is_dataclass(current):
        return read(value, hint, path)
    if not isinstance(value, dict):
        raise UserError(f"{path} is a group of fields: set one of them, {path}.FIELD.")
    return with_values(current, value, path)


def _assigned(current: Any, change: Any, hint: Any, path: str) -> Any:
    """Return what a place holds after an assignment to it, or to places inside."""
    if isinstance(change, Assignment):
        return _whole(change.value, current, hint, path)
    if dataclasses.is_dataclass(current):
        changes = {
            name: _assigned(
                getattr(current, name, None),
                inside,
                _hint_of_field(current, name, path),
                f"{path}.{name}",
            )
            for name, inside in change.items()
        }
        return dataclasses.replace(current, **changes)  # type: ignore[type-var]
    if not isinstance(current, dict):
        raise UserError(f"{path} is {current!r}, which has no part {next(iter(change))!r} to set.")
    entries = {
        name: _assigned(current.get(name, {}), inside, _hint_of_entries(hint), f"{path}.{name}")
        for name, inside in change.items()
    }
    return {**current, **entries}
