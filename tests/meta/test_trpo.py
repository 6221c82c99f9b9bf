"""The trust-region step on problems whose solutions are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.meta.trpo import (
    conjugate_gradient,
    gauss_newton_product,
    hessian_product,
    trust_region_step,
)

DELTA = 0.01


def a_metric(size: int) -> np.ndarray:
    root = np.random.default_rng(0).normal(size=(size, size))
    return (root @ root.T + np.eye(size)).astype(np.float32)


METRIC = a_metric(5)
SLOPE = np.random.default_rng(1).normal(size=5).astype(np.float32)
START = {"a": jnp.arange(2.0), "b": jnp.ones((3, 1))}


def flat(params: dict) -> jax.Array:
    return jnp.concatenate([params["a"], params["b"][:, 0]])


def divergence(params: dict) -> jax.Array:
    x = flat(params) - jax.lax.stop_gradient(flat(START))
    return 0.5 * x @ METRIC @ x


def test_conjugate_gradients_solve_a_linear_system_of_pytrees() -> None:
    def product(x: dict) -> dict:
        y = METRIC @ flat(x)
        return {"a": y[:2], "b": y[2:, None]}

    b = {"a": SLOPE[:2], "b": SLOPE[2:, None]}
    x, curvature = jax.jit(lambda b: conjugate_gradient(product, b))(b)
    expected = np.linalg.solve(METRIC, SLOPE)
    np.testing.assert_allclose(flat(x), expected, rtol=1e-3)
    assert float(curvature) == pytest.approx(expected @ SLOPE, rel=1e-3)


def test_a_linear_objective_is_climbed_to_the_edge_of_the_region() -> None:
    """The best step is sqrt(2 delta / g'F^-1 g) F^-1 g, if the divergence is quadratic."""
    params, report = jax.jit(
        lambda p: trust_region_step(lambda q: SLOPE @ flat(q), divergence, p, DELTA)
    )(START)
    natural = np.linalg.solve(METRIC, SLOPE)
    best = np.sqrt(2 * DELTA / (SLOPE @ natural)) * natural
    assert bool(report.accepted)
    # Rounding may put the full step a hair outside; then the next shorter one is taken.
    scale = 0.8 ** int(report.backtracks)
    assert int(report.backtracks) <= 1
    np.testing.assert_allclose(flat(params) - flat(START), scale * best, rtol=2e-3, atol=1e-6)
    assert float(report.divergence) == pytest.approx(scale**2 * DELTA, rel=1e-2)
    assert float(report.improvement) == pytest.approx(SLOPE @ (scale * best), rel=1e-2)


def test_the_step_is_shortened_until_the_divergence_allows_it() -> None:
    """A divergence that is steeper than its Hessian at the start."""

    def steep(params: dict) -> jax.Array:
        return divergence(params) + 1e4 * divergence(params) ** 2

    _, report = trust_region_step(lambda q: SLOPE @ flat(q), steep, START, DELTA)
    assert bool(report.accepted)
    assert int(report.backtracks) > 2
    assert float(report.divergence) <= DELTA


def test_a_step_that_never_improves_leaves_the_parameters_alone() -> None:
    def kink(params: dict) -> jax.Array:
        """Falls wherever one goes, although its gradient says otherwise."""
        x = flat(params) - flat(START)
        ahead = SLOPE @ x
        return ahead - 2.0 * jax.lax.stop_gradient(jnp.abs(ahead)) - jnp.sum(0.0 * x)

    params, report = trust_region_step(kink, divergence, START, DELTA)
    assert not report.accepted
    assert float(report.improvement) == 0.0 == float(report.divergence)
    np.testing.assert_array_equal(flat(params), flat(START))


def test_where_the_objective_is_flat_nothing_breaks() -> None:
    params, report = trust_region_step(lambda q: 0.0 * jnp.sum(flat(q)), divergence, START, DELTA)
    assert not report.accepted
    np.testing.assert_array_equal(flat(params), flat(START))


def test_the_curvature_chooses_the_direction_and_the_divergence_the_length() -> None:
    def objective(params: dict) -> jax.Array:
        return SLOPE @ flat(params)

    def round_curvature(params: dict) -> jax.Array:
        return 0.5 * jnp.sum(jnp.square(flat(params) - flat(START)))

    params, report = trust_region_step(
        objective, divergence, START, DELTA, curvature=hessian_product(round_curvature, START)
    )
    moved = flat(params) - flat(START)
    # The Hessian is the identity: the direction is the gradient's.
    np.testing.assert_allclose(
        moved / np.linalg.norm(moved), SLOPE / np.linalg.norm(SLOPE), rtol=1e-3
    )
    assert bool(report.accepted)
    assert float(divergence(params)) <= DELTA


def test_the_product_of_gauss_and_newton_is_that_of_the_hessian_where_the_gradient_is_zero() -> (
    None
):
    """Outputs that bend, and a divergence from what they are at the start."""

    def outputs(params: dict) -> jax.Array:
        return jnp.sin(METRIC @ flat(params))

    now = outputs(START)

    def from_now(values: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(values - now)) + jnp.sum((values - now) ** 3)

    x = {"a": SLOPE[:2], "b": SLOPE[2:, None]}
    exact = hessian_product(lambda params: from_now(outputs(params)), START)(x)
    actual = gauss_newton_product(outputs, from_now, START)(x)
    np.testing.assert_allclose(flat(actual), flat(exact), rtol=1e-3)
    # Away from there it is another matrix: the outputs' own curvature is left out.
    elsewhere = jax.tree.map(lambda leaf: leaf + 0.3, START)
    exact = hessian_product(lambda params: from_now(outputs(params)), elsewhere)(x)
    actual = gauss_newton_product(outputs, from_now, elsewhere)(x)
    assert not np.allclose(flat(actual), flat(exact), rtol=0.1)


def test_a_divergence_that_is_too_large_says_how_far_to_go_back() -> None:
    """It is measured twice: at the full step, four times too long, and at half of it."""
    measured = []

    def steeper(params: dict) -> jax.Array:
        jax.debug.callback(lambda value: measured.append(float(value)), divergence(params))
        return 16.0 * divergence(params)

    def product(x: dict) -> dict:
        y = METRIC @ flat(x)
        return {"a": y[:2], "b": y[2:, None]}

    _, report = trust_region_step(
        lambda q: SLOPE @ flat(q), steeper, START, DELTA, curvature=product
    )
    assert bool(report.accepted)
    # 0.8^7 < 1/4 < 0.8^6
    assert int(report.backtracks) == 7
    assert len(measured) == 2
