"""Which fields of bodies, joints and geoms' shapes `mj_step` reads."""

from collections.abc import Iterator

import mujoco
import numpy as np
from mujoco import mjtGeom, mjtJoint, mjtSensor, mjtWrap

from metaskill.physics.change import Change, Unfelt
from metaskill.physics.possible_contacts import inherited, moving_bodies, possible_contacts

_INERTIAL = {"body_mass", "body_inertia", "body_ipos", "body_iquat"}
_ROTATIONAL = {"body_inertia", "body_ipos", "body_iquat"}
# MjData fields that show a body's mass or inertial frame, also where the body cannot move.
_SHOW_MASS = {"subtree_com", "cinert", "cvel", "xipos", "ximat"}
# Kinds of geoms whose `size` collisions do not read, and what decides instead.
_SIZELESS = {
    mjtGeom.mjGEOM_PLANE: "planes are infinite, whatever their size",
    mjtGeom.mjGEOM_MESH: "the shape of a mesh is that of its vertices",
    mjtGeom.mjGEOM_HFIELD: "the shape of a height field is that of its asset",
}
_SIZES = {
    mjtGeom.mjGEOM_SPHERE: 1,
    mjtGeom.mjGEOM_CAPSULE: 2,
    mjtGeom.mjGEOM_CYLINDER: 2,
}


def body_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Yield what no state can feel of bodies, joints and shapes."""
    field, rows = change.field, change.rows
    if field in ("body_pos", "body_quat"):
        free = np.zeros(model.nbody, bool)
        free[model.jnt_bodyid[model.jnt_type == mjtJoint.mjJNT_FREE]] = True
        yield Unfelt(
            free[rows],
            "a body with a free joint is where qpos says; vary the initial state, or select others",
        )
        yield Unfelt(rows == 0, "the world body is always at the origin; select others")
    if field in _INERTIAL | {"body_gravcomp"}:
        yield from _inertial_rules(model, change)
    if field == "body_iquat" or (field == "body_ipos" and change.operation != "scale"):
        # The compiler's mass matrix has no place for it, and mj_setConst refuses it.
        simple = moving_bodies(model) & (model.body_simple != 0)
        if simple[rows].any():
            yield change.nowhere(
                "the mass matrix leaves out the inertial frames of bodies that the compiler found "
                'simple; give those that are selected <body simple="false"> in the MJCF'
            )
    if field == "body_gravcomp" and not (model.opt.gravity.any() or "opt.gravity" in change.varied):
        yield change.nowhere("there is no gravity in the model; set it in the MJCF")
    if field == "jnt_pos":
        straight = np.isin(model.jnt_type, (mjtJoint.mjJNT_FREE, mjtJoint.mjJNT_SLIDE))
        yield Unfelt(
            straight[rows], "slides and free joints turn about no point; select hinges or balls"
        )
    if field == "jnt_axis":
        axisless = np.isin(model.jnt_type, (mjtJoint.mjJNT_FREE, mjtJoint.mjJNT_BALL))
        yield Unfelt(axisless[rows], "free and ball joints have no axis; select hinges or slides")
    if field == "geom_size":
        yield from _size_rules(model, change)


def _inertial_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    # Sensors and derived fields may show a mass that no motion feels.
    if model.nsensor or _SHOW_MASS & set(change.read):
        return
    yield Unfelt(
        ~moving_bodies(model)[change.rows],
        "the selected bodies cannot move: no joint is at them or above them; select others",
    )
    has_drag = model.opt.density or model.opt.viscosity
    if change.field in _ROTATIONAL and not (
        has_drag or {"opt.density", "opt.viscosity"} & change.varied
    ):
        yield Unfelt(
            ~_turning_bodies(model)[change.rows],
            f"the selected bodies cannot turn, and {change.field} matters only then; select others",
        )


def _size_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    kinds = model.geom_type[change.rows]
    for kind, reason in _SIZELESS.items():
        yield Unfelt(
            kinds == kind, f"{reason}; make an environment for each shape, or select others"
        )
    for kind, n_sizes in _SIZES.items():
        yield Unfelt(
            (kinds == kind) & np.all(change.columns >= n_sizes),
            f"geoms of this shape have {n_sizes} of the 3 sizes; name their columns",
        )
    if model.nflex or np.isin(model.sensor_type, _SENSORS_OF_SHAPES).any():
        return
    contacts = possible_contacts(model)
    colliding = np.isin(np.arange(model.ngeom), [contacts.geom1, contacts.geom2])
    wraps = np.isin(model.wrap_type, (mjtWrap.mjWRAP_SPHERE, mjtWrap.mjWRAP_CYLINDER))
    wrapped = np.isin(np.arange(model.ngeom), model.wrap_objid[wraps])
    yield Unfelt(
        ~(colliding | wrapped)[change.rows],
        "the selected geoms touch nothing and no tendon wraps them; select others, or give them "
        "a contype in the MJCF",
    )


_SENSORS_OF_SHAPES = (
    mjtSensor.mjSENS_RANGEFINDER,
    mjtSensor.mjSENS_GEOMDIST,
    mjtSensor.mjSENS_GEOMNORMAL,
    mjtSensor.mjSENS_GEOMFROMTO,
    mjtSensor.mjSENS_TACTILE,
    mjtSensor.mjSENS_PLUGIN,
    mjtSensor.mjSENS_USER,
)


def _turning_bodies(model: mujoco.MjModel) -> np.ndarray:
    turns = np.zeros(model.nbody, bool)
    turns[model.jnt_bodyid[model.jnt_type != mjtJoint.mjJNT_SLIDE]] = True
    return inherited(model, turns)
