"""What a parameter changes, as the rules about its effect see it."""

import dataclasses

import mujoco
import numpy as np

from metaskill.physics.selection import field_values


@dataclasses.dataclass(frozen=True)
class Change:
    """The part of a model that one parameter changes.

    Attributes:
        name: The parameter's name.
        field: The MjModel field.
        operation: See `ParamSpec`.
        rows: The rows of the field.
        columns: The columns of these rows.
        varied: Fields that other parameters vary: their compiled values prove nothing.
        read: MjData fields that the environment reads beside the state.
    """

    name: str
    field: str
    operation: str
    rows: np.ndarray
    columns: np.ndarray
    varied: frozenset[str] = frozenset()
    read: tuple[str, ...] = ()

    def values(self, model: mujoco.MjModel) -> np.ndarray:
        """Return the compiled values that change, a row an object."""
        nominal = field_values(model, self.field)[self.rows]
        return nominal.reshape(len(self.rows), -1)[:, self.columns]

    def nowhere(self, reason: str) -> "Unfelt":
        """Say that none of the rows is felt."""
        return Unfelt(np.ones(len(self.rows), bool), reason)


@dataclasses.dataclass(frozen=True)
class Unfelt:
    """Rows of a change that no state can feel.

    Attributes:
        rows: A flag for each row of the change.
        reason: Why, and what to do: the end of a sentence.
    """

    rows: np.ndarray
    reason: str
