"""The contract of an algorithm: a whole training run as pure functions."""

from typing import Any, Protocol

from jaxtyping import Array, Float, PRNGKeyArray

from metaskill.envs.env import Env, Observation

Metrics = dict[str, Float[Array, ""]]


class Learner(Protocol):
    """What the trainer runs. A sweep is `vmap` over `init`, and nothing else.

    Attributes:
        env: The environment that it learns on.
    """

    env: Env

    @property
    def steps_per_iteration(self) -> int:
        """Environment steps in one call of `step`."""
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
        """Measure what this family of algorithms is judged by, `eval/return` first of all."""
        ...

    def act_greedily(self, state: Any, obs: Observation) -> Float[Array, " action"]:
        """Return the trained policy's deterministic action."""
        ...
