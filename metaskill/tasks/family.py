"""A family of tasks: the MDPs to learn from, and others, to be judged by."""

import dataclasses
from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, PRNGKeyArray

from metaskill.envs.env import Context
from metaskill.errors import UserError, nearest
from metaskill.tasks.distributions import Product


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
    """

    name: str
    nominal: Context
    train: Product
    held_out: Product
    held_out_is_disjoint: bool
    to_reward: Callable[[dict[str, Array]], dict[str, Array]] = _unchanged

    def sample(self, key: PRNGKeyArray) -> Context:
        """Draw a meta-training task."""
        return context_of(self.nominal, self.to_reward(self.train.sample(key)))

    def sample_held_out(self, key: PRNGKeyArray) -> Context:
        """Draw a meta-test task."""
        return context_of(self.nominal, self.to_reward(self.held_out.sample(key)))
