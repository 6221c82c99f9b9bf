"""Refusing parameters that look as if they did something and do nothing.

Each rule is about the compiled model: what the engines leave out of the program, or what
MuJoCo never reads. A randomization that silently does nothing is worse than none.
"""

import mujoco
import numpy as np

from metaskill.errors import UserError
from metaskill.physics.selection import field_values

# MJX leaves the computation out where all nominal values are 0.
_LEFT_OUT_WHERE_ZERO = {
    "dof_frictionloss": "frictionloss",
    "tendon_frictionloss": "frictionloss",
    "opt.density": "density",
    "opt.viscosity": "viscosity",
    "body_gravcomp": "gravcomp",
}

# Fields that are read only where a flag is set.
_NEEDS_FLAG = {
    "jnt_range": ("jnt_limited", "limited"),
    "tendon_range": ("tendon_limited", "limited"),
    "actuator_ctrlrange": ("actuator_ctrllimited", "ctrllimited"),
    "actuator_forcerange": ("actuator_forcelimited", "forcelimited"),
}


def refuse_without_effect(
    model: mujoco.MjModel, name: str, field: str, operation: str, rows: np.ndarray
) -> None:
    """Refuse a parameter that cannot change any trajectory.

    Args:
        model: The compiled model.
        name: The parameter's name.
        field: The field that it changes.
        operation: See `ParamSpec`.
        rows: The rows of the field that it selects.

    Raises:
        UserError: With the reason and the remedy.
    """
    nominal = field_values(model, field)
    if field in _LEFT_OUT_WHERE_ZERO and not nominal.any():
        raise UserError(
            f"{name} would do nothing: {field} is 0 in the compiled model, and engines leave "
            f"it out then; give {_LEFT_OUT_WHERE_ZERO[field]} a small value in the MJCF."
        )
    if field == "opt.wind" and not (model.opt.density or model.opt.viscosity):
        raise UserError(
            f"{name} would do nothing: without density or viscosity there is no drag; give "
            "one of them a small value in the MJCF."
        )
    if operation == "scale" and not nominal[rows].any():
        raise UserError(
            f"{name} would do nothing: it scales {field}, which is 0 there; use add or set."
        )
    if field in _NEEDS_FLAG:
        flag, attribute = _NEEDS_FLAG[field]
        if not np.asarray(getattr(model, flag))[rows].any():
            raise UserError(
                f'{name} would do nothing: nothing it selects has {attribute}="true"; set that '
                "in the MJCF, or select others."
            )
    if field == "geom_friction" and not any(_friction_matters(model, row) for row in rows):
        raise UserError(
            f"{name} would do nothing: the selected geoms touch nothing, or only geoms of a "
            "higher priority, whose friction wins; select those."
        )


def _friction_matters(model: mujoco.MjModel, geom: int) -> bool:
    """Tell whether some contact could use the friction of `geom`.

    The geom with the higher priority decides, else the elementwise maximum of both.
    """
    touches = (model.geom_contype[geom] & model.geom_conaffinity) | (
        model.geom_conaffinity[geom] & model.geom_contype
    )
    others_body = model.geom_bodyid != model.geom_bodyid[geom]
    partners = (touches != 0) & others_body
    frictional = np.maximum(model.geom_condim, model.geom_condim[geom]) > 1
    not_shadowed = model.geom_priority <= model.geom_priority[geom]
    return bool(np.any(partners & frictional & not_shadowed))
