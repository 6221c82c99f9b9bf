"""Finding objects of a model, and the rows that a field keeps of them."""

import re

import mujoco
import numpy as np
from mujoco import batch as mujoco_batch

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


def variable_fields(model: mujoco.MjModel) -> list[str]:
    """List the fields that can be selected: quantities that engines take per world."""
    return sorted(
        field
        for field in mujoco_batch.MODEL_FIELDS
        if (field.startswith("opt.") or kind_of(field) in _OBJECTS) and not is_integer(model, field)
    )


def kind_of(field: str) -> str:
    """Return the kind of objects that a field is about: its prefix, such as `body`."""
    return field.partition("_")[0]


def rows_of(model: mujoco.MjModel, field: str, selector: str) -> np.ndarray:
    """Return the rows of `field` that belong to objects whose names match.

    Args:
        model: The model.
        field: One of `variable_fields`.
        selector: Regular expression that a name matches in full. An object without a
            name is called by its kind and number, such as `geom3`. Options have one row.
    """
    if field.startswith("opt."):
        return np.zeros(1, int)
    kind = kind_of(field)
    names = object_names(model, kind)
    matching = [index for index, found in enumerate(names) if re.fullmatch(selector, found)]
    if kind == "dof":
        return np.flatnonzero(np.isin(model.dof_jntid, matching))
    return np.array(matching, int)


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
