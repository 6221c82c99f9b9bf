"""The four places where other algorithms enter a core: PPO and SAC take the same hooks.

Skill discovery replaces the reward by what a model learned along the way says of it; EPOpt
weighs episodes; imitation and skill priors add a loss; PCGrad combines gradients. A hook that
is not there is not in the compiled program, and one of zero strength changes nothing.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.envs.env import Observation
from metaskill.learner import Metrics
from metaskill.rl.finite import accept_if, all_finite

Params = dict[str, Any]


class Experience(Protocol):
    """Transitions with one leading axis, as a rollout made them or replay kept them."""

    @property
    def obs(self) -> Observation:
        """What was seen."""
        ...

    @property
    def next_obs(self) -> Observation:
        """What it led to: at the end of an episode its true last observation."""
        ...

    @property
    def reward(self) -> Float[Array, " batch"]:
        """The environment's reward."""
        ...

    @property
    def terminated(self) -> Bool[Array, " batch"]:
        """Whether the episode ended without a future."""
        ...


class Intrinsic(Protocol):
    """A reward transform, with a model of its own that is learned from experience.

    The core keeps the model's state. It updates it first, then computes rewards with it:
    those of a whole iteration where it learns on-policy, those of a batch, each time that it
    is sampled, where it learns from replay. So no stale reward is ever learned from.
    """

    def init(self, key: PRNGKeyArray) -> Any:
        """Return the untrained model, its optimizer included, as one pytree."""
        ...

    def update(self, model: Any, experience: Experience, key: PRNGKeyArray) -> tuple[Any, Metrics]:
        """Improve the model; where a simulation broke, a transition `terminated` at rest."""
        ...

    def reward(
        self, model: Any, experience: Experience, key: PRNGKeyArray
    ) -> Float[Array, " batch"]:
        """Return what is learned from in place of the environment's reward."""
        ...


SampleWeight = Callable[[Experience], Float[Array, " batch"]]
"""The weight of every transition in the core's losses, about 1."""

AuxiliaryLoss = Callable[[Params, Any, PRNGKeyArray], tuple[Float[Array, ""], Metrics]]
"""A loss of the core's parameters on one of its batches, with its metrics."""

CombineGradients = Callable[[Params, Params], Params]
"""From the gradients of the core's loss and of the auxiliary loss to the one to follow."""


def add_gradients(of_core: Params, of_auxiliary: Params) -> Params:
    """Return the gradient of the sum of both losses."""
    return jax.tree.map(lambda a, b: a + b, of_core, of_auxiliary)


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What a core is told beyond its own algorithm.

    Attributes:
        intrinsic: Reward transform; None for the environment's reward.
        sample_weight: None for weights of 1.
        auxiliary_loss: None for the core's loss alone.
        combine_gradients: How the auxiliary loss enters.
    """

    intrinsic: Intrinsic | None = None
    sample_weight: SampleWeight | None = None
    auxiliary_loss: AuxiliaryLoss | None = None
    combine_gradients: CombineGradients = add_gradients


Loss = Callable[[Params], tuple[Float[Array, ""], Metrics]]


def loss_and_gradient(
    loss: Loss, hooks: Hooks, params: Params, batch: Any, key: PRNGKeyArray
) -> tuple[Float[Array, ""], Metrics, Params]:
    """Differentiate a core's loss, together with the auxiliary one if there is one.

    Args:
        loss: The core's loss of its parameters, with metrics.
        hooks: The hooks.
        params: Where to differentiate.
        batch: What the auxiliary loss is of.
        key: Source of the auxiliary loss's randomness.

    Returns:
        The sum of the losses, the metrics of both, and the combined gradient.
    """
    (value, metrics), grads = jax.value_and_grad(loss, has_aux=True)(params)
    if hooks.auxiliary_loss is None:
        return value, metrics, grads
    auxiliary_loss = hooks.auxiliary_loss
    (extra, extra_metrics), extra_grads = jax.value_and_grad(
        lambda params: auxiliary_loss(params, batch, key), has_aux=True
    )(params)
    combined = hooks.combine_gradients(grads, extra_grads)
    return value + extra, {**metrics, **extra_metrics}, combined


def fresh_rewards(
    hooks: Hooks, model: Any, experience: Experience, key: PRNGKeyArray
) -> tuple[Any, Float[Array, " batch"], Metrics]:
    """Update the model behind the reward on experience, then reward that with it.

    Returns:
        The model (the old one, if the new one is not finite), the rewards, and metrics: the
        model's own, and the mean `intrinsic_reward`.
    """
    if hooks.intrinsic is None:
        return model, experience.reward, {}
    update_key, reward_key = jax.random.split(key)
    updated, metrics = hooks.intrinsic.update(model, experience, update_key)
    model = accept_if(all_finite(updated), updated, model)
    reward = hooks.intrinsic.reward(model, experience, reward_key)
    return model, reward, {**metrics, "intrinsic_reward": reward.mean()}
