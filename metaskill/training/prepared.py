"""Learners that start from a run: each member of their population from one of its members."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Env
from metaskill.envs.policy import Policy
from metaskill.learner import ActingLearner, Headline, Learner, Metrics


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PreparedHparams:
    """What differs from member to member.

    Attributes:
        own: The learner's own hyperparameters.
        origin: The number of the member that it starts from.
    """

    own: Any
    origin: int | Array = 0


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PreparedState:
    """A learner's state, and which member it started from.

    Attributes:
        own: The learner's own state.
        origin: The number of that member.
    """

    own: Any
    origin: Int[Array, ""]


class PreparedLearner:
    """A learner that is written for what one member of another run has learned.

    What was learned is the same all along, and no part of the state: each member's is picked
    from the run's by number, which is data. So a population of them is one program.
    """

    def __init__(
        self,
        make: Callable[[Any], ActingLearner],
        origins: Any,
        step_unit: str = "environment steps",
    ):
        """Put the parts together.

        Args:
            make: Makes the learner from one origin.
            origins: What they start from (axis: origin).
            step_unit: What the learner's steps are.
        """
        self._make = make
        self._origins = origins
        self._n_origins = len(jax.tree.leaves(origins)[0])
        self._first = self._made_for(0)
        self.step_unit = step_unit

    def made_for(self, origin: int | Int[Array, ""]) -> ActingLearner:
        """Return the learner of members that start from an origin."""
        if self._n_origins == 1:  # All members share it: it is no data of theirs.
            return self._first
        return self._made_for(origin)

    def _made_for(self, origin: int | Int[Array, ""]) -> ActingLearner:
        return self._make(jax.tree.map(lambda leaf: leaf[origin], self._origins))

    @property
    def headline(self) -> Headline:
        """The learner's."""
        return self._first.headline

    @property
    def env(self) -> Env:
        """The environment that it learns on; where the origin is part of it, the first one's."""
        return self._first.env

    @property
    def sample_context(self) -> SampleContext:
        """Draws each episode's context."""
        return self._first.sample_context  # type: ignore[attr-defined]

    @property
    def num_worlds(self) -> int:
        """Worlds that it steps side by side."""
        return self._first.num_worlds

    @property
    def steps_per_iteration(self) -> int:
        """Steps in one call of `step`."""
        return self._first.steps_per_iteration

    def init(self, key: PRNGKeyArray, hparams: PreparedHparams) -> PreparedState:
        """Return the state before training."""
        origin = jnp.asarray(hparams.origin, jnp.int32)
        return PreparedState(self.made_for(origin).init(key, hparams.own), origin)

    def step(self, state: PreparedState) -> tuple[PreparedState, Metrics]:
        """Do one iteration."""
        own, metrics = self.made_for(state.origin).step(state.own)
        return dataclasses.replace(state, own=own), metrics

    def evaluate(self, state: PreparedState, key: PRNGKeyArray) -> Metrics:
        """Measure what the learner is judged by."""
        return self.made_for(state.origin).evaluate(state.own, key)

    def policy(self, state: PreparedState) -> Policy:
        """Return the trained policy."""
        return self.made_for(state.origin).policy(state.own)


def own_parts(learner: Learner, state: Any) -> tuple[Learner, Any]:
    """Return the learner and the state of one member, as if it had no others beside it."""
    if isinstance(learner, PreparedLearner):
        return learner.made_for(state.origin), state.own
    return learner, state
