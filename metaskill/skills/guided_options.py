"""A guide's actions as options: decoded control steps, and observations as its data had them."""

from jaxtyping import Array, Float, Int

from metaskill.envs.env import Env, State
from metaskill.errors import UserError, nearest
from metaskill.networks.normalizer import normalize
from metaskill.skills.guide import Guide
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

    def run(
        self, world: State, action: Float[Array, " action"], record: Record[Trace]
    ) -> tuple[State, Float[Array, ""], Trace]:
        """Decode an action and execute it."""
        decoding = self.guide.decoding
        executed = decoding.begin(action)

        def control(world: State, step: Int[Array, ""]) -> Array:
            return decoding.control(executed, self.see(world), step)

        return follow(self.env, control, world, self.length, record)
