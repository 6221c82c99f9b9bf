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
from metaskill.physics.reference import (
    LARGEST_SOUND_VALUE,
    ReferenceState,
    engine_copy,
)
from metaskill.physics.state import PhysicsState

# MJX prints that it found no Warp, which is an extra that nobody has to have.
with contextlib.redirect_stdout(io.StringIO()):
    from mujoco import mjx
    from mujoco.mjx._src import forward as mjx_forward


class MjxEngine:
    """Worlds of one model, stepped by `mujoco.mjx`."""

    def __init__(self, model: mujoco.MjModel, derived_fields: tuple[str, ...] = ()):
        self.model = engine_copy(model)
        self.derived_fields = derived_fields
        self._reference = ReferenceState(self.model, derived_fields)
        self._mjx_model = mjx.put_model(self.model)

    def reset(
        self,
        leaves: ModelLeaves,
        qpos: Float[Array, " nq"],
        qvel: Float[Array, " nv"],
    ) -> PhysicsState:
        """Return the state at rest in time; see `Engine.reset`."""
        model = self._with_leaves(leaves)
        with _mjx_numerics():
            data = mjx.make_data(self.model, impl="jax").replace(qpos=qpos, qvel=qvel)
        return self._state(model, data, failed=jnp.zeros((), bool))

    def step(
        self,
        leaves: ModelLeaves,
        state: PhysicsState,
        ctrl: Float[Array, " nu"],
        n_substeps: int,
    ) -> PhysicsState:
        """Advance one control step; see `Engine.step`."""
        model = self._with_leaves(leaves)

        def substep(data: mjx.Data, _: None) -> tuple[mjx.Data, None]:
            return mjx.step(model, data), None

        with _mjx_numerics():
            # A whole mjx.Data is never carried outside: it is rebuilt from a template.
            data = mjx.make_data(self.model, impl="jax").replace(
                qpos=state.qpos,
                qvel=state.qvel,
                act=state.act,
                qacc_warmstart=state.qacc_warmstart,
                time=state.time,
                ctrl=ctrl,
            )
            data, _ = jax.lax.scan(substep, data, None, length=n_substeps)
        after = self._state(model, data, failed=jnp.zeros((), bool))
        row = jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves((after.qpos, after.qvel))])
        failed = ~jnp.all(jnp.abs(row) < LARGEST_SOUND_VALUE)
        reference = self._reference.unpack(jnp.asarray(self._reference.row), failed)
        return jax.tree.map(lambda ref, new: jnp.where(failed, ref, new), reference, after)

    def _with_leaves(self, leaves: ModelLeaves) -> mjx.Model:
        # MJX holds a joint fast whose friction loss is 0, once it has a row for it.
        positive = {
            name: jnp.maximum(leaves[name], jnp.finfo(jnp.float32).tiny)
            for name in leaves.keys() & {"dof_frictionloss", "tendon_frictionloss"}
        }
        return self._mjx_model.tree_replace({**leaves, **positive}) if leaves else self._mjx_model

    def _state(self, model: mjx.Model, data: mjx.Data, failed: Bool[Array, ""]) -> PhysicsState:
        if self.derived_fields:
            with _mjx_numerics():
                data = mjx_forward.fwd_velocity(model, mjx_forward.fwd_position(model, data))
        return PhysicsState(
            qpos=data.qpos,
            qvel=data.qvel,
            act=data.act,
            qacc_warmstart=data.qacc_warmstart,
            time=data.time,
            derived={name: _field(data, name) for name in self.derived_fields},
            failed=failed,
        )


@contextlib.contextmanager
def _mjx_numerics() -> Iterator[None]:
    """Trace MJX as it expects to be, whatever the program around it has chosen."""
    # On GPU and TPU float32 products otherwise lose half their digits; and MJX mixes
    # dtypes in ways that strict promotion refuses.
    with jax.default_matmul_precision("highest"), jax.numpy_dtype_promotion("standard"):
        yield


def _field(data: mjx.Data, name: str) -> Array:
    public = {field.name for field in dataclasses.fields(mjx.Data)}
    return getattr(data if name in public else data._impl, name)
