"""The population of a run: which seeds, and with which hyperparameters."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from metaskill.training.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Member:
    """One of those that train side by side in one program.

    Attributes:
        number: Its number in the run, or in the whole sweep, from 0 on.
        seed: What all its randomness comes from.
        hparams: Its traced hyperparameters: scalars, as the experiment has them.
        name: What to call it.
    """

    number: int
    seed: int
    hparams: Any
    name: str


Population = Sequence[Member]
"""The members in the order of the axis `population`."""


def members_of(experiment: Experiment) -> Population:
    """Return the population of an experiment: its hyperparameters with one seed after another."""
    first = experiment.trainer.seed
    return tuple(
        Member(number, seed, hparams_of(experiment, seed), f"seed {seed}")
        for number, seed in enumerate(range(first, first + experiment.trainer.population))
    )


def hparams_of(experiment: Experiment, seed: int) -> Any:
    """Return the learner's hyperparameters for a seed.

    They are the experiment's, unless it has `hparams_of_seed`: where members start from
    different members of another run, seeds differ in more than randomness.
    """
    of_seed = getattr(experiment, "hparams_of_seed", None)
    return of_seed(seed) if of_seed else experiment.hparams


def keys_of(population: Population) -> PRNGKeyArray:
    """Return every member's key, which depends on its seed alone."""
    seeds = jnp.asarray([member.seed for member in population], jnp.uint32)
    return jax.vmap(jax.random.key)(seeds)


def stacked_hparams(population: Population) -> Any:
    """Return the members' hyperparameters as one pytree (axis: population)."""

    def stack(*values: float | int | Array) -> Array:
        return jnp.stack([jnp.asarray(value) for value in values])

    # Where some members say 1 and others 0.5, promotion is meant.
    with jax.numpy_dtype_promotion("standard"):
        return jax.tree.map(stack, *(member.hparams for member in population))
