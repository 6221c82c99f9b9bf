"""Limits of action spaces: actions are in [-1, 1] here, and in an environment's units elsewhere."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from metaskill.errors import UserError

_TOLERANCE = 1e-5  # Of half the range: what 32-bit floats lose between two programs.

Given = tuple[float | Sequence[float], float | Sequence[float]]
"""The least and the largest action: a number for all dimensions, or one for each."""


@dataclasses.dataclass(frozen=True)
class ActionLimits:
    """A box of actions, in the units of the environment that they are for.

    A dimension without finite limits says nothing of units: its actions have to be in [-1, 1].

    Attributes:
        low: The least action, one number a dimension.
        high: The largest.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def lowest(self) -> np.ndarray:
        """The least action, -1 where it is not limited."""
        return np.where(self._finite, self.low, -1.0)

    @property
    def highest(self) -> np.ndarray:
        """The largest action, 1 where it is not limited."""
        return np.where(self._finite, self.high, 1.0)

    @property
    def _finite(self) -> np.ndarray:
        return np.isfinite(self.low) & np.isfinite(self.high)

    @property
    def are_unit(self) -> bool:
        """Whether the box is [-1, 1] in every dimension."""
        return bool(np.all(self.lowest == -1.0) and np.all(self.highest == 1.0))


def limits_of(given: Any, size: int, where: str) -> ActionLimits:
    """Return the limits of actions with some number of dimensions.

    Args:
        given: The least and the largest action, each a number or one number a dimension.
        size: Dimensions of an action.
        where: What to call their source in errors.

    Raises:
        UserError: If they are no numbers, do not fit the actions, or are the wrong way round.
    """
    try:
        low, high = (np.asarray(limit, np.float64).reshape(-1) for limit in given)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(
            f"{where}: limits of actions are two numbers, or two lists with a number for each "
            "dimension: the least action and the largest."
        ) from error
    for limit in (low, high):
        if limit.size not in (1, size):
            raise UserError(
                f"{where}: limits for {limit.size} dimensions do not fit actions with {size}: give "
                "one number for all, or one for each."
            )
    low, high = np.broadcast_to(low, size), np.broadcast_to(high, size)
    if np.any(np.isnan(low)) or np.any(np.isnan(high)) or np.any(low > high):
        raise UserError(f"{where}: the least action is no number, or larger than the largest.")
    return ActionLimits(tuple(low.tolist()), tuple(high.tolist()))


def to_unit(
    actions: np.ndarray, limits: ActionLimits | None, clip: bool, where: str
) -> Float32[np.ndarray, "step action"]:
    """Scale actions into [-1, 1].

    Args:
        actions: Actions in the units of `limits`.
        limits: Their box; None where the data do not say, so that they have to be in [-1, 1].
        clip: Whether actions outside are moved to the limit, as most environments do.
        where: What to call the data in errors.

    Raises:
        UserError: If actions are outside of the limits.
    """
    with np.errstate(over="ignore"):  # What 32-bit floats cannot hold is not finite here.
        finite = np.isfinite(actions.astype(np.float32))
    if not np.all(finite):
        raise UserError(f"{where}: actions hold numbers that are not finite.")
    size = actions.shape[1]
    known = limits or ActionLimits((-1.0,) * size, (1.0,) * size)
    low, high = known.lowest, known.highest
    slack = _TOLERANCE * np.maximum((high - low) / 2.0, np.finfo(np.float32).tiny)
    outside = np.any((actions < low - slack) | (actions > high + slack), axis=0)
    if np.any(outside) and not clip:
        raise UserError(f"{where}: {_what_to_do(actions, limits, int(np.argmax(outside)))}")
    if known.are_unit:
        return np.clip(actions, -1.0, 1.0).astype(np.float32)
    extent = np.where(high > low, high - low, 1.0)
    scaled = 2.0 * (np.clip(actions, low, high) - low) / extent - 1.0
    return np.where(high > low, scaled, 0.0).astype(np.float32)


def from_unit(
    actions: Float32[np.ndarray, "step action"], limits: ActionLimits | None
) -> Float32[np.ndarray, "step action"]:
    """Return actions in the units of some limits; None leaves them in [-1, 1]."""
    if limits is None or limits.are_unit:
        return actions
    low, high = limits.lowest, limits.highest
    return (low + (actions.astype(np.float64) + 1.0) * (high - low) / 2.0).astype(np.float32)


def require_continuous(actions: np.ndarray, limits: object, where: str) -> None:
    """Refuse actions that are choices among a few, of which a scale would make no sense.

    Raises:
        UserError: If actions are whole numbers of no known box, or have no dimensions.
    """
    if actions.ndim == 1 or (actions.dtype.kind in "iu" and limits is None):
        raise UserError(
            f"{where}: actions are discrete ({actions.dtype} of shape {actions.shape}): metaskill "
            "learns from continuous actions, so choose a data set whose action space is a Box."
        )


def _what_to_do(actions: np.ndarray, limits: ActionLimits | None, dimension: int) -> str:
    column = actions[:, dimension]
    found = f"actions of dimension {dimension} go from {column.min():.6g} to {column.max():.6g}"
    clip = "clip_actions=True (--clip_actions) where the environment does so"
    if limits is not None and math.isfinite(limits.low[dimension] + limits.high[dimension]):
        low, high = limits.low[dimension], limits.high[dimension]
        return f"{found}, outside of their limits {low:.6g} and {high:.6g}: clip them by {clip}."
    return (
        f"{found}, not within -1 and 1, and the data hold no limits of the action space: give "
        "the environment's by action_limits=(low, high) (--action_low=..., --action_high=...), "
        f"or clip them by {clip}."
    )
