"""MuJoCo's own C engine on a thread pool, called from inside jitted programs."""

import collections
import contextlib
import functools
import hashlib
import threading
from collections.abc import Iterator

import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float
from mujoco import batch as mujoco_batch

from metaskill.physics.engine import ModelLeaves
from metaskill.physics.host_call import host_call
from metaskill.physics.inputs import array_of, model_fields
from metaskill.physics.mocap import MocapBodies
from metaskill.physics.reference import ReferenceState, engine_copy, is_sound
from metaskill.physics.state import PhysicsState
from metaskill.physics.unsupported import refuse_on_native

_VELOCITY_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)
_NO_STAGE = int(mujoco.mjtStage.mjSTAGE_NONE)


class NativeEngine:
    """Worlds of one model, stepped by `mujoco.batch` through `host_call`.

    Whatever `vmap`s surround a call, their axes reach the host as leading axes and
    are flattened into one batch of worlds. A world crosses the border as one packed
    row, its varied model fields included, because each operand of a call costs as much
    as stepping many worlds.

    A batch is used again for other worlds, so each call writes all of MuJoCo's state in
    which two worlds may differ: the packed state, controls, and poses of mocap bodies.
    """

    def __init__(self, model: mujoco.MjModel, derived_fields: tuple[str, ...] = ()):
        """Build the engine.

        Raises:
            UserError: If the model has something that the engine does not simulate.
        """
        refuse_on_native(model)
        self.model = engine_copy(model)
        self.derived_fields = derived_fields
        self._reference = ReferenceState(self.model, derived_fields)
        self._batches = _BatchPool(self.model)
        self._mocap_bodies = MocapBodies(self.model)
        self._fingerprint = _fingerprint(self.model, derived_fields)

    def reset(
        self,
        leaves: ModelLeaves,
        qpos: Float[Array, " nq"],
        qvel: Float[Array, " nv"],
    ) -> PhysicsState:
        """Return the state at rest in time; see `Engine.reset`."""
        leaves = self._checked(leaves)
        qpos = array_of("qpos", qpos, (self.model.nq,))
        qvel = array_of("qvel", qvel, (self.model.nv,))
        derived: dict[str, Array] = {}
        if self.derived_fields:
            names = tuple(sorted(leaves))
            flat = host_call(
                f"metaskill_forward_{self._fingerprint}_{'_'.join(names)}",
                functools.partial(self._forward_rows, names),
                jnp.concatenate([qpos, qvel, *_raveled(leaves, names)]),
                self._reference.derived_size,
            )
            derived = self._reference.unpack_derived(flat)
        return PhysicsState(
            qpos=qpos,
            qvel=qvel,
            act=jnp.zeros(self.model.na),
            qacc_warmstart=jnp.zeros(self.model.nv),
            time=jnp.zeros(()),
            derived=derived,
            failed=jnp.zeros((), bool),
            memory=self._reference.initial_memory(),
        )

    def step(
        self,
        leaves: ModelLeaves,
        state: PhysicsState,
        ctrl: Float[Array, " nu"],
        n_substeps: int,
    ) -> PhysicsState:
        """Advance one control step; see `Engine.step`."""
        leaves = self._checked(leaves)
        names = tuple(sorted(leaves))
        row = jnp.concatenate(
            [
                *self._reference.parts(state),
                array_of("ctrl", ctrl, (self.model.nu,)),
                *_raveled(leaves, names),
            ]
        )
        size = self._reference.size
        out = host_call(
            f"metaskill_step_{self._fingerprint}_{n_substeps}_{'_'.join(names)}",
            functools.partial(self._step_rows, n_substeps, names),
            row,
            size + 1,
        )
        return self._reference.unpack(out[:size], failed=out[size] > 0)

    def _checked(self, leaves: ModelLeaves) -> ModelLeaves:
        return model_fields(self.model, leaves, mujoco_batch.MODEL_FIELDS, "native")

    def _step_rows(
        self, n_substeps: int, names: tuple[str, ...], rows: np.ndarray, out: np.ndarray
    ) -> None:
        reference = self._reference
        stage = _VELOCITY_STAGE if self.derived_fields else _NO_STAGE
        with self._batches.take(len(rows), names) as batch:
            n_state = reference.write_rows(batch, rows)
            end = n_state + self.model.nu
            batch.bind("ctrl")[...] = rows[:, n_state:end]
            self._set_model_fields(batch, names, rows[:, end:])
            # A world that enters unsound is not worth MuJoCo's time and warnings. (Its
            # model fields do not count: the bounds of a plane are as large as may be.)
            runs = is_sound(rows[:, :end])
            ids = None if runs.all() else runs
            failed = ~runs
            try:
                batch.step(ids, nstep=n_substeps, stage=stage)
            except mujoco_batch.SimulationError as error:
                failed[error.ids] = True
            reference.read_rows(batch, out[:, :-1])
        failed |= ~is_sound(out[:, :-1])
        out[failed, :-1] = reference.row
        out[:, -1] = failed

    def _forward_rows(self, names: tuple[str, ...], rows: np.ndarray, out: np.ndarray) -> None:
        nq, nv = self.model.nq, self.model.nv
        with self._batches.take(len(rows), names) as batch:
            batch.bind("qpos")[...] = rows[:, :nq]
            batch.bind("qvel")[...] = rows[:, nq : nq + nv]
            self._set_model_fields(batch, names, rows[:, nq + nv :])
            self._reference.bind_derived(batch)
            # A failure here shows in the next step, which flags the world.
            with contextlib.suppress(mujoco_batch.SimulationError):
                batch.forward(stage=_VELOCITY_STAGE)
            self._reference.read_derived(batch, out)

    def _set_model_fields(
        self, batch: mujoco_batch.Batch, names: tuple[str, ...], rows: np.ndarray
    ) -> None:
        """Write the packed fields, in the order of `names`, and what follows from them."""
        column = 0
        for name in names:
            field = batch.expand(name).reshape(len(rows), -1)
            field[...] = rows[:, column : column + field.shape[1]]
            column += field.shape[1]
        for pose, field_name in self._mocap_bodies.varied(names):
            batch.bind(pose)[...] = batch.expand(field_name)[:, self._mocap_bodies.ids]


class _BatchPool:
    """Batches by number of worlds and set of varied fields, one caller at a time.

    A batch that has expanded a field cannot share it again, hence the fields in the
    key. Several devices may call the host at once: each takes a batch of its own.
    """

    def __init__(self, model: mujoco.MjModel):
        self._model = model
        self._free: dict[tuple[int, tuple[str, ...]], list[mujoco_batch.Batch]] = (
            collections.defaultdict(list)
        )
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def take(self, n_worlds: int, names: tuple[str, ...]) -> Iterator[mujoco_batch.Batch]:
        key = (n_worlds, names)
        with self._lock:
            batch = self._free[key].pop() if self._free[key] else None
        if batch is None:
            batch = mujoco_batch.Batch(self._model, n_worlds)
        try:
            yield batch
        finally:
            with self._lock:
                self._free[key].append(batch)


def _fingerprint(model: mujoco.MjModel, derived_fields: tuple[str, ...]) -> str:
    """Return the same for equal models in any process, for names of what steps them."""
    saved = np.empty(mujoco.mj_sizeModel(model), np.uint8)
    mujoco.mj_saveModel(model, None, saved)
    content = saved.tobytes() + " ".join(derived_fields).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _raveled(leaves: ModelLeaves, names: tuple[str, ...]) -> list[Array]:
    return [jnp.ravel(leaves[name]) for name in names]
