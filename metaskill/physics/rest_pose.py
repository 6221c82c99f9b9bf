"""A model at its reference configuration `qpos0`: frames, Jacobians and the mass matrix.

All of it is a function of model fields, in JAX, for models that differ per world. MJX has the
like for states, but only for models it knows whole, and its mass matrix, summed and decomposed
in float32, would cost constants a digit.
"""

from collections.abc import Collection
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float
from mujoco import mjtJoint, mjtTrn

from metaskill.physics.engine import ModelLeaves

FRAME_FIELDS = frozenset({"qpos0", "body_pos", "body_quat", "jnt_pos"})
"""What determines where bodies are at `qpos0`."""


class VariedModel:
    """A compiled model of which some fields are JAX arrays: `varied["body_mass"]`."""

    def __init__(self, model: mujoco.MjModel, leaves: ModelLeaves):
        self.model = model
        self.leaves = leaves

    def __getitem__(self, name: str) -> Array:
        value = self.leaves[name] if name in self.leaves else getattr(self.model, name)
        return jnp.asarray(value, jnp.float32)


class RestPose(NamedTuple):
    """Where bodies and dofs are, in the world's axes.

    Attributes:
        root: Positions of the trees that bodies belong to.
        pos: Positions of bodies and anchors are relative to these, because float32 loses
            what is small beside the distance to the world's origin.
        quat: Orientations of the bodies.
        mat: The same as matrices.
        anchor: A point on the axis of each dof.
        axis: Direction of each dof.
    """

    root: Float[Array, "nbody 3"]
    pos: Float[Array, "nbody 3"]
    quat: Float[Array, "nbody 4"]
    mat: Float[Array, "nbody 3 3"]
    anchor: Float[Array, "nv 3"]
    axis: Float[Array, "nv 3"]


class MassMatrix(NamedTuple):
    """Inertia in joint space.

    Attributes:
        matrix: As sparse as MuJoCo's.
        diagonal: Its diagonal without the tendons' armature (`dof_M0`).
        factor: Some F with F'F = matrix, constant to differentiation.
    """

    matrix: Float[Array, "nv nv"]
    diagonal: Float[Array, " nv"]
    factor: Float[Array, "rows nv"]


def rest_pose(varied: VariedModel) -> RestPose:
    """Do the kinematics, in which hinges and slides displace nothing at `qpos0`."""
    model, qpos0 = varied.model, varied["qpos0"]
    jnt_pos, jnt_axis = varied["jnt_pos"], varied["jnt_axis"]
    body_pos, body_quat = varied["body_pos"], varied["body_quat"]
    root, pos, mat = [jnp.zeros(3)], [jnp.zeros(3)], [jnp.eye(3)]
    quat = [jnp.array([1.0, 0.0, 0.0, 0.0])]
    anchors, axes = [], []
    for body in range(1, model.nbody):
        parent = model.body_parentid[body]
        origin, p = root[parent], pos[parent] + rotate(mat[parent], body_pos[body])
        if parent == 0:
            origin, p = p, jnp.zeros(3)
        q = _unit(quat_multiply(quat[parent], body_quat[body]))
        r = quat_matrix(q)
        first = model.body_jntadr[body]
        for joint in range(first, first + model.body_jntnum[body]):
            kind, adr = model.jnt_type[joint], model.jnt_qposadr[joint]
            anchor, axis = p + rotate(r, jnt_pos[joint]), rotate(r, jnt_axis[joint])[None]
            if kind == mjtJoint.mjJNT_FREE:
                origin, q = qpos0[adr : adr + 3], _unit(qpos0[adr + 3 : adr + 7])
                r = quat_matrix(q)
                anchor, axis = p, jnp.concatenate([jnp.eye(3), r.T])
            elif kind == mjtJoint.mjJNT_BALL:
                q = quat_multiply(q, _unit(qpos0[adr : adr + 4]))
                r = quat_matrix(q)
                p, axis = anchor - rotate(r, jnt_pos[joint]), r.T
            anchors.append(anchor)
            axes.append(axis)
        root.append(origin)
        pos.append(p)
        quat.append(q)
        mat.append(r)
    return RestPose(
        root=jnp.stack(root),
        pos=jnp.stack(pos),
        quat=jnp.stack(quat),
        mat=jnp.stack(mat),
        anchor=jnp.stack(anchors)[model.dof_jntid],
        axis=jnp.concatenate(axes),
    )


def body_jacobian(
    varied: VariedModel, pose: RestPose
) -> tuple[Float[Array, "nbody nv 3"], Float[Array, "nbody nv 3"]]:
    """Return velocities and angular velocities of the bodies' inertial frames by dof."""
    model = varied.model
    kind, first = model.jnt_type[model.dof_jntid], model.jnt_dofadr[model.dof_jntid]
    turns = np.isin(kind, (mjtJoint.mjJNT_HINGE, mjtJoint.mjJNT_BALL))
    turns |= (kind == mjtJoint.mjJNT_FREE) & (np.arange(model.nv) - first >= 3)
    turn = jnp.where(turns[:, None], pose.axis, 0.0)
    center = pose.pos + rotate(pose.mat, varied["body_ipos"])
    linear = pose.axis - turn + jnp.cross(turn, center[:, None] - pose.anchor)
    moves = is_in_subtree(model)[:, model.dof_bodyid, None]
    return jnp.where(moves, linear, 0.0), jnp.where(moves, turn, 0.0)


def mass_matrix(varied: VariedModel, pose: RestPose, tendon_jacobian: Array) -> MassMatrix:
    """Sum the inertias of the bodies in joint space, and add armatures.

    M = sum over bodies of m Jp'Jp + (R'Jr)' diag(I) (R'Jr), with R the principal axes of
    inertia (Featherstone, Rigid Body Dynamics Algorithms, 2008, section 6.2). Square roots
    of the summands, stacked, are a factor: it is as much better conditioned than M as
    float32 has need of.
    """
    mass, inertia = varied["body_mass"], varied["body_inertia"]
    linear, angular = body_jacobian(varied, pose)
    angular = jnp.einsum("bvi,bij->bvj", angular, pose.mat @ quat_matrix(varied["body_iquat"]))
    dof_armature, tendon_armature = _armatures(varied)
    bodies = jnp.einsum("bvi,b,bwi->vw", linear, mass, linear)
    bodies += jnp.einsum("bvi,bi,bwi->vw", angular, inertia, angular)
    diagonal = jnp.diagonal(bodies) + dof_armature
    tendons = (tendon_jacobian.T * tendon_armature) @ tendon_jacobian
    matrix = jnp.where(_has_place(varied.model), bodies + tendons, 0.0) + jnp.diag(dof_armature)
    if tendons_have_inertia(varied.model, varied.leaves):
        # Not a sum of squares: M has no place for what a tendon couples across branches.
        return MassMatrix(matrix, diagonal, jax.lax.stop_gradient(jnp.linalg.cholesky(matrix).T))
    simple = varied.model.dof_simplenum > 0
    roots = [linear * jnp.sqrt(mass)[:, None, None], angular * jnp.sqrt(inertia)[:, None]]
    rows = jnp.concatenate(roots, axis=2).transpose(0, 2, 1).reshape(-1, varied.model.nv)
    own = jnp.sqrt(jnp.where(simple, diagonal, dof_armature))
    factor = jnp.concatenate([jnp.where(simple, 0.0, rows), jnp.diag(own)])
    return MassMatrix(matrix, diagonal, jax.lax.stop_gradient(factor))


def tendons_have_inertia(model: mujoco.MjModel, varied: Collection[str]) -> bool:
    """Tell whether a tendon may have an armature, of its own or of an actuator."""
    on_tendon = model.actuator_trntype == mjtTrn.mjTRN_TENDON
    has_some = model.tendon_armature.any() or model.actuator_armature[on_tendon].any()
    return bool(model.ntendon and (has_some or "tendon_armature" in varied))


def is_in_subtree(model: mujoco.MjModel) -> np.ndarray:
    """Tell which bodies (axis 0) belong to the subtrees of which (axis 1)."""
    within = np.eye(model.nbody, dtype=bool)
    for body in range(1, model.nbody):
        within[body] |= within[model.body_parentid[body]]
    return within


def quat_multiply(a: Float[Array, "*n 4"], b: Float[Array, "*n 4"]) -> Float[Array, "*n 4"]:
    """Compose rotations: first `b`, then `a`."""
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + jnp.cross(a[..., 1:], b[..., 1:])
    w = a[..., :1] * b[..., :1] - jnp.sum(a[..., 1:] * b[..., 1:], -1, keepdims=True)
    return jnp.concatenate([w, v], -1)


def quat_matrix(quat: Float[Array, "*n 4"]) -> Float[Array, "*n 3 3"]:
    """Return the matrix of a unit quaternion."""
    w, v = quat[..., :1, None], quat[..., 1:]
    outer = v[..., :, None] * v[..., None, :]
    cross = jnp.cross(jnp.eye(3), v[..., None, :])
    return (w * w - jnp.sum(v * v, -1)[..., None, None]) * jnp.eye(3) + 2 * (outer + w * cross)


def rotate(mat: Float[Array, "*n 3 3"], vec: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """Apply a rotation to a vector."""
    return jnp.sum(mat * vec[..., None, :], -1)


def _unit(quat: Float[Array, "4"]) -> Float[Array, "4"]:
    return quat / jnp.sqrt(jnp.sum(quat * quat))


def _armatures(varied: VariedModel) -> tuple[Float[Array, " nv"], Float[Array, " ntendon"]]:
    """Add to the armatures of dofs and tendons those of their actuators, as they are felt."""
    model = varied.model
    target, kind = model.actuator_trnid[:, 0], model.actuator_trntype
    on_joint = np.isin(kind, (mjtTrn.mjTRN_JOINT, mjtTrn.mjTRN_JOINTINPARENT))
    on_dof = on_joint & (model.dof_jntid[:, None] == target)
    on_tendon = (kind == mjtTrn.mjTRN_TENDON) & (np.arange(model.ntendon)[:, None] == target)
    felt = varied["actuator_armature"] * varied["actuator_gear"][:, 0] ** 2
    return (
        varied["dof_armature"] + jnp.sum(jnp.where(on_dof, felt, 0.0), 1),
        varied["tendon_armature"] + jnp.sum(jnp.where(on_tendon, felt, 0.0), 1),
    )


def _has_place(model: mujoco.MjModel) -> np.ndarray:
    """Tell which elements of the mass matrix MuJoCo's sparse format holds."""
    has_place = np.zeros((model.nv, model.nv), bool)
    rows = np.repeat(np.arange(model.nv), model.M_rownnz)
    has_place[rows, model.M_colind] = True
    return has_place | has_place.T
