"""An environment around another."""

from typing import Any

from jaxtyping import PRNGKeyArray

from metaskill.envs.env import Context, Env


class Wrapper:
    """What stands around an environment, and is that environment in all that it does not change."""

    def __init__(self, env: Env):
        """Take over what every environment has.

        Args:
            env: The environment inside.
        """
        self.env = env
        self.name = env.name
        self.observation_sizes = env.observation_sizes
        self.action_size = env.action_size
        self.episode_length = env.episode_length
        self.control_timestep = env.control_timestep

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling ask before there is an environment to forward to.
        if name == "env" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.env, name)

    def nominal_context(self) -> Context:
        """Return the nominal context of the environment inside."""
        return self.env.nominal_context()

    def sample_context(self, key: PRNGKeyArray) -> Context:
        """Draw a context as the environment inside does."""
        return self.env.sample_context(key)
