"""A trust-region step (Schulman et al. 2015) for any objective, divergence and pytree."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Params = Any
Outputs = Any
Scalar = Float[Array, ""]

_CG_STEPS = 10
_CG_RESIDUAL = 1e-10
_DAMPING = 1e-5
_BACKTRACK = 0.8
_MAX_BACKTRACKS = 15


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrustRegionReport:
    """How a step went.

    Attributes:
        improvement: What the objective gained.
        divergence: How far the new parameters are from the old ones.
        accepted: Whether there was a step; if not, the old parameters stay.
        backtracks: How often it was shortened.
    """

    improvement: Scalar
    divergence: Scalar
    accepted: Bool[Array, ""]
    backtracks: Int[Array, ""]


Product = Callable[[Params], Params]
"""From x to F x, with F a matrix over parameters that is never written out."""

_Search = tuple[Int[Array, ""], TrustRegionReport]
"""The next j to be tried, and how the last attempt went."""

_Conjugate = tuple[Params, Params, Params, Scalar]
"""Solution, residual, direction, and the residual's squared norm."""


def trust_region_step(
    objective: Callable[[Params], Scalar],
    divergence: Callable[[Params], Scalar],
    params: Params,
    delta: float | Array,
    slope: Callable[[Params], tuple[Scalar, Params]] | None = None,
    curvature: Product | None = None,
) -> tuple[Params, TrustRegionReport]:
    """Climb an objective as far as a divergence from the present parameters allows.

        F x = g,   theta <- theta + 0.8^j sqrt(2 delta / x'Fx) x

    with g the objective's gradient, F the divergence's Hessian plus 1e-5, x after ten steps of
    conjugate gradients, and j, of 0 to 14, the first to be tried that improves the objective
    and keeps the divergence at most delta. After a j whose divergence is too large comes the
    one at which it would not be, if it grew with the square of the step. If none is found, the
    parameters stay.

    Args:
        objective: To be maximized.
        divergence: From the present parameters; 0, with gradient 0, there.
        params: The present parameters.
        delta: The largest divergence.
        slope: The objective and its gradient, where there is a better way to them than to
            differentiate `objective`.
        curvature: A cheaper F x at the present parameters than by the divergence's own
            Hessian; whether a step is accepted is decided by the divergence itself.
    """
    before, gradient = (slope or jax.value_and_grad(objective))(params)
    product = curvature or hessian_product(divergence, params)

    def damped(x: Params) -> Params:
        return jax.tree.map(lambda fx, leaf: fx + _DAMPING * leaf, product(x), x)

    direction, bend = conjugate_gradient(damped, gradient)
    length = jnp.sqrt(2.0 * delta / (bend + 1e-8))

    def moved(j: Int[Array, ""]) -> Params:
        scale = length * jnp.power(jnp.float32(_BACKTRACK), j.astype(jnp.float32))
        return jax.tree.map(lambda p, x: p + scale * x, params, direction)

    def attempt(search: _Search) -> _Search:
        j, _ = search
        candidate = moved(j)
        improvement, apart = objective(candidate) - before, divergence(candidate)
        accepted = (improvement > 0.0) & (apart <= delta)
        return j + _backtracks_to(delta, apart), TrustRegionReport(improvement, apart, accepted, j)

    def goes_on(search: _Search) -> Bool[Array, ""]:
        j, report = search
        return ~report.accepted & (j < _MAX_BACKTRACKS)

    zero = jnp.zeros((), jnp.int32)
    nothing = TrustRegionReport(jnp.zeros(()), jnp.zeros(()), jnp.zeros((), bool), zero)
    _, report = jax.lax.while_loop(goes_on, attempt, (zero, nothing))
    # Where the gradient is 0 or not finite, the candidate may be anything: choose, never mix.
    params = jax.tree.map(
        lambda old, new: jnp.where(report.accepted, new, old), params, moved(report.backtracks)
    )
    return params, dataclasses.replace(
        report,
        improvement=jnp.where(report.accepted, report.improvement, 0.0),
        divergence=jnp.where(report.accepted, report.divergence, 0.0),
    )


def _backtracks_to(delta: float | Array, apart: Scalar) -> Int[Array, ""]:
    """Return by how much to raise j: 1 at least, and 1 where there is nothing to go by."""
    shorter = 0.5 * jnp.log(delta / apart) / jnp.log(jnp.float32(_BACKTRACK))
    guess = jnp.where(jnp.isfinite(shorter), jnp.ceil(shorter), 1.0)
    return jnp.clip(guess, 1.0, float(_MAX_BACKTRACKS)).astype(jnp.int32)


def hessian_product(divergence: Callable[[Params], Scalar], params: Params) -> Product:
    """Return x to F x, with F the Hessian at some parameters.

    It is linearized once: each product costs a tangent, and the gradient under it is not
    computed again.
    """
    _, product = jax.linearize(jax.grad(divergence), params)
    return product


def gauss_newton_product(
    outputs: Callable[[Params], Outputs], divergence: Callable[[Outputs], Scalar], params: Params
) -> Product:
    """Return x to F x, with F = J'HJ.

    J is the derivative of the outputs, H the Hessian of the divergence between outputs. Where
    the divergence has gradient 0 that is its Hessian over parameters (Schulman et al. 2015,
    appendix C), and takes less work: nothing of the outputs is differentiated twice.

    Args:
        outputs: What a network says, of its parameters.
        divergence: Of that from what it says now.
        params: The present parameters.
    """
    now, push = jax.linearize(outputs, params)
    pull = jax.linear_transpose(push, params)
    bend = hessian_product(divergence, now)

    def product(x: Params) -> Params:
        (image,) = pull(bend(push(x)))
        return image

    return product


def conjugate_gradient(
    product: Product, b: Params, max_steps: int = _CG_STEPS
) -> tuple[Params, Scalar]:
    """Solve F x = b for a positive definite F of which only products are known.

    Args:
        product: From x to F x.
        b: The right side, any pytree.
        max_steps: Steps; fewer once the squared residual is below 1e-10.

    Returns:
        x and x'Fx.
    """

    def step(carry: _Conjugate) -> _Conjugate:
        x, residual, direction, norm = carry
        image = product(direction)
        step_size = norm / _dot(direction, image)
        x = jax.tree.map(lambda a, d: a + step_size * d, x, direction)
        residual = jax.tree.map(lambda r, i: r - step_size * i, residual, image)
        new_norm = _dot(residual, residual)
        direction = jax.tree.map(lambda r, d: r + (new_norm / norm) * d, residual, direction)
        return x, residual, direction, new_norm

    def goes_on(state: tuple[Int[Array, ""], _Conjugate]) -> Bool[Array, ""]:
        i, (_, _, _, norm) = state
        return (i < max_steps) & (norm > _CG_RESIDUAL)

    start = (jax.tree.map(jnp.zeros_like, b), b, b, _dot(b, b))
    _, (x, residual, _, _) = jax.lax.while_loop(
        goes_on, lambda state: (state[0] + 1, step(state[1])), (jnp.zeros((), jnp.int32), start)
    )
    # F x is b less the residual: that saves a product.
    return x, _dot(x, b) - _dot(x, residual)


def _dot(a: Params, b: Params) -> Scalar:
    products = jax.tree.leaves(jax.tree.map(jnp.vdot, a, b))
    return jnp.sum(jnp.stack(products))
