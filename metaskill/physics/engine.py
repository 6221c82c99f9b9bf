"""The contract between environments and physics: one model, several engines."""

from typing import Protocol

import mujoco
from jaxtyping import Array, Float

from metaskill.physics.state import PhysicsState

ModelLeaves = dict[str, Array]
"""Per-world values by MjModel field name (`body_mass`, `opt.gravity`, ...).

Only the fields that vary are present. A field must come together with every
constant that MuJoCo derives from it (`body_subtreemass`, `dof_invweight0`, ...):
engines use what they are given and recompute nothing. Mocap bodies stand where
`body_pos` and `body_quat` say.
"""

DERIVED_FIELDS = (
    "xpos",
    "xquat",
    "xmat",
    "xipos",
    "ximat",
    "geom_xpos",
    "geom_xmat",
    "site_xpos",
    "site_xmat",
    "subtree_com",
    "cinert",
    "cvel",
)
"""MjData fields that an environment may declare, in MuJoCo's shapes: those that
positions and velocities determine. Quantities of the acceleration stage depend on controls that
have not been chosen yet, so no state can hold them."""


class Engine(Protocol):
    """Steps one world of one model. `vmap` freely: every nesting is batched.

    Attributes:
        model: The model as compiled; leaves replace its fields per world.
        derived_fields: The MjData fields that `PhysicsState.derived` holds.
    """

    model: mujoco.MjModel
    derived_fields: tuple[str, ...]

    def reset(
        self,
        leaves: ModelLeaves,
        qpos: Float[Array, " nq"],
        qvel: Float[Array, " nv"],
    ) -> PhysicsState:
        """Return the state at rest in time with these positions and velocities.

        Args:
            leaves: Per-world model fields.
            qpos: Generalized positions, in any numeric type.
            qvel: Generalized velocities.

        Raises:
            UserError: If an array has another shape than the model's, or a field cannot
                vary per world with this engine.
        """
        ...

    def step(
        self,
        leaves: ModelLeaves,
        state: PhysicsState,
        ctrl: Float[Array, " nu"],
        n_substeps: int,
    ) -> PhysicsState:
        """Advance by `n_substeps` calls of `mj_step` under constant controls.

        Raises:
            UserError: As `reset`.
        """
        ...
