"""The state of one simulated world, as small as an engine can restart it from."""

import dataclasses

import jax
from jaxtyping import Array, Bool, Float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PhysicsState:
    """One world between two control steps.

    It holds what MuJoCo needs to continue bit for bit (up to float32), and the
    derived fields that the environment declared; everything else is recomputed
    inside the engine's step. Small states make resets, replay and checkpoints
    cheap.

    Attributes:
        qpos: Generalized positions, metres and radians.
        qvel: Generalized velocities.
        act: Actuator activations (empty for plain motors).
        qacc_warmstart: The constraint solver's initial guess for the next step.
        time: Simulated seconds since the reset.
        derived: Values of the declared `mujoco.MjData` fields *at this state*
            (not one substep behind it, as `mj_step` leaves them).
        failed: The simulation of the last step raised an error or left the finite
            numbers. The other fields then hold the model's reference
            configuration, so that nothing computed from them is poisoned.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    act: Float[Array, " na"]
    qacc_warmstart: Float[Array, " nv"]
    time: Float[Array, ""]
    derived: dict[str, Array]
    failed: Bool[Array, ""]
