"""Finding objects of a model, and the rows that a field keeps of them."""

import re

import mujoco
import numpy as np
from mujoco import batch as mujoco_batch

from metaskill.errors import UserError, nearest

_OBJECTS = {
    "body": mujoco.mjtObj.mjOBJ_BODY,
    "jnt": mujoco.mjtObj.mjOBJ_JOINT,
    "dof": mujoco.mjtObj.mjOBJ_JOINT,
    "geom": mujoco.mjtObj.mjOBJ_GEOM,
    "site": mujoco.mjtObj.mjOBJ_SITE,
    "actuator": mujoco.mjtObj.mjOBJ_ACTUATOR,
    "tendon": mujoco.mjtObj.mjOBJ_TENDON,
    "pair": mujoco.mjtObj.mjOBJ_PAIR,
}


def field_values(model: mujoco.MjModel, field: str) -> np.ndarray:
    """Return a field's nominal values, a row an object; an option is one row."""
    if field.startswith("opt."):
        return np.asarray(getattr(model.opt, field[4:]), np.float32).reshape(1, -1)
    return np.array(getattr(model, field), np.float32)


def select(model: mujoco.MjModel, name: str, field: str, selector: str) -> np.ndarray:
    """Return the rows of `field` that belong to objects whose names match.

    Args:
        model: The model.
        name: The parameter's name, for errors.
        field: An MjModel field, or `opt.` and an MjOption field.
        selector: Regular expression that a name matches in full. An object without a
            name is called by its kind and number, such as `geom3`.

    Raises:
        UserError: If the field cannot vary between worlds, or nothing matches.
    """
    kind = field.partition("_")[0]
    is_option = field.startswith("opt.")
    if field not in mujoco_batch.MODEL_FIELDS or not (is_option or kind in _OBJECTS):
        raise UserError(
            f"{name} varies {field!r}, which cannot differ between worlds: "
            f"{nearest(field, mujoco_batch.MODEL_FIELDS)}"
        )
    if is_integer(model, field):
        raise UserError(f"{name} varies {field!r}, which is not a quantity but a kind or a flag.")
    if is_option:
        return np.zeros(1, int)
    names = object_names(model, kind)
    matching = [index for index, found in enumerate(names) if re.fullmatch(selector, found)]
    if not matching:
        raise UserError(
            f"{name} selects {selector!r}, which matches no {kind} of the model: "
            f"{nearest(selector, names)}"
        )
    if kind == "dof":
        return np.flatnonzero(np.isin(model.dof_jntid, matching))
    return np.array(matching)


def is_integer(model: mujoco.MjModel, field: str) -> bool:
    """Tell whether a field holds kinds, flags or addresses."""
    value = getattr(model.opt, field[4:]) if field.startswith("opt.") else getattr(model, field)
    return np.asarray(value).dtype.kind != "f"


def object_names(model: mujoco.MjModel, kind: str) -> list[str]:
    """List the names of all objects of a kind (a field's prefix)."""
    kind = "jnt" if kind == "dof" else kind
    count = int(getattr(model, {"jnt": "njnt", "actuator": "nu"}.get(kind, f"n{kind}")))
    return [
        mujoco.mj_id2name(model, _OBJECTS[kind], index) or f"{kind}{index}"
        for index in range(count)
    ]
