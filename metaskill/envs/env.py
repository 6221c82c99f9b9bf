"""The contract of an environment: one world of an MDP whose parameters are data."""

import dataclasses
from typing import Annotated, Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from metaskill.errors import UserError, nearest
from metaskill.physics.engine import ModelLeaves
from metaskill.physics.state import PhysicsState
from metaskill.ranges import Between

EpisodeLength = Annotated[int, Between(1, 2**31 - 1)]
"""Control steps until truncation, which worlds count in 32 bits."""

Observation = dict[str, Float[Array, " size"]]
"""Observations by name: `state` is what a policy sees on a robot; environments that
know more than the robot also give `privileged_state`."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Context:
    """The parameters of one MDP: everything in which two tasks may differ.

    Attributes:
        physics: Values of the environment's physics parameters by their names; empty
            where it has none.
        reward: Targets and weights of the reward, by the name that the reward
            function uses; and, where a task says so, how its episodes start.
        interface: Delays and noise between agent and world; empty for none.
    """

    physics: dict[str, Array] = dataclasses.field(default_factory=dict)
    reward: dict[str, Array] = dataclasses.field(default_factory=dict)
    interface: dict[str, Array] = dataclasses.field(default_factory=dict)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """One world at one time, with the outcome of the step that led here.

    Attributes:
        physics: The simulated world (closed-form environments fill qpos and qvel).
        obs: What can be observed now.
        reward: Reward of the last step, 0 after a reset.
        terminated: The episode ended in a state without future (bootstrap with 0).
        truncated: The episode was cut by its time limit (bootstrap with the value of
            this very observation). Never together with `terminated`.
        context: The MDP's parameters during this episode.
        step: Control steps since the reset.
        key: This world's own source of randomness.
        model_leaves: The model fields of this episode, with their derived constants:
            computed from `context.physics` at the reset, because that takes about as long
            as a step.
        metrics: Scalars worth logging, by name; the same names in every state, among
            them `failed`: 1 where the simulation of the last step broke down.
    """

    physics: PhysicsState
    obs: Observation
    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    truncated: Bool[Array, ""]
    context: Context
    step: Int[Array, ""]
    key: PRNGKeyArray
    metrics: dict[str, Float[Array, ""]]
    model_leaves: ModelLeaves = dataclasses.field(default_factory=dict, kw_only=True)

    @property
    def done(self) -> Bool[Array, ""]:
        """Whether the episode ended, for whichever reason."""
        return self.terminated | self.truncated


class Env(Protocol):
    """One world, as pure functions. `vmap` over keys, contexts and states.

    Actions live in [-1, 1] in every environment; values outside are clipped.

    Attributes:
        name: The name under which it is registered.
        observation_sizes: Length of each observation, by name.
        action_size: Number of actuators.
        episode_length: Control steps after which an episode is truncated.
        control_timestep: Seconds between two actions.
    """

    name: str
    observation_sizes: dict[str, int]
    action_size: int
    episode_length: int
    control_timestep: float

    def nominal_context(self) -> Context:
        """Return the context of the MDP as its literature states it."""
        ...

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Draw what the environment itself varies, such as goals; the rest is nominal."""
        ...

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state.

        Args:
            key: Source of the initial state's noise and of the whole episode's.
            context: The MDP's parameters.
        """
        ...

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        """Act for one control step. The episode does not restart when it ends."""
        ...


Names = tuple[str, ...]
"""Names of observations that are seen together, in this order."""


def see(obs: Observation, names: Names) -> Float[Array, "*batch seen"]:
    """Return the named observations, one after the other."""
    if len(names) == 1:
        return obs[names[0]]
    return jnp.concatenate([obs[name] for name in names], axis=-1)


def seen_size(env: "Env", names: Names) -> int:
    """Return the length of the named observations together."""
    return sum(env.observation_sizes[name] for name in names)


def together(names: Names) -> str:
    """Return what to call some observations that are seen together: `state+skill`."""
    return "+".join(names)


def require_observations(env: Env, config: Any, *fields: str) -> None:
    """Check that an environment observes what a configuration asks for.

    Args:
        env: The environment.
        config: A learner's static configuration.
        *fields: Those of its fields that name observations.

    Raises:
        UserError: If it does not.
    """
    for field in fields:
        for name in getattr(config, field):
            if name not in env.observation_sizes:
                raise UserError(
                    f"{env.name} has no observation {name!r} ({field}): "
                    f"{nearest(name, env.observation_sizes)}"
                )
