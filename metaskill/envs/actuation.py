"""From actions in [-1, 1] to the controls of a model's actuators."""

import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float

from metaskill.errors import UserError
from metaskill.physics.engine import ModelLeaves
from metaskill.physics.reference import LARGEST_SOUND_VALUE

_MUSCLE = int(mujoco.mjtDyn.mjDYN_MUSCLE)


def scaled_controls(
    model: mujoco.MjModel, leaves: ModelLeaves, action: Float[Array, "*batch nu"]
) -> Float[Array, "*batch nu"]:
    """Scale an action to the ranges of the actuators' controls.

    An action of -1 is the lower end of an actuator's `ctrlrange`, 1 the upper end, 0 the middle,
    whether or not the model also clamps controls to that range (`ctrllimited`), as in Gymnasium.
    An actuator without a range takes the action itself as its control, as in brax and
    dm_control; a muscle without a range spans [0, 1], because MuJoCo clamps the excitation of
    muscles to that interval.

    Args:
        model: The compiled model.
        leaves: This world's model fields; a varied `actuator_ctrlrange` is this world's range.
        action: The action, clipped to [-1, 1].
    """
    nominal = np.asarray(model.actuator_ctrlrange, np.float32)
    # MuJoCo takes larger controls for a simulation that exploded: such a range is no limit.
    has_range = (np.abs(nominal) < LARGEST_SOUND_VALUE).all(axis=1)
    has_range &= nominal[:, 0] < nominal[:, 1]
    is_muscle = np.asarray(model.actuator_dyntype) == _MUSCLE
    default = np.stack([np.where(is_muscle, 0, -1), np.ones(model.nu)], axis=1).astype(np.float32)
    low, high = np.where(has_range[:, None], nominal, default).T
    if "actuator_ctrlrange" in leaves:
        varied = leaves["actuator_ctrlrange"]
        low = jnp.where(has_range, varied[:, 0], low)
        high = jnp.where(has_range, varied[:, 1], high)
    return (low + high) / 2 + (high - low) / 2 * jnp.clip(action, -1.0, 1.0)


def require_actuators(model: mujoco.MjModel, name: str) -> None:
    """Check that actions can have an effect.

    Args:
        model: The compiled model.
        name: The environment's name.

    Raises:
        UserError: If the model has no actuators.
    """
    if not model.nu:
        raise UserError(
            f"the model of {name!r} has no actuators, so no action could move it: give its MJCF "
            "an <actuator> section."
        )
