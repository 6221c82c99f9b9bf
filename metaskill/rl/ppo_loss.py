"""The loss of PPO: a pure function of parameters, experience and hyperparameters."""

import dataclasses
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class LossHparams(Protocol):
    """The hyperparameters that the loss reads."""

    @property
    def clip(self) -> float | Array:
        """Largest rewarded change of the probability ratio."""
        ...

    @property
    def value_weight(self) -> float | Array:
        """Weight of the value function's loss."""
        ...

    @property
    def entropy_weight(self) -> float | Array:
        """Weight of the entropy bonus."""
        ...

    @property
    def saturation_weight(self) -> float | Array:
        """Weight of the penalty on means outside the actuators' range."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batch:
    """Experience to learn from.

    Attributes:
        policy_obs: Normalized observations of the policy.
        value_obs: Normalized observations of the value function.
        raw_action: Raw samples of the acting policy.
        log_prob: Their log probabilities under the acting policy.
        advantage: Advantages, not normalized.
        value_target: Lambda-returns.
        weight: Weights of the samples in both losses.
    """

    policy_obs: Float[Array, "batch policy_obs"]
    value_obs: Float[Array, "batch value_obs"]
    raw_action: Float[Array, "batch action"]
    log_prob: Float[Array, " batch"]
    advantage: Float[Array, " batch"]
    value_target: Float[Array, " batch"]
    weight: Float[Array, " batch"]


def ppo_loss(
    params: dict[str, Any],
    batch: Batch,
    hparams: LossHparams,
    policy: nn.Module,
    value: nn.Module,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Compute the clipped surrogate loss (Schulman et al. 2017, equations 7 and 9).

        ratio = pi(a|s) / pi_old(a|s)
        L = -mean min(ratio A, clip(ratio, 1 ± eps) A) + c_V mean (V - target)^2 / 2
            - c_H entropy + c_S saturation

    with advantages normalized over the batch, and samples weighted in the first two terms.
    Saturation is not in the paper: of a Gaussian whose mean is far outside [-1, 1] every
    sample is clipped to the same action, so that nothing tells which mean would be better.

    Returns:
        The loss, and its parts with diagnostics: `approx_kl` is the low-variance
        estimate mean(ratio - 1 - log ratio) of KL(pi_old || pi).
    """
    distribution = policy.apply(params["policy"], batch.policy_obs)
    log_ratio = distribution.log_prob(batch.raw_action) - batch.log_prob
    ratio = jnp.exp(log_ratio)
    advantage = (batch.advantage - jnp.mean(batch.advantage)) / (jnp.std(batch.advantage) + 1e-8)
    clipped_ratio = jnp.clip(ratio, 1.0 - hparams.clip, 1.0 + hparams.clip)
    surrogate = jnp.minimum(ratio * advantage, clipped_ratio * advantage)
    policy_loss = -jnp.mean(batch.weight * surrogate)
    prediction = value.apply(params["value"], batch.value_obs)[..., 0]
    value_loss = 0.5 * jnp.mean(batch.weight * jnp.square(prediction - batch.value_target))
    entropy = jnp.mean(distribution.entropy(key))
    saturation = jnp.mean(distribution.saturation())
    loss = (
        policy_loss
        + hparams.value_weight * value_loss
        - hparams.entropy_weight * entropy
        + hparams.saturation_weight * saturation
    )
    return loss, {
        "policy": policy_loss,
        "value": value_loss,
        "entropy": entropy,
        "saturation": saturation,
        "approx_kl": jnp.mean(ratio - 1.0 - log_ratio),
        "clip_fraction": jnp.mean(jnp.abs(ratio - 1.0) > hparams.clip),
    }
