"""The arm as an environment: any scene, any subtasks in any order."""

import dataclasses

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from metaskill.checking import checked_arguments
from metaskill.envs.arm.control import N_ARM_POSITIONS, find_control, servo_controls
from metaskill.envs.arm.geometry import refuse_other_geometry
from metaskill.envs.arm.gripper import FINGERS
from metaskill.envs.arm.kinematics import N_JOINTS, forward, inverse
from metaskill.envs.arm.layout import ORDER, Layouts, draw, goal_entry, middles, weights_of
from metaskill.envs.arm.scene import SceneReader, compile_scene
from metaskill.envs.arm.subtask import Scenery, Status
from metaskill.envs.arm.task import Task
from metaskill.envs.env import Context, EpisodeLength, Observation, State
from metaskill.envs.timing import seconds_per_step
from metaskill.envs.view import View
from metaskill.physics.engine import ModelLeaves
from metaskill.physics.factory import make_engine
from metaskill.physics.parameters import ParamSpec, PhysicsParameters
from metaskill.physics.state import PhysicsState

HOME = (0.42, 0.0, 0.25)
"""Where the gripper is at the start of an episode, metres."""

HOME_NOISE = 0.03


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ArmState(State):
    """A state that remembers what was done.

    Attributes:
        completed: How many of the subtasks that are asked for were completed, in their
            order. What is undone later stays completed.
    """

    completed: Int[Array, ""]


class ArmEnv:
    """A seven-joint arm with a gripper at a table, asked to do subtasks one after the other.

    With p the point where the gripper has to act for the subtask whose turn it is, and e its
    distance from where it has to go, the reward is

        r = - w_reach ||gripper - p|| - w_goal e + w_success [done] + w_completion [completed]

    where a subtask is *completed* in the first step in which it is done in its turn. The
    weights, the order of the subtasks, goals and the objects' starts are in
    `context.reward`; where fixtures stand, and what else of the physics the task draws, in
    `context.physics`. Episodes end by time, when a simulation fails, with reward 0, or if so
    configured when all is completed.
    """

    n_substeps = 8
    view = View(target=(0.35, 0.0, 0.15), distance=1.5, azimuth=150.0, elevation=-30.0)

    @checked_arguments
    def __init__(
        self,
        task: Task,
        engine: str = "auto",
        control: str = "gripper",
        subtasks: tuple[str, ...] | None = None,
        episode_length: EpisodeLength | None = None,
        parameters: tuple[ParamSpec, ...] = (),
        ends_when_done: bool = False,
    ):
        """Compile the scene and build its engine.

        Args:
            task: The scene and what there is to do.
            engine: `auto`, `native` or `mjx`.
            control: `gripper` (x, y, z, yaw, fingers) or `joints` (seven joints, fingers).
            subtasks: Those that are asked for, in this order; by default the task's.
            episode_length: Control steps until truncation; by default the task's.
            parameters: What else of the physics a context may vary.
            ends_when_done: Whether an episode terminates when all that is asked for is
                completed: for sparse rewards, of which none is left then.

        Raises:
            UserError: If the engine, the control or a subtask does not exist, or a parameter
                could have no effect or varies what the code counts on.
        """
        self.name = task.name
        self.task = task
        self.ends_when_done = ends_when_done
        self.layouts = Layouts(task, subtasks)
        self.control = find_control(control)
        self._physics_ranges = {spec.name: values for spec, values in task.physics}
        specs = tuple(spec for spec, _ in task.physics)
        self.parameters = PhysicsParameters(
            compile_scene(task.name, task.objects),
            specs + tuple(parameters),
            # Where fixtures stand, as `SceneReader` follows their frames.
            derived_fields=("xpos", "xquat"),
        )
        refuse_other_geometry(self.parameters.engine_model(), task.objects, self.parameters.specs)
        self.engine = make_engine(engine, self.parameters.engine_model())
        self.model: mujoco.MjModel = self.engine.model
        self._reader = SceneReader(self.model, task.objects)
        self.episode_length = task.episode_length if episode_length is None else episode_length
        self.control_timestep = float(self.model.opt.timestep * self.n_substeps)
        self.action_size = self.control.action_size
        probe = jax.eval_shape(self.reset, jax.random.key(0), self.nominal_context())
        self.observation_sizes = {name: value.shape[-1] for name, value in probe.obs.items()}

    @property
    def subtask_names(self) -> tuple[str, ...]:
        """All that can be asked for, in the order of the context's `order`."""
        return tuple(subtask.name for subtask in self.task.subtasks)

    def nominal_context(self) -> Context:
        """Return the context in the middle of all ranges."""
        return Context(
            physics={**self.parameters.nominal_values(), **middles(self._physics_ranges)},
            reward={**weights_of(self.task), **self.layouts.nominal()},
        )

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Draw starts, goals, the order of subtasks, and of the physics what the task draws."""
        physics_key, layout_key = jax.random.split(key)
        drawn = draw(self._physics_ranges, physics_key)
        return Context(
            physics={**self.parameters.nominal_values(), **drawn},
            reward={**weights_of(self.task), **self.layouts.sample(layout_key)},
        )

    def reset(self, key: PRNGKeyArray, context: Context) -> ArmState:
        """Put the objects where the context says, and the gripper near `HOME`."""
        noise_key, key = jax.random.split(key)
        noise = jax.random.uniform(noise_key, (3,), minval=-HOME_NOISE, maxval=HOME_NOISE)
        joints = inverse(jnp.float32(HOME) + noise, jnp.zeros(()))
        leaves = self.parameters.apply(context.physics)
        fingers = self._of_fingers("jnt_range", leaves)[:, 1]
        qpos = jnp.concatenate([joints, fingers, self._reader.initial(context.reward)])
        physics = self.engine.reset(leaves, qpos, jnp.zeros(self.model.nv))
        # The servos hold the arm where it is.
        physics = dataclasses.replace(physics, act=joints)
        zero = jnp.zeros(())
        completed = jnp.zeros((), jnp.int32)
        state = ArmState(
            physics=physics,
            obs={},
            reward=zero,
            terminated=jnp.zeros((), bool),
            truncated=jnp.zeros((), bool),
            context=context,
            step=jnp.zeros((), jnp.int32),
            key=key,
            metrics=dict.fromkeys(
                ("success", "completed", "reach_error", "goal_error", "failed"), zero
            ),
            model_leaves=leaves,
            completed=completed,
        )
        return dataclasses.replace(state, obs=self._observe(state))

    def step(self, state: State, action: Float[Array, " action"]) -> ArmState:
        """Act for one control step, of 40 ms where no context varies the time step."""
        assert isinstance(state, ArmState)
        before = state.physics
        ctrl = self.controls(state, action)
        physics = self.engine.step(state.model_leaves, before, ctrl, self.n_substeps)
        moved = dataclasses.replace(state, physics=physics)
        status = self.current(moved)
        rewards = state.context.reward
        n_asked = jnp.max(rewards[ORDER]).astype(jnp.int32)
        completes = status.done & (state.completed < n_asked) & ~physics.failed
        completed = state.completed + completes.astype(jnp.int32)
        reward = (
            rewards["success_weight"] * status.done.astype(jnp.float32)
            + rewards["completion_weight"] * completes.astype(jnp.float32)
            - rewards["reach_weight"] * status.reach_error
            - rewards["goal_weight"] * status.goal_error
        )
        step = state.step + 1
        terminated = physics.failed | (self.ends_when_done & (completed >= n_asked))
        after = dataclasses.replace(
            moved,
            reward=jnp.where(physics.failed, 0.0, reward),
            terminated=terminated,
            truncated=~terminated & (step >= self.episode_length),
            step=step,
            key=jax.random.fold_in(state.key, 0),
            metrics={
                "success": (completed >= n_asked).astype(float),
                "completed": completed.astype(float),
                "reach_error": status.reach_error,
                "goal_error": status.goal_error,
                "failed": physics.failed.astype(float),
            },
            completed=completed,
        )
        return dataclasses.replace(after, obs=self._observe(after))

    def controls(self, state: State, action: Float[Array, " action"]) -> Float[Array, " nu"]:
        """Return what an action sends to the model's actuators."""
        physics, leaves = state.physics, state.model_leaves
        return servo_controls(
            self.control,
            action,
            physics.qpos,
            physics.act,
            seconds_per_step(self.model, self.n_substeps, leaves),
            self._of_fingers("actuator_ctrlrange", leaves),
        )

    def statuses(self, state: State) -> Status:
        """Return how each subtask stands, asked for or not (leading axis: subtask)."""
        scenery = self.scenery(state)
        each = [
            subtask.status(
                scenery, state.context.reward.get(goal_entry(subtask.name), jnp.zeros(0))
            )
            for subtask in self.task.subtasks
        ]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)

    def current(self, state: State) -> Status:
        """Return how the subtask stands whose turn it is; after the last, the last."""
        index = self.turn(state)
        return jax.tree.map(lambda leaf: leaf[index], self.statuses(state))

    def turn(self, state: State) -> Int[Array, ""]:
        """Return the index of the subtask whose turn it is."""
        assert isinstance(state, ArmState)
        order = state.context.reward[ORDER]
        rank = jnp.minimum(state.completed.astype(jnp.float32) + 1.0, jnp.max(order))
        return jnp.argmax(order == rank)

    def scenery(self, state: State) -> Scenery:
        """Read the world."""
        qpos = state.physics.qpos
        return Scenery(
            gripper=forward(qpos[:N_JOINTS]),
            opening=jnp.sum(qpos[N_JOINTS:N_ARM_POSITIONS]),
            readings=self._reader.read(state.physics, state.model_leaves),
        )

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The gripper's x and y."""
        return forward(physics.qpos[:N_JOINTS]).position[:2]

    def _of_fingers(self, field: str, leaves: ModelLeaves) -> Float[Array, "2 low_high"]:
        """Return a world's ranges of the fingers' joints or actuators, which share names."""
        accessor = self.model.joint if field.startswith("jnt_") else self.model.actuator
        ids = [accessor(name).id for name in FINGERS]
        nominal = np.asarray(getattr(self.model, field), np.float32)
        ranges: Array = leaves.get(field, nominal)[np.array(ids)]
        return ranges

    def _observe(self, state: ArmState) -> Observation:
        """Arm, objects, goals, and which subtasks are still to be done.

        In this order: joint angles and openings (9), their velocities (9), the gripper's
        position (3), closing direction (3) and how far its setpoint is from it (3); each
        object's features; each goal; for each subtask whether its turn is now, and whether
        it is yet to come.
        """
        physics, reward = state.physics, state.context.reward
        scenery = self.scenery(state)
        gripper = scenery.gripper
        order = reward[ORDER]
        rank = state.completed.astype(jnp.float32) + 1.0
        parts = [
            physics.qpos[:N_ARM_POSITIONS],
            physics.qvel[:N_ARM_POSITIONS],
            gripper.position,
            gripper.closing,
            forward(physics.act).position - gripper.position,
            *(reading.features for reading in scenery.readings.values()),
            *(
                jnp.ravel(reward[goal_entry(subtask.name)])
                for subtask in self.task.subtasks
                if subtask.goal is not None
            ),
            (order == rank).astype(jnp.float32),
            (order > rank).astype(jnp.float32),
        ]
        return {"state": jnp.concatenate(parts)}
