"""What the five robots that run have in common."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.checking import checked_arguments
from metaskill.envs.actuation import require_actuators, scaled_controls
from metaskill.envs.env import Context, EpisodeLength, Observation, State
from metaskill.envs.mjcf import load_brax_model
from metaskill.envs.objectives import Motion, find_objective
from metaskill.envs.timing import seconds_per_step
from metaskill.physics.factory import make_engine
from metaskill.physics.parameters import ParamSpec, PhysicsParameters
from metaskill.physics.state import PhysicsState

_FRAMES = {"body_pos", "body_quat", "jnt_pos", "jnt_axis"}
_QUATERNION_OFFSETS = {int(mujoco.mjtJoint.mjJNT_FREE): 3, int(mujoco.mjtJoint.mjJNT_BALL): 0}
"""Where a joint's orientation begins in its part of `qpos`."""


class Locomotion(abc.ABC):
    """A robot rewarded for how it moves, for staying healthy and for small controls.

        r = objective(motion) + healthy_reward [healthy] - control_cost ||ctrl||^2

    with `ctrl` in the actuators' own units and all weights in `context.reward`. An
    unhealthy robot terminates its episode, unless it is told not to; so does one whose
    simulation failed, with reward 0, since its last state is unknown. A subclass names its
    model and says what it observes.
    """

    model_name: ClassVar[str]
    n_substeps: ClassVar[int]
    healthy_reward: ClassVar[float] = 0.0
    control_cost: ClassVar[float]
    forward_weight: ClassVar[float] = 1.0
    position_noise: ClassVar[float]
    derived_fields: ClassVar[tuple[str, ...]] = ()

    @checked_arguments
    def __init__(
        self,
        engine: str = "auto",
        objective: str = "forward",
        episode_length: EpisodeLength = 1000,
        parameters: tuple[ParamSpec, ...] = (),
        terminate_when_unhealthy: bool = True,
    ):
        """Compile the model and build its engine.

        Args:
            engine: `auto`, `native` or `mjx`.
            objective: `forward`, `velocity`, `direction`, `goal`, `approach` or `milestones`.
            episode_length: Control steps until truncation.
            parameters: What `context.physics` may vary.
            terminate_when_unhealthy: Whether an episode ends when the robot is not healthy.

        Raises:
            UserError: If the engine or the objective does not exist, the model has no
                actuators, or a parameter could have no effect.
        """
        self.name = self.model_name
        self.objective = find_objective(objective)
        model = self.load_model()
        require_actuators(model, self.name)
        derived = set(self.derived_fields)
        if not _FRAMES.isdisjoint(spec.field for spec in parameters):
            # Where the robot stands no longer follows from its joints and the nominal model.
            derived.add("xpos")
        fields = tuple(sorted(derived))
        self.parameters = PhysicsParameters(model, parameters, fields)
        self.engine = make_engine(engine, self.parameters.engine_model(), fields)
        self.model: mujoco.MjModel = self.engine.model
        self.episode_length = episode_length
        self.terminate_when_unhealthy = terminate_when_unhealthy
        self.control_timestep = float(self.model.opt.timestep * self.n_substeps)
        self.action_size = int(self.model.nu)
        probe = jax.eval_shape(self.reset, jax.random.key(0), self.nominal_context())
        self.observation_sizes = {name: value.shape[-1] for name, value in probe.obs.items()}

    def nominal_context(self) -> Context:
        """Return the context whose reward is the benchmark's."""
        reward = {
            **self.objective.nominal,
            "healthy_reward": self.healthy_reward,
            "control_cost": self.control_cost,
        }
        if "forward_weight" in reward:
            reward["forward_weight"] = self.forward_weight
        return Context(
            physics=self.parameters.nominal_values(),
            reward={name: jnp.float32(value) for name, value in reward.items()},
        )

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Return the nominal context: episodes differ in nothing that the environment draws."""
        del key
        return self.nominal_context()

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state around `initial_position`."""
        noise_key, key = jax.random.split(key)
        position_key, velocity_key = jax.random.split(noise_key)
        qpos = jnp.asarray(self.initial_position(), jnp.float32) + jax.random.uniform(
            position_key,
            (self.model.nq,),
            minval=-self.position_noise,
            maxval=self.position_noise,
        )
        model_leaves = self.parameters.apply(context.physics)
        physics = self.engine.reset(
            model_leaves,
            self._with_unit_quaternions(qpos),
            self.initial_velocity(velocity_key),
        )
        zero = jnp.zeros(())
        return State(
            physics=physics,
            obs=self.observe(physics),
            reward=zero,
            terminated=jnp.zeros((), bool),
            truncated=jnp.zeros((), bool),
            context=context,
            step=jnp.zeros((), jnp.int32),
            key=key,
            metrics=dict.fromkeys(
                ("reward_objective", "reward_healthy", "reward_control", "x_velocity", "failed"),
                zero,
            ),
            model_leaves=model_leaves,
        )

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        """Apply one action for `n_substeps` physics steps."""
        leaves = state.model_leaves
        ctrl = scaled_controls(self.model, leaves, action)
        physics = self.engine.step(leaves, state.physics, ctrl, self.n_substeps)
        start, position = self.position(state.physics), self.position(physics)
        seconds = seconds_per_step(self.model, self.n_substeps, leaves)
        motion = Motion(start, position, (position - start) / seconds)
        weights = state.context.reward
        healthy = self.is_healthy(physics) & ~physics.failed
        terms = {
            "reward_objective": self.objective.reward(motion, weights),
            "reward_healthy": jnp.where(healthy, weights["healthy_reward"], 0.0),
            "reward_control": -weights["control_cost"] * jnp.sum(jnp.square(ctrl)),
        }
        # A failed world stands at the reference configuration: its motion is a jump.
        zero = jnp.zeros(())
        terms = {name: jnp.where(physics.failed, zero, term) for name, term in terms.items()}
        step = state.step + 1
        terminated = ~healthy if self.terminate_when_unhealthy else physics.failed
        return State(
            physics=physics,
            obs=self.observe(physics),
            reward=jnp.sum(jnp.stack(list(terms.values()))),
            terminated=terminated,
            truncated=~terminated & (step >= self.episode_length),
            context=state.context,
            step=step,
            key=jax.random.fold_in(state.key, 0),
            metrics={
                **terms,
                "x_velocity": jnp.where(physics.failed, zero, motion.velocity[0]),
                "failed": physics.failed.astype(float),
            },
            model_leaves=leaves,
        )

    def load_model(self) -> mujoco.MjModel:
        """Compile the MuJoCo model."""
        return load_brax_model(self.model_name)

    @abc.abstractmethod
    def observe(self, physics: PhysicsState) -> Observation:
        """Return what the robot sees of a state."""

    @abc.abstractmethod
    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """Return the point in the plane whose motion is rewarded, metres."""

    def is_healthy(self, physics: PhysicsState) -> Bool[Array, ""]:
        """Say whether the episode may go on; by default it always may."""
        del physics
        return jnp.ones((), bool)

    def initial_position(self) -> np.ndarray:
        """Return the `qpos` around which episodes start: the model's `qpos0` by default.

        A model whose stance is a keyframe returns `self.model.key("home").qpos`.
        """
        return self.model.qpos0

    def initial_velocity(self, key: PRNGKeyArray) -> Float[Array, " nv"]:
        """Draw initial velocities: uniform noise of the positions' size by default."""
        return jax.random.uniform(
            key, (self.model.nv,), minval=-self.position_noise, maxval=self.position_noise
        )

    def _with_unit_quaternions(self, qpos: Float[Array, " nq"]) -> Float[Array, " nq"]:
        """Undo what additive noise did to the norms of free and ball joints' orientations."""
        kinds, addresses = self.model.jnt_type.tolist(), self.model.jnt_qposadr.tolist()
        for kind, address in zip(kinds, addresses, strict=True):
            if kind not in _QUATERNION_OFFSETS:
                continue
            start = address + _QUATERNION_OFFSETS[kind]
            quaternion = qpos[start : start + 4]
            qpos = qpos.at[start : start + 4].set(quaternion / jnp.linalg.norm(quaternion))
        return qpos
