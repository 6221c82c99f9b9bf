"""What a policy learns on: an environment, with a distribution of its MDPs."""

import dataclasses

from jaxtyping import PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Context, Env
from metaskill.tasks.family import TaskFamily


@dataclasses.dataclass(frozen=True)
class World:
    """An environment, and the distribution of its episodes' contexts.

    Attributes:
        env: The environment.
        sample_context: Draws each episode's context; the nominal one by default.
    """

    env: Env
    sample_context: SampleContext

    def __init__(self, env: Env, sample_context: SampleContext | None = None):
        """Take the nominal context where no distribution is given."""
        object.__setattr__(self, "env", env)
        object.__setattr__(self, "sample_context", sample_context or always_nominal(env))


@dataclasses.dataclass(frozen=True)
class Tasks:
    """An environment, and a family of tasks in it: some to learn from, others to be judged by.

    Attributes:
        env: The environment.
        family: The tasks.
    """

    env: Env
    family: TaskFamily


def always_nominal(env: Env) -> SampleContext:
    """Return the distribution of the nominal context alone."""

    def sample(key: PRNGKeyArray) -> Context:
        del key
        return env.nominal_context()

    return sample
