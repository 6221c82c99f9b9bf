"""Values against annotations: what a field or an argument may hold, down to what tuples hold.

A type is checked as `typing` spells it (`tuple[int, ...]`, `dict[str, float]`, `int | None`), a
range as `metaskill.ranges` does (`Annotated[int, AtLeast(1)]`). Numbers are finite unless their
range says otherwise.
"""

import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

import jax
import numpy as np

from metaskill.errors import UserError
from metaskill.ranges import Range

_LARGEST_INTEGER = 2**63 - 1
_LARGEST_TRACED_INTEGER = 2**31 - 1
_LARGEST_TRACED_FLOAT = float(np.finfo(np.float32).max)
_LONGEST_QUOTE = 200
_PLAIN = "a number, a word, True, False, None, or a tuple or dictionary of these"

P = ParamSpec("P")
R = TypeVar("R")


class Checked:
    """A frozen dataclass that refuses values which its annotations do not allow.

    Of a field that may be traced (`float | Array`), Python's numbers are checked alone: JAX makes
    the same dataclasses with tracers, with arrays of a population and with placeholders. Where
    one of them is None, numbers are the axes of `jax.vmap`, and no values.

    A subclass with a `__post_init__` of its own calls this one first.
    """

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            UserError: If a value is not of its type or outside its range.
        """
        hints = hints_of(type(self))
        traced = {name for name, hint in hints.items() if jax.Array in _alternatives(hint)}
        are_axes = any(getattr(self, name) is None for name in traced)
        for name, hint in hints.items():
            value = getattr(self, name)
            if name not in traced or (_is_number(value) and not are_axes):
                read(value, hint, f"{type(self).__name__}.{name}")


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function refuse arguments that its annotations do not allow.

    Lists become tuples, and whole numbers floats, where the annotation says so.
    """
    signature = inspect.signature(function)
    hints = typing.get_type_hints(function, include_extras=True)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if name in hints:
                bound.arguments[name] = read(value, hints[name], name)
        return function(*bound.args, **bound.kwargs)

    return call


def _hints_of(config_class: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(config_class, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_class)}


hints_of: Callable[[Any], dict[str, Any]] = functools.cache(_hints_of)
"""Returns the annotation of every field of a dataclass."""


def ranges_of(hint: Any) -> tuple[Range, ...]:
    """Return the ranges that an annotation declares for the value itself, not its contents."""
    return hint.__metadata__ if typing.get_origin(hint) is Annotated else ()


def describe(hint: Any) -> str:
    """Say what an annotation allows, such as `int, at least 1`."""
    names = []
    for alternative in _alternatives(hint):
        name = describe(alternative) if ranges_of(alternative) else _name(alternative)
        if alternative is Any:
            name = "any value"
        elif _class_of(alternative) is tuple:
            name = f"tuple of {describe(typing.get_args(alternative)[0])}"
        names.append(name)
    return ", ".join([" or ".join(filter(None, names)), *map(str, ranges_of(hint))])


def read(value: Any, hint: Any, where: str) -> Any:
    """Check a value, and return it in the form that its annotation asks for.

    Args:
        value: The value, such as a Python literal or what JSON holds.
        hint: The annotation. `Any` allows what JSON can hold.
        where: What to call the value in errors.

    Returns:
        The value; lists as tuples, which JSON does not have, and whole numbers as floats where
        the annotation says so.

    Raises:
        UserError: If the value is not of its type or outside its range.
    """
    alternatives = _alternatives(hint)
    chosen = [alternative for alternative in alternatives if _accepts(alternative, value)]
    if not chosen:
        names = " or ".join(filter(None, map(_name, alternatives)))
        raise UserError(f"{where} must be {names}, not {_shown(value)}.")
    value = _read_as(value, chosen[0], where)
    _require_countable(value, where, is_traced=jax.Array in alternatives)
    ranges = ranges_of(hint)
    if isinstance(value, int | float | str | tuple):
        for allowed in ranges:
            if not allowed.holds(value):
                raise UserError(allowed.refusal(value, where))
    if not ranges and isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where} is {value!r}: it must be finite.")
    return value


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """Return the types that an annotation allows, without ranges."""
    hint = _without_range(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _without_range(hint: Any) -> Any:
    return hint.__origin__ if typing.get_origin(hint) is Annotated else hint


def _class_of(kind: Any) -> type | None:
    """Return the class that values of a type have; None where there is no telling."""
    kind = _without_range(kind)
    kind = typing.get_origin(kind) or kind
    known = isinstance(kind, type) and kind is not Any and not getattr(kind, "_is_protocol", False)
    return kind if known else None


def _accepts(kind: Any, value: Any) -> bool:
    """Return whether a value is of a type, as far as its outside tells."""
    expected = _class_of(kind)
    if expected is None:
        return True
    if expected is int or expected is float:
        return _is_number(value) and (expected is float or isinstance(value, int))
    return isinstance(value, (tuple, list) if expected is tuple else expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_as(value: Any, kind: Any, where: str) -> Any:
    """Check the contents of a value whose outside is of a type."""
    if ranges_of(kind):  # An alternative, such as the first of `Annotated[int, ...] | None`.
        return read(value, kind, where)
    if kind is Any:
        return _read_plain(value, where)
    expected, inside = _class_of(kind), typing.get_args(kind)
    if expected is float and isinstance(value, int):
        _require_countable(value, where)
        return float(value)
    if expected is tuple:
        return _read_tuple(value, inside or (Any, ...), where)
    if expected is dict:
        keys, values = inside or (Any, Any)
        return {
            read(name, keys, f"a name in {where}"): read(item, values, f"{where}.{name}")
            for name, item in value.items()
        }
    return value


def _read_tuple(value: Any, inside: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if inside[-1] is ...:
        inside = inside[:1] * len(value)
    if len(value) != len(inside):
        raise UserError(f"{where} must hold {len(inside)} values, not {_shown(value)}.")
    return tuple(
        read(item, kind, f"{where}[{i}]")
        for i, (item, kind) in enumerate(zip(value, inside, strict=True))
    )


def _read_plain(value: Any, where: str) -> Any:
    """Check a value of any type that JSON can hold."""
    if isinstance(value, tuple | list):
        return tuple(read(item, Any, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(value, dict):
        return _read_as(value, dict[str, Any], where)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UserError(f"{where} must be {_PLAIN}, not {_shown(value)}.")


def _require_countable(value: Any, where: str, is_traced: bool = False) -> None:
    """Refuse integers beyond 64 bits, and numbers beyond the 32 bits of what is traced."""
    if not _is_number(value):
        return
    if isinstance(value, int):
        too_large = abs(value) > (_LARGEST_TRACED_INTEGER if is_traced else _LARGEST_INTEGER)
    else:
        too_large = is_traced and _LARGEST_TRACED_FLOAT < abs(value) < math.inf
    if too_large:
        raise UserError(
            f"{where} is {_shown(value)}: no count is that large, choose a smaller one."
        )


def _shown(value: Any) -> str:
    """Return a value as errors quote it."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits.
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _name(kind: Any) -> str:
    """Return what to call a type in errors; nothing for arrays, which no one writes down."""
    expected = _class_of(kind)
    if expected is types.NoneType:
        return "None"
    return expected.__name__ if expected is not None and expected is not jax.Array else ""
