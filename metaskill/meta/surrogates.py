"""Objectives whose derivatives estimate those of the expected return.

All have the policy gradient as their first derivative. The meta-gradient also needs the
second, through which the inner step changed what it sampled. With the Hessian of the
return written as H1 + H2 + H12 + H12' (Rothfuss et al. 2018, appendix A),

    H1  = E sum_t A_t  grad log pi_t  (grad log pi_t)'
    H2  = E sum_t A_t  grad^2 log pi_t
    H12 = E sum_t A_t  sum_{t' < t} grad log pi_t'  (grad log pi_t)'

they differ in which parts of it their own Hessians have. Each maps one episode to terms, one a
step: averaged over steps instead of summed, they give the inner step size one meaning
whatever the episodes' length, and however many there are.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from metaskill.errors import UserError, nearest

Steps = Float[Array, " time"]
Surrogate = Callable[[Steps, Steps, Steps, Bool[Array, " time"]], Steps]
"""Called as `surrogate(log_prob, behaviour_log_prob, advantage, valid)`, of one episode."""


def log_prob(
    log_prob: Steps, behaviour_log_prob: Steps, advantage: Steps, valid: Bool[Array, " time"]
) -> Steps:
    """Return log pi A, whose Hessian is H2 alone (Finn et al. 2017, as their code does it)."""
    del behaviour_log_prob
    return jnp.where(valid, log_prob * advantage, 0.0)


def lvc(
    log_prob: Steps, behaviour_log_prob: Steps, advantage: Steps, valid: Bool[Array, " time"]
) -> Steps:
    """Return (pi / pi_behaviour) A, whose Hessian is H1 + H2 (Rothfuss et al. 2018, equation 6).

    The low-variance curvature estimator: what it lacks, H12, vanishes where the state
    values' dependence on the policy does. Where the parameters are no longer the
    behaviour's, the ratio is an importance weight.
    """
    log_ratio = log_prob - jax.lax.stop_gradient(behaviour_log_prob)
    return jnp.where(valid, jnp.exp(jnp.where(valid, log_ratio, 0.0)) * advantage, 0.0)


def dice(
    log_prob: Steps, behaviour_log_prob: Steps, advantage: Steps, valid: Bool[Array, " time"]
) -> Steps:
    """Return the terms of loaded DiCE, whose Hessian is unbiased (Farquhar et al. 2019).

        sum_t (exp(c_t - stop c_t) - exp(c_{t-1} - stop c_{t-1})) A_t,
        c_t = sum_{t' <= t} log pi_t'

    With the reward to go as A_t it telescopes to DiCE, sum_t exp(c_t - stop c_t) r_t
    (Foerster et al. 2018). Its value is 0; its derivatives hold for the behaviour's
    own parameters only, as no ratio corrects for others.
    """
    del behaviour_log_prob
    so_far = jnp.cumsum(jnp.where(valid, log_prob, 0.0))
    magic_box = jnp.exp(so_far - jax.lax.stop_gradient(so_far))
    before = jnp.concatenate([jnp.ones(1), magic_box[:-1]])
    return jnp.where(valid, (magic_box - before) * advantage, 0.0)


SURROGATES: dict[str, Surrogate] = {"dice": dice, "log_prob": log_prob, "lvc": lvc}


def find_surrogate(name: str) -> Surrogate:
    """Return the surrogate called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in SURROGATES:
        raise UserError(f"no surrogate is called {name!r}: {nearest(name, SURROGATES)}")
    return SURROGATES[name]
