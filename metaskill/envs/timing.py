"""How long a control step takes in a world whose time step a context may vary."""

import mujoco
import numpy as np
from jaxtyping import Array, Float

from metaskill.physics.engine import ModelLeaves


def seconds_per_step(
    model: mujoco.MjModel, n_substeps: int, leaves: ModelLeaves
) -> float | Float[Array, ""]:
    """Return the seconds that one control step of a world takes.

    Args:
        model: The compiled model.
        n_substeps: Physics steps in a control step.
        leaves: The world's own model fields; its time step may be among them.
    """
    nominal = float(model.opt.timestep * n_substeps)
    if "opt.timestep" not in leaves:
        return nominal
    # By the ratio, so that a world with the nominal time step gets the very same number.
    return nominal * (leaves["opt.timestep"] / np.float32(model.opt.timestep))
