"""Which geoms of a model can ever touch, whatever the state: MuJoCo's rules of collision."""

from typing import NamedTuple

import mujoco
import numpy as np
from mujoco import mjtDisableBit, mjtGeom


class PossibleContacts(NamedTuple):
    """Pairs of geoms that may touch.

    Attributes:
        geom1: One geom of each pair.
        geom2: The other.
        condim: Dimensions of the contact: 1 frictionless, 3 sliding, 4 torsional, 6 rolling.
        pair: The explicit pair of the MJCF that the contact's fields come from; -1 where
            they come from the geoms.
    """

    geom1: np.ndarray
    geom2: np.ndarray
    condim: np.ndarray
    pair: np.ndarray


def possible_contacts(model: mujoco.MjModel) -> PossibleContacts:
    """List the pairs of geoms that MuJoCo may collide, of which at least one can move.

    Flexes are not looked at.
    """
    off = int(mjtDisableBit.mjDSBL_CONTACT) | int(mjtDisableBit.mjDSBL_CONSTRAINT)
    if model.opt.disableflags & off:
        return PossibleContacts(*(np.zeros(0, int) for _ in range(4)))
    explicit = np.stack([model.pair_geom1, model.pair_geom2], axis=1)
    pairs = np.arange(model.npair)
    may_meet = _on_different_bodies(model)
    dynamic = may_meet & _colliding_bits(model) & ~_filtered(model)
    # A pair of the MJCF takes the place of what the geoms' own fields would give.
    dynamic[explicit[:, 0], explicit[:, 1]] = dynamic[explicit[:, 1], explicit[:, 0]] = False
    pairs = pairs[may_meet[explicit[:, 0], explicit[:, 1]]]
    geom1, geom2 = np.nonzero(np.triu(dynamic))
    priority1, priority2 = model.geom_priority[geom1], model.geom_priority[geom2]
    condim1, condim2 = model.geom_condim[geom1], model.geom_condim[geom2]
    condim = np.where(
        priority1 == priority2,
        np.maximum(condim1, condim2),
        np.where(priority1 > priority2, condim1, condim2),
    )
    return PossibleContacts(
        np.concatenate([geom1, explicit[pairs, 0]]),
        np.concatenate([geom2, explicit[pairs, 1]]),
        np.concatenate([condim, model.pair_dim[pairs]]),
        np.concatenate([np.full(len(geom1), -1), pairs]),
    )


def moving_bodies(model: mujoco.MjModel) -> np.ndarray:
    """Tell which bodies have a degree of freedom, of their own or of an ancestor."""
    return inherited(model, model.body_dofnum > 0)


def inherited(model: mujoco.MjModel, flags: np.ndarray) -> np.ndarray:
    """Return the bodies that have a flag themselves or below an ancestor that has it."""
    flags = np.array(flags)
    for body in range(1, model.nbody):
        flags[body] |= flags[model.body_parentid[body]]
    return flags


def _on_different_bodies(model: mujoco.MjModel) -> np.ndarray:
    """Tell which pairs of geoms are not rigidly connected and have shapes that collide."""
    weld = model.body_weldid[model.geom_bodyid]
    moves = moving_bodies(model)[model.geom_bodyid]
    unbounded = np.isin(model.geom_type, (mjtGeom.mjGEOM_PLANE, mjtGeom.mjGEOM_HFIELD))
    return (weld[:, None] != weld) & (moves[:, None] | moves) & ~(unbounded[:, None] & unbounded)


def _colliding_bits(model: mujoco.MjModel) -> np.ndarray:
    """Tell which pairs of geoms a contype and a conaffinity let collide."""
    one_way = (model.geom_contype[:, None] & model.geom_conaffinity) != 0
    return one_way | one_way.T


def _filtered(model: mujoco.MjModel) -> np.ndarray:
    """Tell which pairs of geoms are left out: of parent and child, and of excluded bodies."""
    body = model.geom_bodyid
    weld = model.body_weldid[body]
    filtered = np.zeros((model.ngeom, model.ngeom), bool)
    if not model.opt.disableflags & int(mjtDisableBit.mjDSBL_FILTERPARENT):
        parent = model.body_weldid[model.body_parentid[weld]]
        neither_fixed = (weld[:, None] != 0) & (weld != 0)
        filtered |= neither_fixed & ((parent[:, None] == weld) | (weld[:, None] == parent))
    signature = (body[:, None] << 16) + body
    excluded = np.isin(signature, model.exclude_signature)
    return filtered | excluded | excluded.T
