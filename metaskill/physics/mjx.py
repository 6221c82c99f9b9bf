"""MuJoCo in JAX: differentiable, and the fast engine on GPU and TPU."""

import contextlib
import dataclasses
import io
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Bool, Float

from metaskill.physics.engine import ModelLeaves
from metaskill.physics.inputs import array_of, model_fields
from metaskill.physics.mocap import MocapBodies
from metaskill.physics.reference import (
    LARGEST_SOUND_VALUE,
    ReferenceState,
    engine_copy,
)
from metaskill.physics.state import PhysicsState
from metaskill.physics.unsupported import FIELDS_THAT_MJX_IGNORES, mjx_refusals, refuse_on_mjx

# MJX prints that it found no Warp, which is an extra that nobody has to have.
with contextlib.redirect_stdout(io.StringIO()):
    from mujoco import mjx
    from mujoco.mjx._src import forward as mjx_forward

_DIAGNOSTICS = int(mujoco.mjtEnableBit.mjENBL_ENERGY) | int(mujoco.mjtEnableBit.mjENBL_FWDINV)


class MjxEngine:
    """Worlds of one model, stepped by `mujoco.mjx`."""

    def __init__(self, model: mujoco.MjModel, derived_fields: tuple[str, ...] = ()):
        """Build the engine.

        Raises:
            UserError: If the model has something that MJX does not simulate.
        """
        refuse_on_mjx(model)
        self.model = engine_copy(model)
        # What they compute is in no state, and MJX refuses models that ask for it.
        self.model.opt.enableflags &= ~_DIAGNOSTICS
        self.derived_fields = derived_fields
        self._reference = ReferenceState(self.model, derived_fields)
        self._mocap_bodies = MocapBodies(self.model)
        with _mjx_numerics():
            self._mjx_model = mjx.put_model(self.model)
            mjx.make_data(self.model, impl="jax")
        self._fields = _per_world_fields(self._mjx_model)

    def reset(
        self,
        leaves: ModelLeaves,
        qpos: Float[Array, " nq"],
        qvel: Float[Array, " nv"],
    ) -> PhysicsState:
        """Return the state at rest in time; see `Engine.reset`."""
        model = self._with_leaves(leaves)
        qpos = array_of("qpos", qpos, (self.model.nq,))
        qvel = array_of("qvel", qvel, (self.model.nv,))
        with _mjx_numerics():
            data = self._data(model, leaves).replace(qpos=qpos, qvel=qvel)
        state = self._state(model, data, failed=jnp.zeros((), bool))
        # MJX normalizes quaternions where it computes derived fields; MuJoCo, where it steps.
        return dataclasses.replace(state, qpos=qpos)

    def step(
        self,
        leaves: ModelLeaves,
        state: PhysicsState,
        ctrl: Float[Array, " nu"],
        n_substeps: int,
    ) -> PhysicsState:
        """Advance one control step; see `Engine.step`."""
        model = self._with_leaves(leaves)
        entered = self._reference.parts(state)
        qpos, qvel, act, qacc_warmstart, time = entered
        ctrl = array_of("ctrl", ctrl, (self.model.nu,))

        def substep(data: mjx.Data, _: None) -> tuple[mjx.Data, None]:
            return mjx.step(model, data), None

        with _mjx_numerics():
            # A whole mjx.Data is never carried outside: it is rebuilt from a template.
            data = self._data(model, leaves).replace(
                qpos=qpos,
                qvel=qvel,
                act=act,
                qacc_warmstart=qacc_warmstart,
                time=time[0],
                ctrl=ctrl,
            )
            data, _ = jax.lax.scan(substep, data, None, length=n_substeps)
        after = self._state(model, data, failed=jnp.zeros((), bool))
        left = [*self._reference.parts(after), *map(jnp.ravel, after.derived.values())]
        row = jnp.concatenate([*entered, ctrl, *left])
        failed = ~jnp.all(jnp.abs(row) < LARGEST_SOUND_VALUE)
        reference = self._reference.unpack(jnp.asarray(self._reference.row, float), failed)
        return jax.tree.map(lambda ref, new: jnp.where(failed, ref, new), reference, after)

    def _with_leaves(self, leaves: ModelLeaves) -> mjx.Model:
        if not leaves:
            return self._mjx_model
        fields = model_fields(self.model, leaves, self._fields, "mjx")
        # MJX holds a joint fast whose friction loss is 0, once it has a row for it.
        for name in fields.keys() & {"dof_frictionloss", "tendon_frictionloss"}:
            fields[name] = jnp.maximum(fields[name], jnp.finfo(jnp.float32).tiny)
        return self._mjx_model.tree_replace(fields)

    def _data(self, model: mjx.Model, leaves: ModelLeaves) -> mjx.Data:
        data = mjx.make_data(self.model, impl="jax")
        poses = {
            pose: getattr(model, field)[self._mocap_bodies.ids]
            for pose, field in self._mocap_bodies.varied(leaves)
        }
        return data.replace(**poses) if poses else data

    def _state(self, model: mjx.Model, data: mjx.Data, failed: Bool[Array, ""]) -> PhysicsState:
        at = data
        if self.derived_fields:
            with _mjx_numerics():
                at = mjx_forward.fwd_velocity(model, mjx_forward.fwd_position(model, data))
        shapes = self._reference.derived_shapes  # MJX has matrices where MuJoCo has rows of 9.
        return PhysicsState(
            qpos=at.qpos,
            qvel=at.qvel,
            act=at.act,
            qacc_warmstart=at.qacc_warmstart,
            time=at.time,
            derived={name: jnp.reshape(_field(at, name), shape) for name, shape in shapes.items()},
            failed=failed,
        )


@contextlib.contextmanager
def _mjx_numerics() -> Iterator[None]:
    """Trace MJX as it expects to be, whatever the program around it has chosen."""
    # On GPU and TPU float32 products otherwise lose half their digits; and MJX mixes
    # dtypes in ways that strict promotion refuses.
    with (
        jax.default_matmul_precision("highest"),
        jax.numpy_dtype_promotion("standard"),
        mjx_refusals(),
    ):
        yield


def _per_world_fields(model: mjx.Model) -> frozenset[str]:
    """Name the fields that MJX takes as arrays; of the others a program has one value."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(model)]
    names = {jax.tree_util.keystr(path, simple=True, separator=".") for path in paths}
    return frozenset(names - FIELDS_THAT_MJX_IGNORES)


def _field(data: mjx.Data, name: str) -> Array:
    public = {field.name for field in dataclasses.fields(mjx.Data)}
    return getattr(data if name in public else data._impl, name)
