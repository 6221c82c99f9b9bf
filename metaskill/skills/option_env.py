"""An environment whose actions are options: what a controller above the control steps acts in."""

import dataclasses
from typing import Any, Generic, Protocol, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Context, Env, State
from metaskill.envs.policy import Memory, Policy
from metaskill.envs.runner import Running
from metaskill.envs.wrapper import Wrapper
from metaskill.errors import UserError
from metaskill.skills.option import Record, Trace


class Options(Protocol):
    """What actions are, and what whoever chooses them sees.

    Attributes:
        action_size: Length of an action.
        length: Control steps that one is executed for, H.
        observation_size: Length of what is seen.
    """

    action_size: int
    length: int
    observation_size: int

    @property
    def env(self) -> Env:
        """The world that they are executed in."""
        ...

    def see(self, world: State) -> Float[Array, " obs"]:
        """Return what is seen of a world."""
        ...

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the memory of whoever executes options, at the beginning of an episode."""
        ...

    def run(
        self, start: Running, action: Float[Array, " action"], record: Record[Trace]
    ) -> tuple[Running, Float[Array, ""], Trace]:
        """Execute an action for its control steps, or until the episode ends.

        Args:
            start: Where to begin.
            action: In [-1, 1].
            record: What is kept of a control step.

        Returns:
            The end, the sum of rewards, and what was kept (axis: time).
        """
        ...


OptionsT = TypeVar("OptionsT", bound=Options)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class OptionState(State):
    """A world as a controller sees it.

    Attributes:
        inner: The world as the control steps see it.
        memory: The memory of whoever executes options.
    """

    inner: State
    memory: Memory


class OptionEnv(Wrapper, Generic[OptionsT]):
    """An environment in which a step is an option: some control steps under one action.

    What learns to act here is any core, on an environment like any other; what executes
    options is not trained further. As everywhere, actions are in [-1, 1]. The reward is the
    sum over the option. An episode ends with the world's, also within an option, or after as
    many options as it has control steps for. There is one observation, `state`.
    """

    def __init__(self, options: OptionsT):
        """Put options before their world.

        Args:
            options: What actions are.

        Raises:
            UserError: If they are longer than episodes, or of no length.
        """
        env = options.env
        if not 1 <= options.length <= env.episode_length:
            raise UserError(
                f"an option of {options.length} control steps does not fit into an episode of "
                f"{env.episode_length}: take longer episodes or another length."
            )
        super().__init__(env)
        self.options = options
        self.length = options.length
        self.action_size = options.action_size
        self.episode_length = -(-env.episode_length // self.length)
        self.control_timestep = env.control_timestep * self.length
        self.observation_sizes = {"state": options.observation_size}

    def reset(self, key: PRNGKeyArray, context: Context) -> State:
        """Draw an initial state."""
        world = self.env.reset(key, context)
        return self._seen(Running(world, self.options.begin(world, jax.random.fold_in(key, 0))))

    def step(self, state: State, action: Float[Array, " action"]) -> State:
        """Execute an option."""
        return self.step_looking(state, action, lambda _, alive: alive)[0]

    def step_looking(
        self, state: State, action: Float[Array, " action"], record: Record[Trace]
    ) -> tuple[State, Trace]:
        """Execute an option, and return what is kept of each control step too (axis: time)."""
        assert isinstance(state, OptionState)
        world = dataclasses.replace(state.inner, context=state.context)
        start = Running(world, state.memory)
        end, reward, trace = self.options.run(start, in_range(action), record)
        rewarded = dataclasses.replace(end.world, reward=reward)
        return self._seen(dataclasses.replace(end, world=rewarded)), trace

    def _seen(self, running: Running) -> OptionState:
        inner = running.world
        shared = {field.name: getattr(inner, field.name) for field in dataclasses.fields(State)}
        shared["obs"] = {"state": self.options.see(inner)}
        return OptionState(**shared, inner=inner, memory=running.memory)


def in_range(action: Float[Array, " action"]) -> Float[Array, " action"]:
    """Return the action that one outside of [-1, 1] is taken for."""
    return jnp.clip(action, -1.0, 1.0)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Course(Generic[Trace]):
    """What a controller made of an episode (axis: time, control steps).

    Attributes:
        trace: What was kept.
        action: The option that was executed.
    """

    trace: Trace
    action: Float[Array, "time action"]


def follow_controller(
    env: OptionEnv[Any], policy: Policy, start: Running, keys: PRNGKeyArray, record: Record[Trace]
) -> Course[Trace]:
    """Let a controller act until the end of an episode, and look at every control step.

    Args:
        env: The environment of its options.
        policy: The controller.
        start: Where to begin.
        keys: Sources of the controller's randomness, one an option.
        record: What is kept of a control step.
    """

    def option(running: Running, key: PRNGKeyArray) -> tuple[Running, Course[Trace]]:
        action, memory = policy.act(running.world, running.memory, key)
        after, trace = env.step_looking(running.world, action, record)
        # An episode that is over stays so: its options take no step.
        chosen = jnp.broadcast_to(in_range(action), (env.length, env.action_size))
        return Running(after, memory), Course(trace, chosen)

    _, options = jax.lax.scan(option, start, keys)
    n_steps = env.env.episode_length
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:n_steps], options)
