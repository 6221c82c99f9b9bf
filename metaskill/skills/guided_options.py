"""A guide's actions as options: decoded control steps, and observations as its data had them."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Env, State
from metaskill.envs.policy import Memory
from metaskill.envs.runner import Running, begin_in
from metaskill.errors import UserError, nearest
from metaskill.networks.normalizer import normalize
from metaskill.skills.guide import Decoding, Guide
from metaskill.skills.option import Record, Trace, follow


class GuidedOptions:
    """Options that are a guide's actions: skills of H control steps, or single actions (H = 1).

    What is seen is one observation, normalized.
    """

    def __init__(self, env: Env, guide: Guide, observation: str = "state"):
        """Check that environment and guide go together.

        Args:
            env: The environment.
            guide: What actions are.
            observation: What the guide sees.

        Raises:
            UserError: If they do not.
        """
        if observation not in env.observation_sizes:
            hint = nearest(observation, env.observation_sizes)
            raise UserError(f"{env.name} has no observation {observation!r}: {hint}")
        size, known = env.observation_sizes[observation], guide.statistics.mean.shape[-1]
        if size != known:
            raise UserError(
                f"{env.name} observes {size} numbers as {observation!r}, and the data had {known}: "
                "choose the environment and the observation that the data are of."
            )
        self.env = env
        self.guide = guide
        self.observation = observation
        self.action_size = guide.decoding.action_size
        self.length = guide.decoding.length
        self.observation_size = size

    def see(self, world: State) -> Float[Array, " obs"]:
        """Return what the guide sees of a world, normalized."""
        return normalize(self.guide.statistics, world.obs[self.observation])

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        """Return the empty memory: each action is decoded from its own beginning."""
        del world, key
        return ()

    def run(
        self, start: Running, action: Float[Array, " action"], record: Record[Trace]
    ) -> tuple[Running, Float[Array, ""], Trace]:
        """Decode an action and execute it."""
        policy = _Decoded(action, self.guide.decoding, self.see)
        decoded = begin_in(start.world, policy, start.world.key)
        end, reward, trace = follow(self.env, policy, decoded, self.length, record)
        return dataclasses.replace(end, memory=start.memory), reward, trace


@dataclasses.dataclass(frozen=True)
class _Decoded:
    """The policy of one action; its memory: what is executed, and control steps so far."""

    action: Float[Array, " action"]
    decoding: Decoding
    see: Callable[[State], Float[Array, " obs"]]

    def begin(self, world: State, key: PRNGKeyArray) -> Memory:
        del world, key
        return self.decoding.begin(self.action), jnp.zeros((), jnp.int32)

    def act(
        self, world: State, memory: Memory, key: PRNGKeyArray
    ) -> tuple[Float[Array, " control"], Memory]:
        del key
        executed, number = memory
        return self.decoding.control(executed, self.see(world), number), (executed, number + 1)
