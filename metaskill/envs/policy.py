"""Policies: the contract of everything that acts, trained or scripted, with a memory or without."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Observation, State

Memory = Any
"""What a policy keeps from step to step of an episode, as a pytree; `()` where it keeps nothing."""


class Policy(Protocol):
    """Acts in one world, as pure functions. `vmap` over worlds, memories and keys.

    A trained policy reads `world.obs` only; a scripted expert may read the whole state.
    """

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the memory at the beginning of an episode.

        Args:
            world: The episode's first state.
            key: Source of what is drawn once an episode.
        """
        ...

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Memory]:
        """Return an action, and the memory after it: of the same structure as `begin` returns."""
        ...


@dataclasses.dataclass(frozen=True)
class Reactive:
    """A policy without memory: a deterministic function of the observation.

    Attributes:
        choose: From observations by name to an action.
    """

    choose: Callable[[Observation], Float[Array, " action"]]

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the empty memory."""
        del world, key
        return ()

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Memory]:
        """Return the action for what is observed."""
        del key
        return self.choose(world.obs), memory


@dataclasses.dataclass(frozen=True)
class Memoryless:
    """A policy without memory that draws its actions, or looks at more than observations.

    Attributes:
        draw: From the world and a key to an action.
    """

    draw: Callable[[State, PRNGKeyArray], Float[Array, " action"]]

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the empty memory."""
        del world, key
        return ()

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Memory]:
        """Draw an action."""
        return self.draw(world, key), memory


@dataclasses.dataclass(frozen=True)
class Scripted:
    """A policy of two functions: an expert with a memory, such as what to do next.

    Attributes:
        begin: From an episode's first state and a key to the memory.
        act: From the world, the memory and a key to an action and the memory after it.
    """

    begin: Callable[[State, PRNGKeyArray], Memory]
    act: Callable[[State, Memory, PRNGKeyArray], tuple[Float[Array, " action"], Memory]]


@dataclasses.dataclass(frozen=True)
class Noisy:
    """A policy with independent Gaussian noise on its actions.

    Attributes:
        policy: The policy.
        std: Standard deviation of the noise, in units of the actions.
    """

    policy: Policy
    std: float

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the memory of the policy without noise."""
        return self.policy.begin(world, key)

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " action"], Memory]:
        """Return the policy's action with noise."""
        action, memory = self.policy.act(world, memory, jax.random.fold_in(key, 0))
        return action + self.std * jax.random.normal(key, action.shape), memory
