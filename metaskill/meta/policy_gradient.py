"""What one task's episodes say about a policy: the losses of policy-gradient meta-learning."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from metaskill.meta.episodes import Episodes
from metaskill.meta.surrogates import Surrogate, lvc

Params = Any
Scalar = Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Experience:
    """Episodes of one task, with what is learned from them.

    Attributes:
        episodes: As they were played (axes: episode, time).
        advantage: Normalized advantages; 0 where a step does not count.
        latent_step: Where the episodes' noise says that the latents should go; 0 without noise.
    """

    episodes: Episodes
    advantage: Float[Array, "*episode time"]
    latent_step: Float[Array, " latent"]


def surrogate_loss(
    surrogate: Surrogate, policy: nn.Module, params: Params, experience: Experience
) -> Scalar:
    """Return minus a surrogate of the return, averaged over one task's steps.

    With `log_prob` its gradient is that of REINFORCE; all surrogates share it.
    """
    episodes = experience.episodes
    log_prob = policy.apply(params, episodes.obs).log_prob(episodes.raw_action)
    terms = jax.vmap(surrogate)(log_prob, episodes.log_prob, experience.advantage, episodes.valid)
    return -jnp.mean(terms, where=episodes.valid)


def clipped_loss(
    policy: nn.Module, params: Params, experience: Experience, clip: float | Array
) -> Scalar:
    """Return minus J^CLIP (Schulman et al. 2017, equation 7), averaged over one task's steps.

    J^CLIP = min(ratio A, clip(ratio, 1 ± eps) A)
    """

    def clipped(log_prob: Array, behaviour: Array, advantage: Array, valid: Array) -> Array:
        ratio = lvc(log_prob, behaviour, jnp.ones_like(advantage), valid)
        limited = jnp.clip(ratio, 1.0 - clip, 1.0 + clip)
        return jnp.minimum(ratio * advantage, limited * advantage)

    return surrogate_loss(clipped, policy, params, experience)


def exploration_loss(policy: nn.Module, params: Params, experience: Experience) -> Scalar:
    """Return minus the mean probability ratio, whose gradient is that of minus mean log pi.

    Weighted by what adaptation to these episodes led to, it is E-MAML's credit for having
    sampled them (Stadie et al. 2018, equation 5). As a ratio it stays right when the
    parameters leave the behaviour's.
    """
    one = dataclasses.replace(experience, advantage=jnp.ones_like(experience.advantage))
    return surrogate_loss(lvc, policy, params, one)


def kl_from_behaviour(policy: nn.Module, params: Params, experience: Experience) -> Scalar:
    """Return KL(behaviour || policy), exact in the actions, averaged over one task's steps."""
    return mean_kl(experience, policy.apply(params, experience.episodes.obs))


def mean_kl(experience: Experience, distribution: Any) -> Scalar:
    """Return KL(behaviour || distribution), averaged over one task's steps.

    Args:
        experience: Of the task.
        distribution: Over actions, where each of the observations was seen (axes: episode, time).
    """
    episodes = experience.episodes
    return jnp.mean(episodes.behaviour.kl(distribution), where=episodes.valid)
