"""What meta-learning of policies carries on, and what an iteration of it experiences."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PRNGKeyArray

from metaskill.meta.maml_rl_config import MAMLRLHparams
from metaskill.meta.policy_gradient import Experience, Params, Scalar
from metaskill.networks.normalizer import RunningStatistics


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class MAMLRLState:
    """Everything that training continues from.

    Attributes:
        params: `policy`, before adaptation; with `order=learned_alpha` also `inner_lr`.
        optimizer: ProMP's moments of Adam.
        scale: Moments that observations are normalized by; without `normalize_obs`, of none.
        hparams: Hyperparameters.
        key: Source of randomness.
        iteration: Iterations done.
    """

    params: dict[str, Any]
    optimizer: optax.OptState
    scale: RunningStatistics
    hparams: MAMLRLHparams
    key: PRNGKeyArray
    iteration: Int[Array, ""]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TaskExperience:
    """What was experienced of one task.

    Attributes:
        before: What each inner step was taken on (axes: step, episode, time).
        after: Episodes of the adapted policy (axes: episode, time).
        credit: How much better the task went after adaptation than the iteration's others
            did, in standard deviations of their returns: E-MAML's weight.
    """

    before: Experience
    after: Experience
    credit: Scalar


def experience_of_tasks(before: Experience, after: Experience) -> TaskExperience:
    """Put together what was experienced of an iteration's tasks (axis: task), with their credit."""
    returns = jnp.mean(after.episodes.total_return, axis=-1)
    credit = (returns - jnp.mean(returns)) / (jnp.std(returns) + 1e-8)
    return TaskExperience(before, after, credit)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Adaptation:
    """One task's adaptation, as a function of the parameters before it.

    Attributes:
        params: The adapted policy.
        kl: KL(behaviour || policy) before the steps, their mean.
        exploration: `exploration_loss` before the steps, their sum.
    """

    params: Params
    kl: Scalar
    exploration: Scalar
