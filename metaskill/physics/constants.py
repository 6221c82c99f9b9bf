"""The constants that MuJoCo derives from a model, for models that differ per world.

`mj_setConst` recomputes them in C; MJX has no counterpart. This is MuJoCo 4.0's, restricted
to constants that physics reads and that both engines take per world. Left out are

- shortcuts that hold for all worlds or none: the `sameframe` flags, and the boxes of the
  middle phase of collision detection (`bvh_aabb`, `body_margin`). Where frames vary they are
  stale: MuJoCo then moves geoms along with the inertial frame, ignores leaves and misses
  contacts. `without_shortcuts` switches them off. MJX has none;
- what physics does not read: `actuator_length0`, which MJX lacks, and poses of cameras and
  lights; and what flexes and sleeping bodies need (`dof_length`, `efm0_L`, ...), which the
  engines here do not support;
- structure, of which an engine has one for all worlds (`body_contype`, `geom_fluid`, counts,
  flags): leaves that would change it are refused.

Since MuJoCo 4.0 the compiler alone resolves `tendon_lengthspring`, the damping of a
`dampratio` and `stat.meaninertia`, and `mj_setConst` keeps them. (No solver reads the last
any more, and the native engine cannot take it per world.)

`body_simple` too is the compiler's: the mass matrix has no place for what would couple the
dofs of a simple body. Varying the inertial frame of one takes `<body simple="false">`.
Without, `mj_setConst` raises an error, where this function, blind to values, cannot.
"""

import copy
from collections.abc import Collection, Set

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float
from mujoco import mjtEq, mjtGeom, mjtObj, mjtTrn, mjtWrap

from metaskill.errors import UserError
from metaskill.physics.engine import ModelLeaves
from metaskill.physics.reach import Reach, reach
from metaskill.physics.rest_pose import (
    FRAME_FIELDS,
    MassMatrix,
    RestPose,
    VariedModel,
    body_jacobian,
    is_in_subtree,
    mass_matrix,
    quat_multiply,
    rest_pose,
    rotate,
    tendons_have_inertia,
)

_SITES = {"site_pos", "site_quat"}
_GEOMS = {"geom_pos", "geom_quat", "geom_size"}
_INERTIA = {"body_mass", "body_inertia", "body_ipos", "body_iquat", "dof_armature", "jnt_axis"}
_INPUTS = FRAME_FIELDS | _SITES | _GEOMS | _INERTIA
_INPUTS |= {"actuator_gear", "tendon_armature", "eq_data"}
# `mj_setConst` reads these too, but only for what is left out.
_READ_IN_VAIN = {"qpos_spring", "body_gravcomp", "geom_margin", "geom_gap"}
_READ_IN_VAIN |= {"tendon_stiffness", "tendon_stiffnesspoly"}
_READ_IN_VAIN |= {"tendon_damping", "tendon_dampingpoly"}
_READ_IN_VAIN |= {"cam_pos", "cam_quat", "light_pos", "light_dir"}


def derived_constants(model: mujoco.MjModel, names: Collection[str]) -> tuple[str, ...]:
    """Name the constants of `model` that depend on the named fields.

    Raises:
        UserError: See `set_const`.
    """
    varied = set(names)
    refused = varied & set(mujoco.MjModel._setconst_inputs) - _INPUTS - _READ_IN_VAIN
    if model.geom_fluid[:, 0].any():
        refused |= varied & {"geom_size"}
    if not model.flg_gravcomp:
        refused |= varied & {"body_gravcomp"}
    if refused:
        raise UserError(
            f"{min(refused)!r} cannot vary per world: an engine has one value for all worlds, "
            "of it or of what MuJoCo derives from it; make an environment for each value."
        )
    derived = tuple(
        name
        for name, fields in _dependencies(model, varied).items()
        if fields & varied and getattr(model, name).size
    )
    if derived and (model.nflex or model.nout != model.nu or not model.nv):
        raise UserError(
            f"{derived[0]!r} cannot vary per world in a model that has flexes, actuators of "
            "several outputs or no joints; vary other fields."
        )
    return derived


def set_const(model: mujoco.MjModel, leaves: ModelLeaves) -> ModelLeaves:
    """Complete the fields that vary with every constant that depends on them.

    Derivatives are exact, also where a mass or an armature is zero.

    Args:
        model: The compiled model, its own constants up to date.
        leaves: Fields of one world that vary.

    Returns:
        `leaves` with the constants that `derived_constants` names.

    Raises:
        UserError: If a field cannot vary per world, in general or in this model.
    """
    derived = derived_constants(model, leaves)
    if not derived:
        return leaves
    varied = VariedModel(model, leaves)
    constants = dict(zip(("geom_rbound", "geom_aabb"), _geom_bounds(varied), strict=True))
    if not constants.keys() >= set(derived):
        # On GPU and TPU float32 products otherwise lose half their digits.
        with jax.default_matmul_precision("highest"):
            pose, reached = rest_pose(varied), reach(varied)
            inertia = mass_matrix(varied, pose, reached.tendon_jacobian)
            constants |= _inverse_weights(varied, pose, reached, inertia)
            constants |= {
                "body_subtreemass": varied["body_mass"] @ is_in_subtree(model).astype(np.float32),
                "dof_M0": inertia.diagonal,
                "tendon_length0": reached.tendon_length,
                "eq_data": _eq_data(varied, pose),
            }
    return leaves | {name: constants[name] for name in derived}


def without_shortcuts(model: mujoco.MjModel) -> mujoco.MjModel:
    """Copy a model such that MuJoCo's own engine heeds frames that vary per world."""
    model = copy.copy(model)
    for flags in (model.body_sameframe, model.geom_sameframe, model.site_sameframe):
        flags[...] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)
    return model


def _dependencies(model: mujoco.MjModel, varied: set[str]) -> dict[str, Set[str]]:
    """Tell which fields each constant depends on."""
    tendons = {"qpos0"} if model.ntendon else set()
    if np.any(model.wrap_type >= int(mjtWrap.mjWRAP_SITE)):
        tendons |= FRAME_FIELDS | {"site_pos"}
    if np.any(model.wrap_type >= int(mjtWrap.mjWRAP_SPHERE)):
        tendons |= _GEOMS
    actuators = {"actuator_gear"} | tendons
    if np.any(model.actuator_trntype == mjtTrn.mjTRN_SITE):
        actuators |= FRAME_FIELDS | _SITES
    inertia = FRAME_FIELDS | _INERTIA
    if model.actuator_armature.any():
        inertia |= {"actuator_gear"}
    weights = set(inertia)
    if tendons_have_inertia(model, varied):
        weights |= {"tendon_armature"} | tendons
    has_anchors = any(len(ids) for ids in _derived_anchors(model))
    return {
        "body_subtreemass": {"body_mass"},
        "dof_M0": inertia,
        "body_invweight0": weights,
        "dof_invweight0": weights,
        "tendon_length0": tendons,
        "tendon_invweight0": weights | tendons,
        "actuator_acc0": weights | actuators,
        "geom_rbound": {"geom_size"},
        "geom_aabb": {"geom_size"},
        "eq_data": FRAME_FIELDS | {"eq_data"} if has_anchors else set(),
    }


def _inverse_weights(
    varied: VariedModel, pose: RestPose, reached: Reach, inertia: MassMatrix
) -> dict[str, Array]:
    """Return the inverse inertias J M^-1 J' that bodies, dofs and tendons show.

    Of a body it is the mean over the three directions, of a ball or free joint the mean over
    the dofs that turn, and over those that shift.
    """
    model = varied.model
    rows = [
        jnp.concatenate(body_jacobian(varied, pose), 2).transpose(0, 2, 1).reshape(-1, model.nv),
        jnp.eye(model.nv),
        reached.tendon_jacobian,
        reached.actuator_moment,
    ]
    accelerations, weights = _solve(inertia.matrix, inertia.factor, jnp.concatenate(rows))
    of_body, of_dof, of_tendon, _ = jnp.split(weights, np.cumsum([len(row) for row in rows[:-1]]))

    # A simple body without rotation: MuJoCo heeds neither armature nor its axes.
    simple = model.body_simple == 2
    of_mass = 1 / jnp.maximum(jnp.where(simple, varied["body_mass"], 1.0), mujoco.mjMINVAL)
    of_simple = of_mass[:, None] * jnp.array([1.0, 0.0])
    of_body = jnp.where(simple[:, None], of_simple, of_body.reshape(-1, 2, 3).mean(2))
    of_dof = jnp.where(
        simple[model.dof_bodyid], of_mass[model.dof_bodyid], _block_means(model) @ of_dof
    )
    return {
        "body_invweight0": jnp.where(model.body_weldid[:, None] == 0, 0.0, of_body),
        "dof_invweight0": of_dof,
        "tendon_invweight0": of_tendon,
        "actuator_acc0": _norm(accelerations[len(accelerations) - model.nu :]),
    }


@jax.custom_jvp
def _solve(
    matrix: Float[Array, "n n"], factor: Float[Array, "rows n"], rhs: Float[Array, "k n"]
) -> tuple[Float[Array, "k n"], Float[Array, " k"]]:
    """Return M^-1 r and r M^-1 r for every row r, where M = F'F.

    F = QR gives M = R'R with errors of the order of the condition of F, the square root of
    M's. Gram and Schmidt's modified method finds R as exactly as reflections do (Björck,
    Solving linear least squares problems by Gram-Schmidt orthogonalization, 1967). LAPACK's
    would cost more: its threads, awake between many small calls, take the cores from
    MuJoCo's. Derivatives follow M, because those of F would not exist where an inertia is
    zero.
    """
    del matrix
    dofs = jnp.arange(factor.shape[1])

    def eliminate(carry: tuple[Array, Array], dof: Array) -> tuple[tuple[Array, Array], Array]:
        """Take one dof's direction out of the later ones; return a row of R'^-1."""
        columns, identity = carry
        pivot = _norm(columns[dof][None])[0]
        direction, row = columns[dof] / pivot, identity[dof] / pivot
        above = jnp.where(dofs > dof, columns @ direction, 0.0)
        return (columns - jnp.outer(above, direction), identity - jnp.outer(above, row)), row

    start = (factor.T, jnp.eye(len(dofs)))
    _, inverse = jax.lax.scan(eliminate, start, dofs)
    half = rhs @ inverse.T
    return half @ inverse, jnp.sum(half * half, 1)


@_solve.defjvp
def _solve_jvp(primals: tuple, tangents: tuple) -> tuple:
    matrix, factor, rhs = primals
    d_matrix, _, d_rhs = tangents
    solution, product = _solve(matrix, factor, rhs)
    d_residual = d_rhs - solution @ d_matrix
    d_solution = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(matrix), d_residual.T).T
    return (solution, product), (d_solution, jnp.sum(solution * (d_rhs + d_residual), 1))


def _norm(rows: Float[Array, "n m"]) -> Float[Array, " n"]:
    squares = jnp.sum(rows * rows, 1)
    # The derivative of a square root at zero is infinite.
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)


def _block_means(model: mujoco.MjModel) -> Float[Array, "nv nv"]:
    """Return the matrix that averages over dofs of one joint that all turn or all shift."""
    first = model.jnt_dofadr[model.dof_jntid]
    block = first + 3 * ((np.arange(model.nv) - first) // 3)
    same = block[:, None] == block
    return jnp.asarray(same / same.sum(1), jnp.float32)


def _derived_anchors(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """List the connect and the weld constraints whose second half `mj_setConst` fills in."""
    of_bodies = model.eq_objtype == mjtObj.mjOBJ_BODY
    connects = of_bodies & (model.eq_type == mjtEq.mjEQ_CONNECT)
    # The compiler marks welds that were given no relative pose.
    welds = of_bodies & (model.eq_type == mjtEq.mjEQ_WELD) & (model.eq_data[:, 11] != 0)
    return np.flatnonzero(connects), np.flatnonzero(welds)


def _eq_data(varied: VariedModel, pose: RestPose) -> Float[Array, "neq 12"]:
    """Return where connected and welded bodies meet at `qpos0`, in both their frames."""
    model, data, pos = varied.model, jnp.asarray(varied["eq_data"], float), pose.root + pose.pos
    connects, welds = _derived_anchors(model)
    # The given anchor is in the first body's frame of a connect, in the second's of a weld.
    for ids, given, other in (
        (connects, model.eq_obj1id[connects], model.eq_obj2id[connects]),
        (welds, model.eq_obj2id[welds], model.eq_obj1id[welds]),
    ):
        point = pos[given] + rotate(pose.mat[given], data[ids, :3])
        inverse = jnp.swapaxes(pose.mat[other], 1, 2)
        data = data.at[ids, 3:6].set(rotate(inverse, point - pos[other]))
    conjugate = pose.quat[model.eq_obj1id[welds]] * jnp.array([1.0, -1.0, -1.0, -1.0])
    turn = quat_multiply(conjugate, pose.quat[model.eq_obj2id[welds]])
    return data.at[welds, 6:10].set(turn)


def _geom_bounds(varied: VariedModel) -> tuple[Float[Array, " ngeom"], Float[Array, "ngeom 6"]]:
    """Return bounding spheres and boxes of geoms; those of meshes and planes stay."""
    kind, size = varied.model.geom_type, varied["geom_size"]
    a, b, c = size.T
    shapes = {
        mjtGeom.mjGEOM_SPHERE: (a, (a, a, a)),
        mjtGeom.mjGEOM_CAPSULE: (a + b, (a, a, a + b)),
        mjtGeom.mjGEOM_ELLIPSOID: (jnp.max(size, 1), (a, b, c)),
        mjtGeom.mjGEOM_CYLINDER: (_norm(size[:, :2]), (a, a, b)),
        mjtGeom.mjGEOM_BOX: (_norm(size), (a, b, c)),
    }
    rbound, aabb = varied["geom_rbound"], varied["geom_aabb"]
    half = aabb[:, 3:]
    for shape, (radius, box) in shapes.items():
        rbound = jnp.where(kind == shape, radius, rbound)
        half = jnp.where((kind == shape)[:, None], jnp.stack(box, 1), half)
    return rbound, jnp.concatenate([aabb[:, :3], half], 1)
