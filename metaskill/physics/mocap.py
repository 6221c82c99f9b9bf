"""Where mocap bodies stand: MuJoCo keeps their poses in the data, beside the model's."""

from collections.abc import Collection

import mujoco
import numpy as np

_POSES = (("mocap_pos", "body_pos"), ("mocap_quat", "body_quat"))


class MocapBodies:
    """The mocap bodies of a model, which stand for a whole episode where the model has them.

    A reset of MuJoCo's data copies their poses from the model; so poses that vary per world
    have to be copied per world.

    Attributes:
        ids: The bodies, in the order of their poses in the data.
    """

    def __init__(self, model: mujoco.MjModel):
        bodies = np.flatnonzero(model.body_mocapid >= 0)
        self.ids = bodies[np.argsort(model.body_mocapid[bodies])]

    def varied(self, fields: Collection[str]) -> tuple[tuple[str, str], ...]:
        """List the MjData fields that follow from those model fields, each with its source."""
        return tuple(pair for pair in _POSES if len(self.ids) and pair[1] in fields)
