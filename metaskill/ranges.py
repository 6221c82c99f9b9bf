"""Ranges of values, as annotations: `discount: Annotated[float, Between(0, 1)] = 0.99`.

`metaskill.checking` enforces the ranges, and `metaskill list EXPERIMENT` prints them.
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Annotated, Any, Protocol

from metaskill.errors import nearest


class Range(Protocol):
    """A set of values. `str` of a range completes the sentence "the value must be ..."."""

    def holds(self, value: Any) -> bool:
        """Return whether a value lies in the range. NaN lies in none."""
        ...

    def refusal(self, value: Any, where: str) -> str:
        """Return the error for a value outside the range.

        Args:
            value: The value.
            where: The full name of the field that has the value.
        """
        ...


class _NumberRange:
    def refusal(self, value: Any, where: str) -> str:
        """Name the field, the value and the range."""
        return f"{where} is {value!r}: it must be {self}."


@dataclasses.dataclass(frozen=True)
class Between(_NumberRange):
    """The numbers from `low` to `high`, both included. An end of `math.inf` allows infinity.

    Attributes:
        low: The smallest number.
        high: The largest number.
    """

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return whether low <= value <= high."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"between {self.low} and {self.high}"


@dataclasses.dataclass(frozen=True)
class HalfOpen(_NumberRange):
    """The numbers from `low` up to, but without, `high`.

    Attributes:
        low: The smallest number.
        high: The end, which is no value itself.
    """

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return whether low <= value < high."""
        return self.low <= value < self.high

    def __str__(self) -> str:
        return f"between {self.low} and {self.high}, and less than {self.high}"


@dataclasses.dataclass(frozen=True)
class AtLeast(_NumberRange):
    """The finite numbers from `least` on.

    Attributes:
        least: The smallest number.
        reason: Why there is nothing smaller, for the error; empty where that is plain.
    """

    least: float
    reason: str = ""

    def holds(self, value: float) -> bool:
        """Return whether a finite value is at least `least`."""
        return self.least <= value < math.inf

    def __str__(self) -> str:
        return f"at least {self.least}" + (f" ({self.reason})" if self.reason else "")


@dataclasses.dataclass(frozen=True)
class Above(_NumberRange):
    """The finite numbers above `bound`.

    Attributes:
        bound: The end, which is no value itself.
    """

    bound: float

    def holds(self, value: float) -> bool:
        """Return whether a finite value is above `bound`."""
        return self.bound < value < math.inf

    def __str__(self) -> str:
        return f"above {self.bound}"


@dataclasses.dataclass(frozen=True)
class NotEmpty:
    """The tuples with at least one value."""

    def holds(self, value: tuple[Any, ...]) -> bool:
        """Return whether a tuple has values."""
        return len(value) > 0

    def refusal(self, value: Any, where: str) -> str:
        """Ask for a value."""
        return f"{where} is {value!r}: it must not be empty."

    def __str__(self) -> str:
        return "not empty"


@dataclasses.dataclass(frozen=True, init=False)
class OneOf:
    """One of some names.

    Attributes:
        names: The names.
        noun: What the names are names of; empty: the field's own name.
    """

    names: tuple[str, ...]
    noun: str

    def __init__(self, names: Iterable[str], noun: str = ""):
        """Keep the names, such as the keys of a dictionary."""
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "noun", noun)

    def holds(self, value: str) -> bool:
        """Return whether a name is one of `names`."""
        return value in self.names

    def refusal(self, value: Any, where: str) -> str:
        """Suggest the nearest name."""
        noun = self.noun or where.rpartition(".")[2]
        return f"no {noun} is called {value!r} ({where}): {nearest(value, self.names)}"

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"


Count = Annotated[int, AtLeast(1)]
"""How many there are of what cannot be absent."""

Whole = Annotated[int, AtLeast(0)]
"""How many there are of what can be absent."""

Sizes = tuple[Count, ...]
"""Widths of a network's hidden layers; without any, the network is linear."""

LARGEST_SEED = 2**32 - 1
"""JAX makes its keys of 32 bits: a larger seed would mean the randomness of a smaller one."""

Seed = Annotated[int, Between(0, LARGEST_SEED)]
"""What all randomness comes from."""
