"""A point in the plane, in closed form: the smallest environment with tasks."""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.checking import checked_arguments
from metaskill.envs.env import Context, EpisodeLength, Observation, State
from metaskill.physics.state import PhysicsState
from metaskill.ranges import AtLeast


class PointMass:
    """2D navigation (Finn et al. 2017, section 5.3): step towards a goal.

        x' = x + 0.1 clip(a, -1, 1),    r = -||x' - goal||_2

    There is no simulation and no MJCF: the position is the whole state, kept as `qpos`
    so that what reads other environments' states reads this one's. `engine` is
    accepted, and ignored, for the same reason. The start is the origin.
    """

    name = "point_mass"
    action_size = 2
    control_timestep = 1.0
    largest_step = 0.1

    @checked_arguments
    def __init__(
        self,
        engine: str = "auto",
        episode_length: EpisodeLength = 100,
        goal_radius: Annotated[float, AtLeast(0)] = 0.0,
    ):
        """Make the environment.

        Args:
            engine: Ignored.
            episode_length: Steps until truncation.
            goal_radius: Distance from the goal below which an episode terminates, metres:
                .01 in the paper, by default never.
        """
        del engine
        self.episode_length = episode_length
        self.goal_radius = goal_radius
        self.observation_sizes = {"state": 2}

    def nominal_context(self) -> Context:
        """Return the task whose goal is (0.5, 0.5)."""
        return Context(reward={"goal": jnp.float32([0.5, 0.5])})

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Return the nominal context: episodes differ in nothing that the environment draws."""
        del key
        return self.nominal_context()

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Start at the origin."""
        return self._state(jnp.zeros(2), jnp.zeros(2), context, jnp.zeros((), jnp.int32), key)

    def step(self, state: State, action: Float[Array, "2"]) -> State:
        """Move by the clipped action."""
        displacement = self.largest_step * jnp.clip(action, -1.0, 1.0)
        position = state.physics.qpos + displacement
        return self._state(
            position, displacement, state.context, state.step + 1, state.key, moved=True
        )

    def position(self, physics: PhysicsState) -> Float[Array, "2"]:
        """The point."""
        return physics.qpos

    def _state(
        self,
        position: Float[Array, "2"],
        velocity: Float[Array, "2"],
        context: Context,
        step: Array,
        key: PRNGKeyArray,
        moved: bool = False,
    ) -> State:
        distance = jnp.linalg.norm(position - context.reward["goal"])
        false = jnp.zeros((), bool)
        terminated = (distance < self.goal_radius) if moved else false
        obs: Observation = {"state": position}
        return State(
            physics=PhysicsState(
                qpos=position,
                qvel=velocity,
                act=jnp.zeros(0),
                qacc_warmstart=jnp.zeros(2),
                time=step.astype(jnp.float32),
                derived={},
                failed=false,
            ),
            obs=obs,
            reward=-distance if moved else jnp.zeros(()),
            terminated=terminated,
            truncated=~terminated & (step >= self.episode_length),
            context=context,
            step=step,
            key=key,
            metrics={"distance": distance, "failed": jnp.zeros(())},
        )
