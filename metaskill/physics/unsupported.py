"""What a model may have that an engine does not simulate: refused at build time.

MJX leaves out much of MuJoCo without a word, and raises deep inside a trace for some of
the rest. The native engine leaves out what MuJoCo keeps outside the state of a world.
"""

import contextlib
import re
from collections.abc import Callable, Iterator

import mujoco
import numpy as np
from mujoco import mjtDisableBit, mjtEnableBit

from metaskill.errors import UserError

_Feature = tuple[str, Callable[[mujoco.MjModel], bool]]

# MuJoCo's batches refuse both, at their first step.
_OUTSIDE_THE_STATE: tuple[_Feature, ...] = (
    ("sleeping bodies (sleep)", lambda m: _enables(m, mjtEnableBit.mjENBL_SLEEP)),
    ("contacts of flexes by IPC (ipc)", lambda m: _enables(m, mjtEnableBit.mjENBL_IPC)),
)

# What `mujoco.mjx` 3.17 ignores or gets wrong; it refuses other features itself.
_NOT_IN_MJX: tuple[_Feature, ...] = (
    *_OUTSIDE_THE_STATE,
    ("delays of actuators and sensors (delay, nsample)", lambda m: m.nhistory > 0),
    ("plugins", lambda m: m.nplugin > 0),
    ("springs that yield (springyield)", lambda m: m.nplastic > 0),
    ("models without joints", lambda m: m.nv == 0),
    ("activations that act at once (actearly)", lambda m: bool(m.actuator_actearly.any())),
    ("disabled groups of actuators (actuatorgroupdisable)", lambda m: _any(_are_disabled(m))),
    (
        "damping and armature of actuators",
        lambda m: _any(m.actuator_damping, m.actuator_dampingpoly, m.actuator_armature),
    ),
    (
        "polynomial damping (damping with more than one coefficient)",
        lambda m: _any(m.dof_dampingpoly, m.tendon_dampingpoly),
    ),
    (
        "polynomial stiffness (stiffness with more than one coefficient)",
        lambda m: _any(m.jnt_stiffnesspoly, m.tendon_stiffnesspoly),
    ),
    (
        "disabled springs or dampers (flags spring, damper)",
        lambda m: (
            _disables(m, mjtDisableBit.mjDSBL_SPRING, mjtDisableBit.mjDSBL_DAMPER)
            and _has_passive_forces(m)
        ),
    ),
    (
        "the fluid forces of ellipsoids (fluidshape)",
        lambda m: _has_fluid(m) and _any(m.geom_fluid[:, 0]),
    ),
    ("the noslip solver (noslip_iterations)", lambda m: m.opt.noslip_iterations > 0),
    ("moving surfaces (surfacevel)", lambda m: _any(m.geom_surfacevel)),
    ("adhesive contacts (adhesion)", lambda m: _any(m.geom_adhesion, m.pair_adhesion)),
    (
        "the integrator discrete",
        lambda m: m.opt.integrator == int(mujoco.mjtIntegrator.mjINT_DISCRETE),
    ),
)

# MJX has these per world and reads them nowhere.
FIELDS_THAT_MJX_IGNORES = frozenset(
    {"dof_dampingpoly", "jnt_stiffnesspoly", "tendon_dampingpoly", "tendon_stiffnesspoly"}
)


def refuse_on_native(model: mujoco.MjModel) -> None:
    """Refuse what a batch of worlds that share MuJoCo's working memory cannot simulate.

    Raises:
        UserError: If the model has such a feature.
    """
    for feature, is_used in _OUTSIDE_THE_STATE:
        if is_used(model):
            raise UserError(f"no engine simulates {feature}: disable that flag of the model.")


def refuse_on_mjx(model: mujoco.MjModel) -> None:
    """Refuse what MJX would ignore, or simulate in another way than MuJoCo.

    Raises:
        UserError: If the model has such a feature.
    """
    refuse_on_native(model)
    for feature, is_used in _NOT_IN_MJX:
        if is_used(model):
            raise _not_in_mjx(feature)


@contextlib.contextmanager
def mjx_refusals() -> Iterator[None]:
    """Turn what MJX itself refuses, however deep inside, into one sentence.

    Raises:
        UserError: If the code within the block raises `NotImplementedError`.
    """
    try:
        yield
    except NotImplementedError as error:
        names = re.findall(r"mj[A-Z]+_\w+", str(error))
        words = re.sub(r" not (implemented|supported).*", "", str(error))
        raise _not_in_mjx(" with ".join(names) or words) from error


def _not_in_mjx(feature: str) -> UserError:
    return UserError(
        f"MJX does not simulate {feature}: choose --engine=native, or change the model."
    )


def _any(*arrays: np.ndarray) -> bool:
    return any(bool(array.any()) for array in arrays)


def _enables(model: mujoco.MjModel, bit: mjtEnableBit) -> bool:
    return bool(model.opt.enableflags & int(bit))


def _disables(model: mujoco.MjModel, *bits: mjtDisableBit) -> bool:
    return any(model.opt.disableflags & int(bit) for bit in bits)


def _are_disabled(model: mujoco.MjModel) -> np.ndarray:
    """Tell which actuators are in a disabled group."""
    group = model.actuator_group
    return (group >= 0) & ((model.opt.disableactuator >> np.clip(group, 0, 30)) & 1 == 1)


def _has_fluid(model: mujoco.MjModel) -> bool:
    return model.opt.density > 0 or model.opt.viscosity > 0


def _has_passive_forces(model: mujoco.MjModel) -> bool:
    return _has_fluid(model) or _any(
        model.jnt_stiffness,
        model.dof_damping,
        model.tendon_stiffness,
        model.tendon_damping,
        model.body_gravcomp,
    )
