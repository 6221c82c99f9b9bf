"""The reference configuration of a model, and states as packed rows."""

import copy
import math

import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Bool, Float
from mujoco import batch as mujoco_batch

from metaskill.physics.history import initial_history, read_history, write_history
from metaskill.physics.inputs import array_of
from metaskill.physics.state import PhysicsState

STATE_FIELDS = ("qpos", "qvel", "act", "qacc_warmstart", "time")

# What few models have: the states of others have no such field.
MEMORY_FIELDS = ("plastic", "plugin_state", "history")

# A box around a floor reaches down 1e10 m: rounded, it would end below what stands on the floor,
# whose contacts MuJoCo then never looks for. Boxes bound what is simulated, and vary with no world.
_NOT_ROUNDED = ("_", "bvh_")

# Which sample a delay reaches is decided in the last digit of a double: see `history`.
_TIMES = {"timestep", "actuator_delay", "sensor_delay", "sensor_interval"}

# mju_isBad: MuJoCo calls a simulation unstable beyond this (mjMAXVAL).
LARGEST_SOUND_VALUE = 1e10


def engine_copy(model: mujoco.MjModel) -> mujoco.MjModel:
    """Copy a model as every engine steps it: in single precision, without autoreset.

    Model fields that vary per world are float32, so those that do not are rounded to it
    too: then a world whose fields have their nominal values is the same, bit for bit, as
    one whose fields do not vary, and engines differ in nothing but their arithmetic.

    MuJoCo by default puts an exploding world silently back to its initial state, which
    would look to a learner like a teleport without an end of the episode.
    """
    model = copy.copy(model)
    not_rounded = _TIMES if model.nhistory else set()
    for part in (model, model.opt):
        for name in dir(part):
            is_kept = name.startswith(_NOT_ROUNDED) or name in not_rounded
            value = None if is_kept else getattr(part, name)
            if isinstance(value, np.ndarray) and value.dtype == np.float64:
                value[...] = value.astype(np.float32)
            elif isinstance(value, float):
                setattr(part, name, float(np.float32(value)))
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    return model


def is_sound(rows: np.ndarray) -> np.ndarray:
    """Tell which rows hold only finite values of a size that MuJoCo accepts."""
    # One comparison catches NaN too: it is False for it.
    return (np.abs(rows) < LARGEST_SOUND_VALUE).all(axis=1)


class ReferenceState:
    """Where a failed world is put: the model's `qpos0` at rest, and its derived fields.

    It also fixes the order in which a state's fields stand in a packed row.

    Attributes:
        row: The packed state.
        derived_row: The packed derived fields.
        derived_shapes: The shapes that derived fields have in MuJoCo, by name.
    """

    def __init__(self, model: mujoco.MjModel, derived_fields: tuple[str, ...]):
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        self.derived_fields = derived_fields
        values = {name: np.asarray(getattr(data, name)) for name in STATE_FIELDS}
        values["qacc_warmstart"] = np.zeros(model.nv)
        derived = {name: np.asarray(getattr(data, name)) for name in derived_fields}
        memory = {name: getattr(data, name) for name in MEMORY_FIELDS if getattr(data, name).size}
        if "history" in memory:
            memory["history"] = initial_history(data)
        self._state_shapes = {name: value.shape for name, value in values.items()}
        self._memory_shapes = {name: value.shape for name, value in memory.items()}
        self.derived_shapes = {name: value.shape for name, value in derived.items()}
        self._memory_row = _pack(memory)
        self.derived_row = _pack(derived)
        self.row = np.concatenate([_pack(values), self._memory_row, self.derived_row])

    @property
    def size(self) -> int:
        """Length of a packed state, derived fields included."""
        return len(self.row)

    @property
    def derived_size(self) -> int:
        """Length of the packed derived fields."""
        return len(self.derived_row)

    def unpack(self, row: Float[Array, " size"], failed: Bool[Array, ""]) -> PhysicsState:
        """Make a state of a packed row."""
        memory_end = self.size - self.derived_size
        state_end = memory_end - len(self._memory_row)
        return PhysicsState(
            **_unpack(row[:state_end], self._state_shapes),
            memory=_unpack(row[state_end:memory_end], self._memory_shapes),
            derived=self.unpack_derived(row[memory_end:]),
            failed=failed,
        )

    def initial_memory(self) -> dict[str, Array]:
        """Return what the model remembers at a reset."""
        return _unpack(jnp.asarray(self._memory_row, float), self._memory_shapes)

    def parts(self, state: PhysicsState) -> list[Float[Array, " columns"]]:
        """List what a row holds, in its order: a state without derived fields.

        Raises:
            UserError: If the state is one of another model.
        """
        values = {name: getattr(state, name) for name in STATE_FIELDS} | state.memory
        shapes = self._state_shapes | self._memory_shapes
        return [jnp.ravel(array_of(name, values[name], shape)) for name, shape in shapes.items()]

    def unpack_derived(self, row: Float[Array, " derived_size"]) -> dict[str, Array]:
        """Make the dictionary of derived fields of its packed row."""
        return _unpack(row, self.derived_shapes)

    def write_rows(self, batch: mujoco_batch.Batch, rows: np.ndarray) -> int:
        """Write packed states (without derived fields) into a batch.

        Returns:
            The column of `rows` after the last one used.
        """
        column = 0
        for name, shape in (self._state_shapes | self._memory_shapes).items():
            end = column + math.prod(shape)
            if name == "history":
                write_history(batch, rows[:, column:end].reshape(-1, *shape))
            else:
                batch.bind(name).reshape(len(rows), -1)[...] = rows[:, column:end]
            column = end
        self.bind_derived(batch)
        return column

    def read_rows(self, batch: mujoco_batch.Batch, out: np.ndarray) -> None:
        """Read packed states, derived fields included, from a batch into `out`."""
        column = 0
        for name, shape in (self._state_shapes | self._memory_shapes).items():
            end = column + math.prod(shape)
            if name == "history":
                out[:, column:end] = read_history(batch, out.dtype).reshape(len(out), -1)
            else:
                _copy(batch.bind(name), out[:, column:end])
            column = end
        self.read_derived(batch, out[:, column:])

    def bind_derived(self, batch: mujoco_batch.Batch) -> None:
        """Make the batch copy out the derived fields at its next call."""
        for name in self.derived_fields:
            batch.bind(name)

    def read_derived(self, batch: mujoco_batch.Batch, out: np.ndarray) -> None:
        """Read the packed derived fields from a batch into `out`."""
        column = 0
        for name in self.derived_fields:
            source = batch.bind(name)
            end = column + source[0].size
            _copy(source, out[:, column:end])
            column = end


def _copy(source: np.ndarray, out: np.ndarray) -> None:
    """Round to single precision; what is too large becomes infinite: its world has failed."""
    with np.errstate(over="ignore"):
        out[...] = source.reshape(len(out), -1)


def _pack(values: dict[str, np.ndarray]) -> np.ndarray:
    parts = [np.asarray(value, np.float32).ravel() for value in values.values()]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _unpack(row: Array, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    values, column = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        values[name] = jnp.reshape(row[column : column + size], shape)
        column += size
    return values
