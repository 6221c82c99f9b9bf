"""The contract of an algorithm: a whole training run as pure functions."""

import dataclasses
from typing import Any, Protocol, TypeGuard

from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Env
from metaskill.envs.policy import Policy

Metrics = dict[str, Float[Array, ""]]


@dataclasses.dataclass(frozen=True)
class Headline:
    """The one number that says at a glance how well a learner does.

    Attributes:
        metric: The evaluation's metric.
        running: The metric of single iterations that is nearest to it.
        label: What it is, in words that follow a number: "return", "squared error".
        higher_is_better: Which way is up.
        digits: Digits after the point worth showing.
    """

    metric: str
    running: str
    label: str
    higher_is_better: bool = True
    digits: int = 0

    def show(self, value: float) -> str:
        """Write a value as a person wants to read it."""
        return f"{value:.{self.digits}f}"

    def upward(self, value: float) -> float:
        """Return the value so that more is better."""
        return value if self.higher_is_better else -value


RETURN = Headline("eval/return", "episode_return", "return")
"""What learners that act are judged by: the deterministic policy's return."""


class Learner(Protocol):
    """What the trainer runs. A sweep is `vmap` over `init`, and nothing else."""

    @property
    def headline(self) -> Headline:
        """What it is judged by at a glance; a metric of `evaluate`."""
        ...

    @property
    def step_unit(self) -> str:
        """What its steps are: "environment steps" where it acts in one."""
        ...

    @property
    def steps_per_iteration(self) -> int:
        """Steps, in that unit, in one call of `step`."""
        ...

    def init(self, key: PRNGKeyArray, hparams: Any) -> Any:
        """Return the whole state before training, as one pytree."""
        ...

    def step(self, state: Any) -> tuple[Any, Metrics]:
        """Do one outer iteration: pure, jittable, vmappable.

        Where the metrics hold `skipped_updates`, the number of updates refused because they
        were not finite (`rl/finite.py`), the trainer acts on it.
        """
        ...

    def evaluate(self, state: Any, key: PRNGKeyArray) -> Metrics:
        """Measure what this family of algorithms is judged by, the headline among it."""
        ...


class ActingLearner(Learner, Protocol):
    """A learner whose result acts in an environment, and can be watched there.

    Attributes:
        env: The environment that it learns on.
    """

    env: Env

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        ...

    def policy(self, state: Any) -> Policy:
        """Return the trained policy, which acts greedily and reads `world.obs` only."""
        ...


def acts(learner: Learner) -> TypeGuard[ActingLearner]:
    """Say whether a learner has an environment and acts in it."""
    return hasattr(learner, "policy")


class WorldsLearner(ActingLearner, Protocol):
    """A learner whose state holds worlds, that may be divided over devices.

    Attributes:
        env_fields: Fields of its state, a dataclass, all of whose leaves lead with `env`.
    """

    env_fields: tuple[str, ...]


def has_worlds(learner: Learner) -> TypeGuard[WorldsLearner]:
    """Say whether a learner's state holds worlds."""
    return hasattr(learner, "env_fields")
