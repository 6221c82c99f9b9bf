"""Physics parameters by name, and the model fields that they change."""

import copy
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Bool, Float

from metaskill.errors import UserError
from metaskill.physics.change import Change
from metaskill.physics.constants import set_const, without_shortcuts
from metaskill.physics.engine import ModelLeaves
from metaskill.physics.param_spec import Operation, ParamSpec
from metaskill.physics.resolution import refuse_overwritten, report_partly_felt, resolve
from metaskill.physics.rest_pose import quat_multiply
from metaskill.physics.selection import field_values
from metaskill.physics.trial import report_unfelt

__all__ = ["Operation", "ParamSpec", "PhysicsParameters"]


class PhysicsParameters:
    """Compiles specs to a function from their values to a model's fields.

    Fields are always computed from the nominal model, so applying twice changes
    nothing, and specs of the same field act one after the other. Where MuJoCo keeps one
    quantity in two fields, both follow: inertia the mass of its body, and the position
    feedback of a position actuator its gain.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        specs: tuple[ParamSpec, ...],
        derived_fields: tuple[str, ...] = (),
    ):
        """Resolve the selectors.

        What only a part of a parameter's range changes, and what a short trial does not feel at
        all, is logged as a warning.

        Args:
            model: The compiled model.
            specs: Its parameters.
            derived_fields: MjData fields that the environment reads beside the state.

        Raises:
            UserError: If a field does not exist, nothing is selected, or the parameter
                could have no effect; with the reason and what to do.
        """
        self.specs = specs
        self._model = model
        self._nominal: dict[str, np.ndarray] = {}
        self._rows: dict[str, np.ndarray] = {}
        for spec in specs:
            if sum(other.name == spec.name for other in specs) > 1:
                raise UserError(f"two parameters are called {spec.name!r}: rename one.")
        changes = [resolve(model, spec, specs, derived_fields) for spec in specs]
        refuse_overwritten(changes)
        for spec, change in zip(specs, changes, strict=True):
            self._rows[spec.name] = change.rows
            for field in (spec.field, *_FOLLOWERS.get(spec.field, ())):
                self._nominal[field] = field_values(model, field)
        self._engine_model = _heeding(model, changes)
        report_unfelt(model, report_partly_felt(model, changes), changes)
        self._is_position_actuator = _is_position_actuator(model)

    def nominal_values(self) -> dict[str, Float[Array, "..."]]:
        """Return the values that leave the model as it was compiled."""
        return {spec.name: jnp.asarray(self._nominal_value(spec)) for spec in self.specs}

    def engine_model(self) -> mujoco.MjModel:
        """Return the model to build an engine with, so that it heeds what varies."""
        return self._engine_model

    def apply(self, values: dict[str, Float[Array, "..."]]) -> ModelLeaves:
        """Return the fields that the parameters change, and all that follows from them.

        What MuJoCo derives from the fields is recomputed (`set_const`), which takes about
        as long as stepping the world: do it once an episode.

        Args:
            values: A value for each parameter: a scalar, or with `per_object` one for
                each selected object.
        """
        leaves: ModelLeaves = {}
        for spec in self.specs:
            before = leaves.get(spec.field, jnp.asarray(self._nominal[spec.field]))
            after = self._changed(spec, before, values[spec.name])
            leaves[spec.field] = after
            self._let_follow(spec.field, before, after, leaves)
        for field in leaves:
            if field.startswith("opt."):
                leaves[field] = leaves[field].reshape(np.shape(getattr(self._model.opt, field[4:])))
        is_nominal = jnp.ones((), bool)
        for name, value in leaves.items():
            is_nominal &= jnp.all(value == self._field(name))
        completed = set_const(self._engine_model, leaves)
        for name in completed.keys() - leaves.keys():
            completed[name] = _snap(is_nominal, jnp.asarray(self._field(name)), completed[name])
        return completed

    def _field(self, name: str) -> np.ndarray:
        """Return the compiled value of a field in the shape of its leaf."""
        if name.startswith("opt."):
            return np.asarray(getattr(self._model.opt, name[4:]), np.float32)
        return field_values(self._model, name)

    def _changed(self, spec: ParamSpec, field: Array, value: Array) -> Array:
        rows = self._rows[spec.name]
        selected = field[rows]
        value = jnp.asarray(value, jnp.float32)
        if value.ndim:  # One a row: the same for every column of it.
            value = value.reshape(len(rows), *[1] * (selected.ndim - 1))
        if spec.operation == "turn":
            return field.at[rows].set(_turned(selected, value.reshape(-1)))
        operations = {
            "scale": selected * value,
            "add": selected + value,
            "set": jnp.broadcast_to(value, selected.shape),
        }
        changed = operations[spec.operation]
        if spec.columns is not None and selected.ndim > 1:
            chosen = jnp.zeros(selected.shape[-1], bool).at[jnp.array(spec.columns)].set(True)
            changed = jnp.where(chosen, changed, selected)
        return field.at[rows].set(changed)

    def _let_follow(self, field: str, before: Array, after: Array, leaves: ModelLeaves) -> None:
        """Change what MuJoCo keeps beside a field together with it."""
        for follower in _FOLLOWERS.get(field, ()):
            current = leaves.get(follower, jnp.asarray(self._nominal[follower]))
            if field == "body_mass":
                # The world body has no mass: its ratio is 1.
                ratio = jnp.where(before > 0, after / jnp.where(before > 0, before, 1.0), 1.0)
                leaves[follower] = current * ratio[:, None]
            else:
                feedback = jnp.where(self._is_position_actuator, -after[:, 0], current[:, 1])
                leaves[follower] = current.at[:, 1].set(feedback)

    def _nominal_value(self, spec: ParamSpec) -> np.ndarray | np.float32:
        rows = self._rows[spec.name]
        if spec.operation == "set":
            values = self._nominal[spec.field][rows].reshape(len(rows), -1)
            values = values[:, list(spec.columns)] if spec.columns else values
            if not np.all(values == (values[:, :1] if spec.per_object else values[0, 0])):
                raise UserError(
                    f"{spec.name} sets values that are not all equal in the model, so that it "
                    "has no nominal value: use scale or add, or select fewer."
                )
            return values[:, 0] if spec.per_object else values[0, 0]
        neutral = np.float32(1.0 if spec.operation == "scale" else 0.0)
        return np.full(len(rows), neutral) if spec.per_object else neutral


def _turned(quats: Float[Array, "rows 4"], angles: Float[Array, " rows_or_one"]) -> Array:
    """Turn orientations about the z axis of the frame that they are given in."""
    half, zero = angles / 2, jnp.zeros_like(angles)
    turn = jnp.stack([jnp.cos(half), zero, zero, jnp.sin(half)], axis=-1)
    return quat_multiply(jnp.broadcast_to(turn, quats.shape), quats)


@jax.custom_jvp
def _snap(is_nominal: Bool[Array, ""], compiled: Array, computed: Array) -> Array:
    """Return MuJoCo's own constants where nothing differs from the nominal model.

    Computed ones differ from them in the last digits. The derivative is that of computing.
    """
    return jnp.where(is_nominal, compiled, computed)


@_snap.defjvp
def _snap_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return _snap(*primals), tangents[2]


# MJX leaves the computation out where the compiled values are 0; the C engine some, too.
_LEFT_OUT_WHERE_ZERO = frozenset(
    {
        "dof_frictionloss",
        "tendon_frictionloss",
        "opt.density",
        "opt.viscosity",
        "body_gravcomp",
    }
)
_ANYWHERE = 1e6  # m
# Physically nothing, and not 0 in single precision.
_ALMOST_ZERO = 1e-30


def _heeding(model: mujoco.MjModel, changes: Sequence[Change]) -> mujoco.MjModel:
    """Return the model to build an engine with, so that no engine leaves out what varies."""
    shapes = {f"{kind}_{part}" for kind in ("body", "geom", "site") for part in ("pos", "quat")}
    shapes |= {"body_ipos", "body_iquat", "geom_size"}
    if shapes & {change.field for change in changes}:
        model = without_shortcuts(model)
    if {"geom_margin", "geom_gap"} & {change.field for change in changes}:
        # MuJoCo looks for contacts between bodies within compiled margins: look everywhere.
        model = without_shortcuts(model)
        model.body_margin[:] = _ANYWHERE
    left_out = [
        change
        for change in changes
        if change.field in _LEFT_OUT_WHERE_ZERO
        and not change.values(model).all()
        # Scaling keeps zeros.
        and change.operation != "scale"
    ]
    if left_out:
        model = copy.copy(model)
    for change in left_out:
        if change.field.startswith("opt."):
            setattr(model.opt, change.field[4:], _ALMOST_ZERO)
        else:
            field = getattr(model, change.field)
            field[change.rows] = np.where(field[change.rows] == 0, _ALMOST_ZERO, field[change.rows])
        if change.field == "body_gravcomp":
            model.flg_gravcomp = True
    return model


_FOLLOWERS = {"body_mass": ("body_inertia",), "actuator_gainprm": ("actuator_biasprm",)}


def _is_position_actuator(model: mujoco.MjModel) -> np.ndarray:
    """Tell which actuators feed back their position with their own gain (kp and -kp)."""
    affine = model.actuator_biastype == int(mujoco.mjtBias.mjBIAS_AFFINE)
    gain = model.actuator_gainprm[:, 0]
    return affine & (gain != 0) & (model.actuator_biasprm[:, 1] == -gain)
