"""Refusing parameters that look as if they did something and do nothing.

A randomization that silently does nothing is worse than none. Each rule here is MuJoCo's own,
about the compiled model: which fields `mj_step` never reads, or not for these objects. What no
rule tells is left to `trial`, which measures and refuses nothing.
"""

from collections.abc import Callable, Iterator

import mujoco
import numpy as np
from mujoco import mjtDisableBit, mjtEnableBit

from metaskill.physics.actuator_rules import actuator_rules
from metaskill.physics.body_rules import body_rules
from metaskill.physics.change import Change, Unfelt
from metaskill.physics.contact_rules import contact_rules

_PICTURES = {"geom_rgba", "site_rgba", "tendon_rgba", "tendon_width"}

_DERIVED = {"body_subtreemass", "body_invweight0", "body_margin"}
_DERIVED |= {"dof_invweight0", "dof_M0", "dof_length", "geom_rbound", "geom_aabb"}
_DERIVED |= {"tendon_length0", "tendon_invweight0", "actuator_acc0", "actuator_length0"}

# Fields that are read only where a flag of the object is set.
_NEEDS_FLAG = {
    **dict.fromkeys(
        ("jnt_range", "jnt_margin", "jnt_solref", "jnt_solimp"), ("jnt_limited", "limited")
    ),
    **dict.fromkeys(
        ("tendon_range", "tendon_margin", "tendon_solref_lim", "tendon_solimp_lim"),
        ("tendon_limited", "limited"),
    ),
    "jnt_actfrcrange": ("jnt_actfrclimited", "actuatorfrclimited"),
    "tendon_actfrcrange": ("tendon_actfrclimited", "actuatorfrclimited"),
    "actuator_ctrlrange": ("actuator_ctrllimited", "ctrllimited"),
    "actuator_forcerange": ("actuator_forcelimited", "forcelimited"),
    "actuator_actrange": ("actuator_actlimited", "actlimited"),
}

_LIMIT_FIELDS = {field for field, (_, word) in _NEEDS_FLAG.items() if word == "limited"}
_LOSS = {"dof_frictionloss": "dof_", "tendon_frictionloss": "tendon_"}
_LOSS_SOLVER = {
    "dof_solref": "dof_frictionloss",
    "dof_solimp": "dof_frictionloss",
    "tendon_solref_fri": "tendon_frictionloss",
    "tendon_solimp_fri": "tendon_frictionloss",
}

# Parts of the simulation that options switch off, and the fields that they read.
_SWITCHES = {
    mjtDisableBit.mjDSBL_LIMIT: ("limit", _LIMIT_FIELDS),
    mjtDisableBit.mjDSBL_FRICTIONLOSS: ("frictionloss", {*_LOSS, *_LOSS_SOLVER}),
    mjtDisableBit.mjDSBL_CONSTRAINT: ("constraint", {*_LIMIT_FIELDS, *_LOSS, *_LOSS_SOLVER}),
    mjtDisableBit.mjDSBL_SPRING: (
        "spring",
        {"jnt_stiffness", "jnt_stiffnesspoly", "tendon_stiffness", "tendon_stiffnesspoly"}
        | {"tendon_lengthspring"},
    ),
    mjtDisableBit.mjDSBL_GRAVITY: ("gravity", {"opt.gravity", "body_gravcomp"}),
    mjtDisableBit.mjDSBL_CLAMPCTRL: ("clampctrl", {"actuator_ctrlrange"}),
    mjtDisableBit.mjDSBL_ACTUATION: (
        "actuation",
        {"actuator_gainprm", "actuator_biasprm", "actuator_ctrlrange", "actuator_forcerange"},
    ),
}

_OVERRIDES = {"opt.o_margin", "opt.o_solref", "opt.o_solimp", "opt.o_friction"}


def refusal(model: mujoco.MjModel, change: Change) -> str | None:
    """Tell why a parameter can change no trajectory, and what to do; None where it may.

    Args:
        model: The compiled model.
        change: What the parameter changes.
    """
    unfelt = np.zeros(len(change.rows), bool)
    reasons = []
    for rule in _RULES:
        for found in rule(model, change):
            if np.any(found.rows & ~unfelt):
                reasons.append(found.reason)
            unfelt |= found.rows
            if unfelt.all():
                return f"{change.name} would do nothing: {', and '.join(reasons)}."
    return None


def _unread_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Fields that the simulation never reads, or overwrites."""
    del model
    field = change.field
    if field in _PICTURES or field.endswith("_user"):
        yield change.nowhere(f"{field} is for pictures and notes, the simulation never reads it")
    if field in _DERIVED:
        yield change.nowhere(
            f"MuJoCo derives {field} from other fields, and overwrites it; vary those"
        )


def _value_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Values that the operation leaves as they are."""
    if change.operation == "scale" and change.field not in change.varied:
        yield Unfelt(
            np.all(change.values(model) == 0, axis=1),
            f"the parameter scales {change.field}, which is 0 there; use add or set",
        )


def _flag_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Flags of the object and of the options."""
    field = change.field
    if field in _NEEDS_FLAG:
        flag, attribute = _NEEDS_FLAG[field]
        yield Unfelt(
            ~np.asarray(getattr(model, flag), bool)[change.rows],
            f'nothing the parameter selects has {attribute}="true"; set that in the MJCF, or '
            "select others",
        )
    if field in _LOSS_SOLVER and _LOSS_SOLVER[field] not in change.varied:
        loss = _LOSS_SOLVER[field]
        yield Unfelt(
            getattr(model, loss)[change.rows] == 0,
            f"{field} is about friction loss, which is 0 there; give frictionloss a value in the "
            f"MJCF, or vary {loss} too",
        )
    for bit, (word, fields) in _SWITCHES.items():
        if field in fields and model.opt.disableflags & int(bit):
            yield change.nowhere(
                f'the model has <flag {word}="disable"/>; remove that from the MJCF'
            )


def _option_rules(model: mujoco.MjModel, change: Change) -> Iterator[Unfelt]:
    """Options that something else has to switch on."""
    option = model.opt
    has_drag = option.density or option.viscosity
    if change.field == "opt.wind" and not (
        has_drag or {"opt.density", "opt.viscosity"} & change.varied
    ):
        yield change.nowhere(
            "without density or viscosity there is no drag; give one of them a small value in "
            "the MJCF"
        )
    if change.field == "opt.noslip_tolerance" and not option.noslip_iterations:
        yield change.nowhere("the model has no noslip_iterations; set them in the MJCF")
    if change.field in _OVERRIDES and not option.enableflags & int(mjtEnableBit.mjENBL_OVERRIDE):
        yield change.nowhere(
            'it is read only with <flag override="enable"/>; set that in the MJCF, or vary the '
            "fields of geoms"
        )
    if change.field == "opt.sleep_tolerance" and not option.enableflags & int(
        mjtEnableBit.mjENBL_SLEEP
    ):
        yield change.nowhere('it is read only with <flag sleep="enable"/>; set that in the MJCF')
    if change.field == "opt.magnetic" and not np.any(
        model.sensor_type == int(mujoco.mjtSensor.mjSENS_MAGNETOMETER)
    ):
        yield change.nowhere("the model has no magnetometer; only that reads it")
    if change.field == "site_size" and not model.nsensor:
        yield change.nowhere("only touch sensors read the size of a site, and the model has none")


_RULES: tuple[Callable[[mujoco.MjModel, Change], Iterator[Unfelt]], ...] = (
    _unread_rules,
    _value_rules,
    _flag_rules,
    _option_rules,
    body_rules,
    contact_rules,
    actuator_rules,
)
