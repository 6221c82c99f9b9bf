"""The linear feature baseline: a value function fitted anew to every batch of one task."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.meta.episodes import Episodes
from metaskill.rl.returns import generalized_advantages

_RIDGE = 1e-5
_LARGEST_OBS = 10.0
_TIME_UNIT = 100.0


def features(obs: Float[Array, "time obs"]) -> Float[Array, "time feature"]:
    """Return [s, s^2, t, t^2, t^3, 1] (Duan et al. 2016), t in hundreds of the episode's steps.

    Args:
        obs: One episode's observations; they are clipped to ±10.
    """
    clipped = jnp.clip(obs, -_LARGEST_OBS, _LARGEST_OBS)
    t = jnp.arange(len(obs), dtype=jnp.float32)[:, None] / _TIME_UNIT
    columns = [clipped, jnp.square(clipped), t, t * t, t * t * t, jnp.ones_like(t)]
    return jnp.concatenate(columns, axis=-1)


def fit(
    inputs: Float[Array, "sample feature"],
    target: Float[Array, " sample"],
    valid: Bool[Array, " sample"],
    ridge: float = _RIDGE,
) -> Float[Array, " feature"]:
    """Solve the ridge regression min_w ||X w - y||^2 + ridge ||w||^2 over the valid samples.

    The triangular factor of [[X, y], [sqrt(ridge) I, 0]] holds R and Q'y, which is all that
    the solution needs. The normal equations would need less time, but they square the
    condition number: in single precision, a ridge of 1e-5 is then less than rounding.
    """
    n_features = inputs.shape[-1]
    rows = jnp.where(valid[:, None], jnp.column_stack([inputs, target]), 0.0)
    penalty = jnp.sqrt(jnp.float32(ridge)) * jnp.eye(n_features, n_features + 1)
    triangular = jnp.linalg.qr(jnp.concatenate([rows, penalty]), mode="r")
    return jax.scipy.linalg.solve_triangular(
        triangular[:n_features, :n_features], triangular[:n_features, n_features]
    )


def normalized_advantages(
    episodes: Episodes, discount: float | Array, gae_lambda: float | Array
) -> Float[Array, "episode time"]:
    """Estimate one task's advantages over a baseline fitted to these very episodes.

    The end of an episode is the end of the task, for whichever reason it ended: nothing is
    bootstrapped. Advantages are normalized over the valid steps, to mean 0 and standard
    deviation 1; elsewhere they are 0.

    Args:
        episodes: One task's (axes: episode, time).
        discount: Discount factor.
        gae_lambda: 1 for Monte Carlo returns less the baseline.
    """
    valid = episodes.valid
    inputs = jax.vmap(features)(episodes.obs)
    returns = _advantages(episodes, jnp.zeros_like(episodes.reward), discount, 1.0)
    weights = fit(inputs.reshape(-1, inputs.shape[-1]), returns.reshape(-1), valid.reshape(-1))
    value = jnp.where(valid, inputs @ weights, 0.0)
    advantage = _advantages(episodes, value, discount, gae_lambda)
    mean = jnp.mean(advantage, where=valid)
    std = jnp.std(advantage, where=valid)
    return jax.lax.stop_gradient(jnp.where(valid, (advantage - mean) / (std + 1e-8), 0.0))


def _advantages(
    episodes: Episodes,
    value: Float[Array, "episode time"],
    discount: float | Array,
    gae_lambda: float | Array,
) -> Float[Array, "episode time"]:
    def of_one(reward: Array, value: Array, valid: Array) -> Array:
        follows = jnp.append(valid[1:], False)
        next_value = jnp.append(value[1:], 0.0)
        return generalized_advantages(
            reward, value, next_value, ~follows, ~follows, discount, gae_lambda
        )

    return jax.vmap(of_one)(episodes.reward, value, episodes.valid)
