"""Exploration that lasts: noise on a policy's latents, drawn once an episode, and what it tells.

Noise of single actions tries one way of moving, with variations. From it an inner step learns
whether that way should be more or less so, and not how much. Noise on latents that the policy has
learned to turn into different ways of moving tries them all, and the step goes to the better ones
(the structured exploration of MAESN, Gupta et al. 2018).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def stratified_noise(
    key: PRNGKeyArray, n_episodes: int, n_latents: int
) -> Float[Array, "episode latent"]:
    """Draw standard normal noise, for each latent evenly spread over the episodes.

    The normal distribution is divided into as many equally likely parts as there are episodes;
    each has one in each part, in an order of its own for each latent.

    Args:
        key: Source of randomness.
        n_episodes: Number of episodes.
        n_latents: Number of latents; may be 0.
    """
    order_key, place_key = jax.random.split(key)
    shape = (n_episodes, n_latents)
    parts = jnp.broadcast_to(jnp.arange(n_episodes, dtype=jnp.float32)[:, None], shape)
    order = jax.random.permutation(order_key, parts, axis=0, independent=True)
    # The ends of the outermost parts are infinite.
    place = jax.random.uniform(place_key, shape, minval=0.01, maxval=0.99)
    return jax.scipy.stats.norm.ppf((order + place) / n_episodes)


def better_noise(
    noise: Float[Array, "episode latent"],
    total_return: Float[Array, " episode"],
    temperature: float | Array,
) -> Float[Array, " latent"]:
    """Return the mean of one task's noise, in which better episodes count for more.

        sum_e w_e epsilon_e,   w = softmax(A / tau),

    with A the returns, normalized over the episodes. It is a step on the gradient of
    log E exp(A / tau) by the latents, the noise's mean, as long as its variance: the score
    function's estimate, which needs no other credit than whole episodes'. At high temperatures
    it has the direction of the policy gradient, at low ones it picks the best episode
    (reward-weighted regression, Peters & Schaal 2007).

    Args:
        noise: What each episode had on the latents.
        total_return: Its return.
        temperature: tau, in standard deviations of the returns.
    """
    advantage = (total_return - jnp.mean(total_return)) / (jnp.std(total_return) + 1e-8)
    return jax.nn.softmax(advantage / temperature) @ noise
