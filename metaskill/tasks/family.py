"""A family of tasks: the MDPs to learn from, and others, to be judged by."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Context
from metaskill.envs.given_context import drawn_entries
from metaskill.errors import UserError, nearest
from metaskill.tasks.distributions import Product

# Tells the key of what is below a family from those of the family's parameters.
_BASE = 0xBA5E


def context_of(nominal: Context, reward: Mapping[str, ArrayLike]) -> Context:
    """Return the nominal context with some entries of the reward replaced.

    Args:
        nominal: The context to begin from, whose structure, shapes and dtypes are kept:
            one compiled program serves all the contexts made of it.
        reward: The new values by name.

    Raises:
        UserError: If the nominal reward has no such entry, or one of another shape.
    """
    entries = dict(nominal.reward)
    for name, value in reward.items():
        if name not in entries:
            raise UserError(f"the reward has no entry {name!r}: {nearest(name, entries)}")
        new = jnp.asarray(value, entries[name].dtype)
        if new.shape != entries[name].shape:
            raise UserError(
                f"the reward's {name!r} has shape {entries[name].shape}, not {new.shape}."
            )
        entries[name] = new
    return dataclasses.replace(nominal, reward=entries)


def _unchanged(parameters: dict[str, Array]) -> dict[str, Array]:
    return parameters


@dataclasses.dataclass(frozen=True, eq=False)
class TaskFamily:
    """Meta-training tasks and meta-test tasks of one kind.

    Its methods `sample` and `sample_held_out` are samplers as `auto_reset` takes them.

    Attributes:
        name: The name under which it is registered.
        nominal: What all tasks have in common.
        train: The parameters of the meta-training tasks.
        held_out: The parameters of the meta-test tasks, by the same names.
        held_out_is_disjoint: Whether no task of `held_out` is one of `train`. Where a
            family has too few tasks to hold some out, the two are the same.
        to_reward: The entries of the reward that given parameters mean; by default the
            parameters are the entries.
        base: Draws all that the family does not set, such as physics; by default `nominal`.
    """

    name: str
    nominal: Context
    train: Product
    held_out: Product
    held_out_is_disjoint: bool
    to_reward: Callable[[dict[str, Array]], dict[str, Array]] = _unchanged
    base: SampleContext | None = None

    def sample(self, key: PRNGKeyArray) -> Context:
        """Draw a meta-training task."""
        return context_of(self._drawn_base(key), self.to_reward(self.train.sample(key)))

    def sample_held_out(self, key: PRNGKeyArray) -> Context:
        """Draw a meta-test task."""
        return context_of(self._drawn_base(key), self.to_reward(self.held_out.sample(key)))

    def over(self, nominal: Context, sample_context: SampleContext) -> "TaskFamily":
        """Return the family on top of another distribution, such as a domain randomization.

        Args:
            nominal: The environment's nominal context.
            sample_context: Draws what the family does not set.

        Raises:
            UserError: If both draw, or set, one entry.
        """
        weights = self._weights_over(nominal)
        drawn = drawn_entries(sample_context, nominal)
        for name in sorted(self.entries_over(nominal)):
            if ("reward", name) in drawn:
                raise UserError(
                    f"the reward's {name!r} is drawn by the task family {self.name}, and by what "
                    "is below it too: leave one of them out."
                )
        if not drawn:
            return self

        def base(key: PRNGKeyArray) -> Context:
            context = sample_context(key)
            return dataclasses.replace(context, reward={**context.reward, **weights})

        return dataclasses.replace(self, base=base)

    def entries_over(self, nominal: Context) -> set[str]:
        """Name the entries of the reward that the family draws, or sets to other than nominal."""
        drawn = self.to_reward(self.train.sample(jax.random.key(0)))
        return {*self._weights_over(nominal), *drawn}

    def _weights_over(self, nominal: Context) -> dict[str, Array]:
        return {
            name: value
            for name, value in self.nominal.reward.items()
            if name not in nominal.reward or np.any(np.asarray(value != nominal.reward[name]))
        }

    def _drawn_base(self, key: PRNGKeyArray) -> Context:
        return self.nominal if self.base is None else self.base(jax.random.fold_in(key, _BASE))
