"""Which fields of actuators `mj_step` reads."""

from collections.abc import Iterator

import mujoco
import numpy as np
from mujoco import mjtBias, mjtDyn, mjtGain, mjtJoint, mjtTrn

from metaskill.physics.change import Change, Unfelt

# How many leading parameters each kind reads; kinds that are not listed may read all.
_READ = {
    "actuator_gainprm": (
        "actuator_gaintype",
        {
            int(mjtGain.mjGAIN_FIXED): 1,
            int(mjtGain.mjGAIN_AFFINE): 3,
            int(mjtGain.mjGAIN_MUSCLE): 9,
        },
    ),
    "actuator_biasprm": (
        "actuator_biastype",
        {int(mjtBias.mjBIAS_NONE): 0, int(mjtBias.mjBIAS_AFFINE): 3, int(mjtBias.mjBIAS_MUSCLE): 9},
    ),
    "actuator_dynprm": (
        "actuator_dyntype",
        {
            int(mjtDyn.mjDYN_NONE): 0,
            int(mjtDyn.mjDYN_INTEGRATOR): 0,
            int(mjtDyn.mjDYN_FILTER): 1,
            int(mjtDyn.mjDYN_FILTEREXACT): 1,
            int(mjtDyn.mjDYN_MUSCLE): 3,
        },
    ),
}
_FORCE_FIELDS = {"actuator_gainprm", "actuator_biasprm", "actuator_ctrlrange"}
_FORCE_FIELDS |= {"actuator_forcerange"}


def actuator_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Yield what no state can feel of actuators."""
    field, rows = change.field, change.rows
    if field in _READ:
        kind, read = _READ[field]
        width = getattr(model, field).shape[1]
        n_read = np.array(
            [read.get(int(value), width) for value in getattr(model, kind)[rows]], int
        )
        yield Unfelt(
            change.columns.min() >= n_read,
            f"actuators of the selected kinds do not read these columns of {field}; name others",
        )
    if field == "actuator_gear":
        yield Unfelt(
            change.columns.min() >= _n_gears(model)[rows],
            "the selected actuators do not read these columns of actuator_gear; name others, "
            "such as (0,)",
        )
    if field == "actuator_lengthrange":
        is_plain = np.isin(model.actuator_gaintype, (mjtGain.mjGAIN_FIXED, mjtGain.mjGAIN_AFFINE))
        is_plain &= np.isin(model.actuator_biastype, (mjtBias.mjBIAS_NONE, mjtBias.mjBIAS_AFFINE))
        yield Unfelt(is_plain[rows], "only muscles read actuator_lengthrange; select those")
    if field in _FORCE_FIELDS:
        group = model.actuator_group
        off = (group >= 0) & (group < 31)
        off &= ((model.opt.disableactuator >> np.clip(group, 0, 30)) & 1) != 0
        yield Unfelt(
            off[rows], "the group of the selected actuators is disabled in the MJCF; enable it"
        )


def acts_within(model: mujoco.MjModel, change: Change) -> str | None:
    """Tell on which side of nominal alone the range of a control or a force acts.

    Environments turn actions into controls within the compiled range, so a wider one changes
    nothing; and no control of a plain motor asks for more force than gain times control.
    """
    if change.operation != "scale" or change.field in change.varied:
        return None
    if change.field == "actuator_ctrlrange":
        low, high = model.actuator_ctrlrange[change.rows].T
        if np.all((low <= 0) & (high >= 0)):
            return (
                f"{change.name} acts only below 1: environments turn actions into controls within "
                "the compiled range, so that a wider one changes nothing; vary actuator_gear for "
                "stronger actuators."
            )
    if change.field == "actuator_forcerange":
        return _force_acts_within(model, change)
    return None


def _force_acts_within(model: mujoco.MjModel, change: Change) -> str | None:
    rows = change.rows
    plain = model.actuator_gaintype[rows] == mjtGain.mjGAIN_FIXED
    plain &= model.actuator_biastype[rows] == mjtBias.mjBIAS_NONE
    plain &= model.actuator_dyntype[rows] == mjtDyn.mjDYN_NONE
    plain &= np.asarray(model.actuator_ctrllimited, bool)[rows]
    others = {"actuator_gainprm", "actuator_biasprm", "actuator_ctrlrange"}
    if not plain.all() or others & change.varied:
        return None
    force = model.actuator_gainprm[rows, :1] * model.actuator_ctrlrange[rows]
    low, high = force.min(axis=1), force.max(axis=1)
    range_low, range_high = model.actuator_forcerange[rows].T
    if not np.all((range_low < low) & (range_high > high) & (low <= 0) & (high >= 0)):
        return None
    start = max(np.max(low / range_low), np.max(high / range_high))
    return (
        f"{change.name} acts only below {start:.3g}: no control asks for more force than gain "
        "times control, which is within the nominal range; narrow forcerange in the MJCF."
    )


def _n_gears(model: mujoco.MjModel) -> np.ndarray:
    """Return how many leading columns of `actuator_gear` each actuator reads."""
    n_gears = np.full(model.nu, model.actuator_gear.shape[1])
    of_joint = {
        mjtJoint.mjJNT_FREE: 6,
        mjtJoint.mjJNT_BALL: 3,
        mjtJoint.mjJNT_SLIDE: 1,
        mjtJoint.mjJNT_HINGE: 1,
    }
    for actuator in range(model.nu):
        kind, target = mjtTrn(model.actuator_trntype[actuator]), model.actuator_trnid[actuator, 0]
        if kind in (mjtTrn.mjTRN_JOINT, mjtTrn.mjTRN_JOINTINPARENT):
            n_gears[actuator] = of_joint[mjtJoint(model.jnt_type[target])]
        if kind in (mjtTrn.mjTRN_TENDON, mjtTrn.mjTRN_SLIDERCRANK):
            n_gears[actuator] = 1
    return n_gears
