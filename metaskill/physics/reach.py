"""How tendons and actuators act on the dofs of a model at its reference configuration."""

import contextlib
import copy
import io
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float
from mujoco import mjtJoint, mjtTrn

from metaskill.errors import UserError
from metaskill.physics.rest_pose import FRAME_FIELDS, VariedModel
from metaskill.physics.tendon_path import tendon_path, wrapping_tendons

PATH_FIELDS = FRAME_FIELDS | {"jnt_axis", "actuator_gear", "site_pos", "site_quat"}
PATH_FIELDS |= {"geom_pos", "geom_quat", "geom_size"}
"""What determines how tendons and actuators act on the dofs, unless it is compiled."""


class Reach(NamedTuple):
    """Lengths of tendons, and derivatives of these and of actuators' lengths by the dofs."""

    tendon_length: Float[Array, " ntendon"]
    tendon_jacobian: Float[Array, "ntendon nv"]
    actuator_moment: Float[Array, "nu nv"]


def reach(varied: VariedModel) -> Reach:
    """Follow tendons and transmissions.

    Raises:
        UserError: If paths vary in a model that has tendons, or actuators of other than
            hinges and slides, and that MJX does not know.
    """
    model = varied.model
    joint = model.actuator_trnid[:, 0]
    in_joints = np.all(model.actuator_trntype == mjtTrn.mjTRN_JOINT)
    scalar = np.isin(model.jnt_type, (mjtJoint.mjJNT_HINGE, mjtJoint.mjJNT_SLIDE))
    if not model.ntendon and in_joints and np.all(scalar[joint]):
        gear = varied["actuator_gear"][:, 0]
        drives = model.jnt_dofadr[joint][:, None] == np.arange(model.nv)
        moment = jnp.where(drives, gear[:, None], 0.0)
        return Reach(jnp.zeros(0), jnp.zeros((0, model.nv)), moment)
    if PATH_FIELDS.isdisjoint(varied.leaves):
        return _compiled_reach(model)
    return _mjx_reach(varied)


def _compiled_reach(model: mujoco.MjModel) -> Reach:
    data = mujoco.MjData(model)
    for stage in (mujoco.mj_kinematics, mujoco.mj_comPos, mujoco.mj_tendon):
        stage(model, data)
    mujoco.mj_transmission(model, data)
    jacobian, moment = np.zeros((model.ntendon, model.nv)), np.zeros((model.nu, model.nv))
    if model.ntendon:
        sparsity = model.ten_J_rownnz, model.ten_J_rowadr, model.ten_J_colind
        mujoco.mju_sparse2dense(jacobian, data.ten_J.ravel(), *map(np.ravel, sparsity))
    if model.nu:
        sparsity = data.moment_rownnz, data.moment_rowadr, data.moment_colind
        mujoco.mju_sparse2dense(moment, data.actuator_moment.ravel(), *map(np.ravel, sparsity))
    values = data.ten_length, jacobian, moment
    return Reach(*(jnp.asarray(value, jnp.float32) for value in values))


def _mjx_reach(varied: VariedModel) -> Reach:
    # The import is left to these models; it prints that it found no Warp.
    with contextlib.redirect_stdout(io.StringIO()):
        from mujoco import mjx
        from mujoco.mjx._src import smooth
    # Collisions do not matter here, and MJX does not know all.
    model = copy.copy(varied.model)
    model.geom_contype[:] = model.geom_conaffinity[:] = 0
    is_mocap = model.body_mocapid >= 0
    with jax.numpy_dtype_promotion("standard"):
        try:
            mjx_model = mjx.put_model(model, impl="jax")
        except NotImplementedError as error:
            raise UserError(f"MJX has to know models whose tendons vary: {error}.") from error
        mjx_model = mjx_model.tree_replace(
            {name: varied[name] for name in PATH_FIELDS.intersection(varied.leaves)}
        )
        data = mjx.make_data(model, impl="jax").replace(
            qpos=varied["qpos0"],
            mocap_pos=varied["body_pos"][is_mocap],
            mocap_quat=varied["body_quat"][is_mocap],
        )
        data = smooth.com_pos(mjx_model, smooth.kinematics(mjx_model, data))
        data = smooth.tendon(mjx_model, data)
        length, jacobian = data.ten_length, data._impl.ten_J
        for tendon in wrapping_tendons(model):
            path = tendon_path(model, mjx_model, data, tendon)
            length = length.at[tendon].set(path.length)
            jacobian = jacobian.at[tendon].set(path.jacobian)
        data = data.tree_replace({"ten_length": length, "_impl.ten_J": jacobian})
        data = smooth.transmission(mjx_model, data)
    return Reach(length, jacobian, data._impl.actuator_moment)
