"""The state of one simulated world, as small as an engine can restart it from."""

import dataclasses

import jax
from jaxtyping import Array, Bool, Float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PhysicsState:
    """One world between two control steps.

    It holds what MuJoCo needs to continue bit for bit (up to JAX's float type), and
    the derived fields that the environment declared; everything else is recomputed
    inside the engine's step. Small states make resets, replay and checkpoints
    cheap. All arrays but `failed` have JAX's float type: float32, or float64 where
    `JAX_ENABLE_X64` is set.

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
        memory: What else the model remembers from step to step, by MjData field; empty
            for most models. `plastic` holds how far springs have yielded, `plugin_state`
            what plugins keep, `history` past controls and sensor values of a model with
            delays: three rows that sum to MuJoCo's float64, the time in the last column,
            because the last digit decides which sample a delay reaches.
    """

    qpos: Float[Array, " nq"]
    qvel: Float[Array, " nv"]
    act: Float[Array, " na"]
    qacc_warmstart: Float[Array, " nv"]
    time: Float[Array, ""]
    derived: dict[str, Array]
    failed: Bool[Array, ""]
    memory: dict[str, Array] = dataclasses.field(default_factory=dict)
