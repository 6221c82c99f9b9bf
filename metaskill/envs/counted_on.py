"""Refusing parameters that vary what an environment's own code takes to be constant."""

from collections.abc import Callable, Iterable

import mujoco
import numpy as np

from metaskill.errors import UserError
from metaskill.physics.parameters import ParamSpec
from metaskill.physics.selection import object_names, rows_of

CountsOn = Callable[[ParamSpec, str], bool]
"""Whether code counts on what a parameter changes of the object of a name."""


def refuse_what_is_counted_on(
    model: mujoco.MjModel, specs: Iterable[ParamSpec], counts_on: CountsOn, reason: str
) -> None:
    """Refuse parameters behind which rewards, observations or controllers would stay.

    Args:
        model: The compiled model.
        specs: The parameters of the physics.
        counts_on: Says what the code counts on.
        reason: What counts on it, and what to vary instead: the end of a sentence.

    Raises:
        UserError: If there is such a parameter.
    """
    for spec in specs:
        if spec.field.startswith("opt."):
            continue
        names = object_names(model, spec.field.partition("_")[0])
        rows: np.ndarray = rows_of(model, spec.field, spec.selector)
        if spec.field.startswith("dof_"):
            rows = model.dof_jntid[rows]
        for name in (names[row] for row in rows):
            if counts_on(spec, name):
                raise UserError(f"{spec.name} cannot vary {spec.field} of {name!r}: {reason}")
