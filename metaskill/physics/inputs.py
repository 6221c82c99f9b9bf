"""What enters an engine: checked against the model, and in the float type of JAX.

An array of another length would shift everything behind it in a packed row, and be
simulated without a word.
"""

from collections.abc import Collection

import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float
from mujoco import batch as mujoco_batch

from metaskill.errors import UserError, nearest
from metaskill.physics.engine import ModelLeaves


def array_of(name: str, value: Array, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Return `value` in JAX's float type: float32, or float64 under `JAX_ENABLE_X64`.

    Args:
        name: What the array is called.
        value: Numbers of any type.
        shape: Their shape, by the model.

    Raises:
        UserError: If they have another shape.
    """
    array = jnp.asarray(value, float)
    if array.shape != shape:
        raise UserError(f"{name} has the shape {array.shape}: give the model's, {shape}.")
    return array


def model_fields(
    model: mujoco.MjModel, leaves: ModelLeaves, taken: Collection[str], engine: str
) -> ModelLeaves:
    """Return model fields of one world in JAX's float type.

    Args:
        model: The model whose fields they replace.
        leaves: The fields by name.
        taken: The fields that the engine has per world.
        engine: What the engine is called.

    Raises:
        UserError: If a field does not exist, is no quantity, has another shape than the
            model's, or is one for all worlds of this engine.
    """
    return {name: _model_field(model, name, leaves[name], taken, engine) for name in leaves}


def _model_field(
    model: mujoco.MjModel, name: str, value: Array, taken: Collection[str], engine: str
) -> Array:
    if name not in mujoco_batch.MODEL_FIELDS:
        raise UserError(
            f"no model field is called {name!r}: {nearest(name, mujoco_batch.MODEL_FIELDS)}"
        )
    option = name.startswith("opt.")
    nominal = np.asarray(getattr(model.opt, name[4:]) if option else getattr(model, name))
    if nominal.dtype.kind != "f" or name not in taken:
        raise UserError(
            f"{name!r} cannot vary per world with the {engine} engine: make an environment for "
            "each value."
        )
    return array_of(name, value, nominal.shape)
