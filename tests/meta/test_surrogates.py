"""Surrogates: their derivatives against an MDP small enough to enumerate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.metagradients import (
    HORIZON,
    Trajectories,
    all_trajectories,
    metagradient,
    metagradient_errors,
    relative_error,
    some_logits,
)
from metaskill.errors import UserError
from metaskill.meta.surrogates import SURROGATES, dice, find_surrogate, log_prob, lvc


@pytest.fixture(scope="module")
def world() -> Trajectories:
    return all_trajectories()


@pytest.fixture(scope="module")
def parts(world: Trajectories) -> dict[str, np.ndarray]:
    """H1, H2 and H12 by their definitions, one trajectory at a time."""
    logits = some_logits()
    score = np.asarray(jax.jacobian(world.log_prob)(logits)).reshape(-1, HORIZON, logits.size)
    curvature = np.asarray(jax.hessian(world.log_prob)(logits))
    curvature = curvature.reshape(-1, HORIZON, logits.size, logits.size)
    weight = np.asarray(world.probability(logits))[:, None] * world.reward_to_go
    earlier = np.cumsum(score, axis=1) - score
    return {
        "H1": np.einsum("nt,nti,ntj->ij", weight, score, score),
        "H2": np.einsum("nt,ntij->ij", weight, curvature),
        "H12": np.einsum("nt,nti,ntj->ij", weight, earlier, score),
    }


def hessian_of(function) -> np.ndarray:
    logits = some_logits()
    return np.asarray(jax.hessian(function)(logits)).reshape(logits.size, logits.size)


@pytest.mark.parametrize("name", SURROGATES)
def test_all_have_the_policy_gradient_as_their_gradient(name: str, world: Trajectories) -> None:
    exact = jax.grad(world.expected_return)(some_logits())
    gradient = jax.grad(lambda z: world.expected_surrogate(SURROGATES[name], z))(some_logits())
    np.testing.assert_allclose(gradient, exact, atol=1e-6)


@pytest.mark.parametrize(
    ("surrogate", "included"),
    [(log_prob, ("H2",)), (lvc, ("H1", "H2")), (dice, ("H1", "H2", "H12", "H12'"))],
    ids=["log_prob", "lvc", "dice"],
)
def test_each_has_the_parts_of_the_hessian_that_are_said_of_it(
    surrogate, included, world: Trajectories, parts
) -> None:
    values = parts | {"H12'": parts["H12"].T}
    expected = sum(values[part] for part in included)
    actual = hessian_of(lambda z: world.expected_surrogate(surrogate, z))
    np.testing.assert_allclose(actual, expected, atol=2e-6)


def test_the_parts_make_up_the_exact_hessian(world: Trajectories, parts) -> None:
    whole = parts["H1"] + parts["H2"] + parts["H12"] + parts["H12"].T
    np.testing.assert_allclose(hessian_of(world.expected_return), whole, atol=2e-6)


def test_metagradients_are_as_exact_as_their_hessians(world: Trajectories) -> None:
    errors = metagradient_errors()
    assert errors["dice"] < 1e-5
    assert 1e-3 < errors["lvc"] < errors["log_prob"]


def test_what_lvc_lacks_in_the_metagradient_is_h12(world: Trajectories, parts) -> None:
    """d/dtheta J(theta') = (1 + alpha H) grad J(theta'), with H less H12 and its transpose."""
    logits = some_logits()
    gradient = jax.grad(world.expected_return)
    outer = np.ravel(gradient(logits + gradient(logits)))
    missing = (parts["H12"] + parts["H12"].T) @ outer
    exact = np.ravel(metagradient(world, logits, None))
    assert relative_error(np.ravel(metagradient(world, logits, lvc)) + missing, exact) < 1e-5


def test_loaded_dice_telescopes_to_dice(world: Trajectories) -> None:
    """With the reward to go: sum_t exp(c_t - stop c_t) r_t, up to a constant."""
    shift = 0.3 * jax.random.normal(jax.random.key(1), (HORIZON,))
    behaviour = jnp.full(HORIZON, -1.0)
    reward = jnp.array([0.5, -2.0, 1.0])
    to_go = jnp.cumsum(reward[::-1])[::-1]

    def loaded(log_pi):
        return jnp.sum(dice(log_pi, behaviour, to_go, jnp.ones(HORIZON, bool)))

    def original(log_pi):
        so_far = jnp.cumsum(log_pi)
        return jnp.sum(jnp.exp(so_far - jax.lax.stop_gradient(so_far)) * reward)

    np.testing.assert_allclose(jax.grad(loaded)(shift), jax.grad(original)(shift), rtol=1e-5)
    np.testing.assert_allclose(jax.hessian(loaded)(shift), jax.hessian(original)(shift), rtol=1e-5)
    assert float(loaded(shift)) == 0.0


@pytest.mark.parametrize("name", SURROGATES)
def test_what_follows_the_end_has_no_influence(name: str) -> None:
    valid = jnp.arange(6) < 4
    behaviour, advantage = jax.random.normal(jax.random.key(0), (2, 6))

    def total(log_pi, after):
        spoilt = [jnp.where(valid, x, after) for x in (log_pi, behaviour, advantage)]
        return jnp.sum(SURROGATES[name](*spoilt, valid))

    log_pi = jax.random.normal(jax.random.key(1), (6,))
    for derivative in (total, jax.grad(total), jax.hessian(total)):
        np.testing.assert_array_equal(derivative(log_pi, 0.0), derivative(log_pi, 300.0))


def test_an_unknown_surrogate_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'dice'"):
        find_surrogate("dyce")
