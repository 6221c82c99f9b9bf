"""The losses of SAC: pure functions of parameters, experience and hyperparameters."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from metaskill.networks.distributions import ActionDistribution

Params = dict[str, Any]


class LossHparams(Protocol):
    """The hyperparameters that the losses read."""

    @property
    def discount(self) -> float | Array:
        """Discount factor."""
        ...

    @property
    def target_entropy(self) -> float | Array:
        """Entropy that the weight is adjusted towards, nats per action dimension."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batch:
    """Experience to learn from.

    Attributes:
        policy_obs: Normalized observations of the policy.
        critic_obs: Normalized observations of the critics.
        next_policy_obs: Those that the transition led to.
        next_critic_obs: Those that the transition led to.
        action: Actions in [-1, 1].
        reward: Rewards, scaled.
        terminated: Whether the transition ended without a future.
        weight: How much each transition counts, about 1.
    """

    policy_obs: Float[Array, "batch policy_obs"]
    critic_obs: Float[Array, "batch critic_obs"]
    next_policy_obs: Float[Array, "batch policy_obs"]
    next_critic_obs: Float[Array, "batch critic_obs"]
    action: Float[Array, "batch action"]
    reward: Float[Array, " batch"]
    terminated: Bool[Array, " batch"]
    weight: Float[Array, " batch"]


@dataclasses.dataclass(frozen=True)
class Regularizer:
    """What keeps the policy from being greedy, as a cost of alpha a unit.

    The policy maximizes E[Q - alpha cost], the critics' targets hold - alpha cost, and
    alpha grows while the mean cost is above its bound.

    Attributes:
        cost: From the policy's distribution, a raw sample of it and the normalized
            observations that it saw to the cost of each.
        bound: The mean cost that alpha is adjusted towards, from the hyperparameters and
            the number of action dimensions.
    """

    cost: Callable[
        [ActionDistribution, Float[Array, "batch action"], Float[Array, "batch policy_obs"]],
        Float[Array, " batch"],
    ]
    bound: Callable[[LossHparams, int], float | Array]


ENTROPY = Regularizer(
    cost=lambda distribution, raw_action, _: distribution.log_prob(raw_action),
    bound=lambda hparams, action_size: -hparams.target_entropy * action_size,
)
"""The cost log pi(a|s), whose mean is minus the entropy, is bounded by minus its target."""


def sac_loss(
    params: Params,
    target: Params,
    batch: Batch,
    hparams: LossHparams,
    policy: nn.Module,
    critic: nn.Module,
    key: PRNGKeyArray,
    regularizer: Regularizer = ENTROPY,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """Compute the three losses of SAC (Haarnoja et al. 2018b, equations 5, 9 and 18) at once.

        y = r + gamma (1 - terminated) (min_i Q'_i(s', a') - alpha cost'),    a' ~ pi(s')
        L_Q = mean w sum_i (Q_i(s, a) - y)^2 / 2
        L_pi = mean w (alpha cost - min_i Q_i(s, a~)),    a~ ~ pi(s), reparametrized
        L_alpha = alpha mean w (bound - cost)

    with cost = log pi(a|s), bound = - target entropy and weights w of the transitions. Each
    loss has a gradient in its own parameters alone, so that one gradient of their sum is the
    three.

    Args:
        params: Parameters of `policy`, `critic` and `log_entropy_weight` (log alpha).
        target: Parameters of the target critics.
        batch: Experience.
        hparams: Hyperparameters.
        policy: From observations to a distribution over actions.
        critic: From observations and actions to the values of every critic.
        key: Source of the actions.
        regularizer: What stands in the place of the entropy.

    Returns:
        The sum, and its parts with diagnostics.
    """
    constant = jax.lax.stop_gradient
    key, next_key = jax.random.split(key)
    alpha = jnp.exp(params["log_entropy_weight"])

    next_distribution = policy.apply(constant(params["policy"]), batch.next_policy_obs)
    next_raw = next_distribution.sample(next_key)
    next_cost = regularizer.cost(next_distribution, next_raw, batch.next_policy_obs)
    next_action = next_distribution.to_action(next_raw)
    next_value = jnp.min(critic.apply(target, batch.next_critic_obs, next_action), axis=-1)
    future = jnp.where(batch.terminated, 0.0, next_value - alpha * next_cost)
    value_target = constant(batch.reward + hparams.discount * future)
    values = critic.apply(params["critic"], batch.critic_obs, batch.action)
    errors = values - value_target[:, None]
    critic_loss = 0.5 * jnp.mean(batch.weight * jnp.sum(jnp.square(errors), axis=-1))

    distribution = policy.apply(params["policy"], batch.policy_obs)
    raw = distribution.sample(key)
    cost = regularizer.cost(distribution, raw, batch.policy_obs)
    action = distribution.to_action(raw)
    value = jnp.min(critic.apply(constant(params["critic"]), batch.critic_obs, action), axis=-1)
    policy_loss = jnp.mean(batch.weight * (constant(alpha) * cost - value))

    bound = regularizer.bound(hparams, action.shape[-1])
    weight_loss = alpha * jnp.mean(batch.weight * constant(bound - cost))
    return critic_loss + policy_loss + weight_loss, {
        "critic": critic_loss,
        "policy": policy_loss,
        "entropy_weight": weight_loss,
        "value": jnp.mean(values),
        "value_target": jnp.mean(value_target),
        "regularizer_cost": jnp.mean(cost),
        "alpha": alpha,
    }
