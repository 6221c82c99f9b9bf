"""What of a scene's geometry the arm's code counts on, so that no context may vary it."""

import mujoco
import numpy as np

from metaskill.envs.arm.scene_object import SceneObject
from metaskill.envs.counted_on import refuse_what_is_counted_on
from metaskill.physics.parameters import ParamSpec

_REASON = (
    "kinematics, readings and goals are computed from the scene as it was designed; what may "
    "stand elsewhere are the objects' frames (body_pos, and body_quat with the operation 'turn'); "
    "for another geometry design another scene."
)


def refuse_other_geometry(
    model: mujoco.MjModel, objects: tuple[SceneObject, ...], specs: tuple[ParamSpec, ...]
) -> None:
    """Refuse parameters that change a geometry which is written into the arm's code.

    Read from each world are where fixtures stand and how they are turned. Constants of the
    code are links and joints, where a handle is on its part, and the sizes of blocks, finger
    pads and corners.

    Args:
        model: The compiled scene.
        objects: What is on the table.
        specs: The parameters of the physics.

    Raises:
        UserError: If there is such a parameter.
    """
    frames = {thing.frame_name for thing in objects}
    of_any_size = {"table", *(f"{thing.name}_handle" for thing in objects)}
    # A puck is a sphere that bears its name; a block is a box.
    spheres = set(np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_SPHERE)))
    of_any_size |= {thing.name for thing in objects if _geom(model, thing.name) in spheres}
    touching = (model.geom_contype | model.geom_conaffinity) != 0

    def counts_on(spec: ParamSpec, name: str) -> bool:
        if spec.field in {"jnt_pos", "jnt_axis", "geom_pos", "geom_quat"}:
            return True
        if spec.field == "body_pos":
            return name not in frames
        if spec.field == "body_quat":
            return name not in frames or spec.operation != "turn"
        if spec.field == "geom_size":
            index = _geom(model, name)
            if index < 0:  # `object_names` calls it `geom` and its number.
                index = int(name.removeprefix("geom"))
            return bool(touching[index]) and name not in of_any_size
        return False

    refuse_what_is_counted_on(model, specs, counts_on, _REASON)


def _geom(model: mujoco.MjModel, name: str) -> int:
    """Return the index of a geom; -1 where none has that name."""
    return int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, name))
