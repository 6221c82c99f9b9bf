"""The inner loop against derivatives worked out by hand and by finite differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metaskill.errors import UserError
from metaskill.meta.adapt import (
    InnerLoop,
    adapt,
    adaptation_curve,
    descend,
    post_adaptation_loss,
    reptile_direction,
)

ALPHA = 0.1


def quadratic(params: dict, batch: tuple) -> jax.Array:
    """½ θᵀAθ − bᵀθ, whose gradient is Aθ − b and whose Hessian is A."""
    matrix, vector = batch
    theta = params["theta"]
    return 0.5 * theta @ matrix @ theta - vector @ theta


def a_batch(seed: int) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(3, 3))
    return jnp.float32(root @ root.T + np.eye(3)), jnp.float32(rng.normal(size=3))


SUPPORT, QUERY = a_batch(0), a_batch(1)
THETA = {"theta": jnp.array([0.3, -0.7, 1.1])}


def meta_gradient(inner: InnerLoop, **options) -> np.ndarray:
    def objective(params: dict) -> jax.Array:
        return post_adaptation_loss(inner, quadratic, params, SUPPORT, QUERY, ALPHA, **options)

    return np.asarray(jax.grad(objective)(THETA)["theta"])


def adapted_by_hand(n_steps: int) -> np.ndarray:
    theta = np.asarray(THETA["theta"])
    for _ in range(n_steps):
        theta = theta - ALPHA * (np.asarray(SUPPORT[0]) @ theta - np.asarray(SUPPORT[1]))
    return theta


@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_the_second_order_gradient_of_a_quadratic_is_the_one_derived_by_hand(n_steps: int) -> None:
    """dL_q(θ')/dθ = (I − αA)ᵏ (Cθ' − d)."""
    outer = np.asarray(QUERY[0]) @ adapted_by_hand(n_steps) - np.asarray(QUERY[1])
    jacobian = np.linalg.matrix_power(np.eye(3) - ALPHA * np.asarray(SUPPORT[0]), n_steps)
    expected = jacobian @ outer
    np.testing.assert_allclose(meta_gradient(InnerLoop(max_steps=n_steps)), expected, rtol=1e-4)


def test_the_first_order_gradient_is_the_gradient_at_the_adapted_parameters() -> None:
    expected = np.asarray(QUERY[0]) @ adapted_by_hand(3) - np.asarray(QUERY[1])
    np.testing.assert_allclose(meta_gradient(InnerLoop("first", 3)), expected, rtol=1e-4)


def network_loss(params: dict, batch: tuple) -> jax.Array:
    x, y = batch
    hidden = jnp.tanh(x @ params["body"]["kernel"])
    return jnp.mean((hidden @ params["head"]["kernel"] - y) ** 2)


@pytest.fixture(scope="module")
def network() -> tuple[dict, tuple, tuple]:
    keys = jax.random.split(jax.random.key(0), 6)
    params = {
        "body": {"kernel": jax.random.normal(keys[0], (2, 4))},
        "head": {"kernel": jax.random.normal(keys[1], (4, 1))},
    }
    support = (jax.random.normal(keys[2], (6, 2)), jax.random.normal(keys[3], (6, 1)))
    query = (jax.random.normal(keys[4], (6, 2)), jax.random.normal(keys[5], (6, 1)))
    return params, support, query


def in_head(path: str) -> bool:
    return path.startswith("head")


@pytest.mark.parametrize(
    "inner",
    [
        InnerLoop(max_steps=3),
        InnerLoop("head_only", 3, is_head=in_head),
        InnerLoop(max_steps=3, transform=optax.scale_by_adam(eps=1e-2)),
        InnerLoop(max_steps=3, transform=optax.trace(0.9)),
    ],
    ids=["sgd", "head", "adam", "momentum"],
)
def test_meta_gradients_equal_finite_differences(inner: InnerLoop, network) -> None:
    params, support, query = network
    objective = functools.partial(post_adaptation_loss, inner, network_loss)
    with jax.enable_x64(True):
        params, support, query = jax.tree.map(jnp.float64, (params, support, query))
        direction = jax.tree.map(
            lambda p: jax.random.normal(jax.random.key(p.size), p.shape, p.dtype), params
        )

        @jax.jit
        def along(t: float) -> jax.Array:
            return objective(descend(params, -t, direction), support, query, ALPHA)

        numeric = (along(1e-5) - along(-1e-5)) / 2e-5
        grads = jax.jit(jax.grad(lambda p: objective(p, support, query, ALPHA)))(params)
        exact = sum(map(jnp.vdot, jax.tree.leaves(grads), jax.tree.leaves(direction)))
    assert float(exact) == pytest.approx(float(numeric), rel=1e-5)


def test_the_gradient_of_learned_step_sizes_equals_finite_differences(network) -> None:
    params, support, query = network
    inner = InnerLoop("learned_alpha", 2)
    with jax.enable_x64(True):
        params, support, query = jax.tree.map(jnp.float64, (params, support, query))

        def objective(scale: jax.Array) -> jax.Array:
            alpha = jax.tree.map(lambda p: scale * (2.0 + jnp.sign(p)), params)
            return post_adaptation_loss(inner, network_loss, params, support, query, alpha)

        numeric = (objective(0.01 + 1e-6) - objective(0.01 - 1e-6)) / 2e-6
        exact = jax.grad(objective)(0.01)
    assert float(exact) == pytest.approx(float(numeric), rel=1e-5)


def test_only_the_head_moves(network) -> None:
    params, support, _ = network
    decaying = optax.chain(optax.clip_by_global_norm(0.1), optax.add_decayed_weights(0.1))
    inner = InnerLoop("head_only", 3, decaying, in_head)
    adapted = adapt(inner, network_loss, params, support, ALPHA)
    np.testing.assert_array_equal(adapted["body"]["kernel"], params["body"]["kernel"])
    assert not np.array_equal(adapted["head"]["kernel"], params["head"]["kernel"])


def test_equal_step_sizes_for_all_parameters_are_one_step_size(network) -> None:
    params, support, query = network
    alpha = jax.tree.map(lambda p: jnp.full_like(p, ALPHA), params)

    def gradient(inner: InnerLoop, inner_lr) -> dict:
        return jax.grad(
            lambda p: post_adaptation_loss(inner, network_loss, p, support, query, inner_lr)
        )(params)

    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        gradient(InnerLoop("learned_alpha", 3), alpha),
        gradient(InnerLoop("full", 3), ALPHA),
    )


@pytest.mark.parametrize("transform", [optax.identity(), optax.scale_by_adam()])
@pytest.mark.parametrize("n_steps", [0, 1, 3])
def test_masked_steps_equal_static_steps(network, transform, n_steps: int) -> None:
    params, support, query = network

    def value_and_gradient(max_steps: int, num_steps):
        inner = InnerLoop(max_steps=max_steps, transform=transform)

        @jax.jit
        @jax.value_and_grad
        def objective(params: dict) -> jax.Array:
            return post_adaptation_loss(
                inner, network_loss, params, support, query, ALPHA, num_steps
            )

        return objective(params)

    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-7),
        value_and_gradient(5, jnp.int32(n_steps)),
        value_and_gradient(n_steps, None),
    )


def test_the_number_of_steps_is_data(network) -> None:
    params, support, query = network
    traces = 0

    @jax.jit
    def loss_after(num_steps: jax.Array) -> jax.Array:
        nonlocal traces
        traces += 1
        inner = InnerLoop(max_steps=5)
        return post_adaptation_loss(inner, network_loss, params, support, query, ALPHA, num_steps)

    losses = {float(loss_after(jnp.int32(n))) for n in range(6)}
    assert (len(losses), traces) == (6, 1)


def test_the_curve_shows_every_step(network) -> None:
    params, support, _ = network

    def observe(params: dict) -> dict:
        return {"params": params, "loss": network_loss(params, support)}

    adapted, curve = adaptation_curve(
        InnerLoop(max_steps=4), network_loss, params, support, ALPHA, observe
    )
    assert curve["loss"].shape == (5,)
    for n in range(5):
        alone = adapt(InnerLoop(max_steps=n), network_loss, params, support, ALPHA)
        at_n = jax.tree.map(lambda leaf, n=n: leaf[n], curve["params"])
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), at_n, alone)
    jax.tree.map(np.testing.assert_array_equal, at_n, adapted)


def test_tasks_adapted_side_by_side_equal_tasks_adapted_one_by_one(network) -> None:
    params, support, _ = network
    scales = jnp.array([0.5, 1.0, 2.0])

    def adapt_to(scale: jax.Array) -> dict:
        return adapt(
            InnerLoop(max_steps=3), network_loss, params, (support[0], scale * support[1]), ALPHA
        )

    together = jax.vmap(adapt_to)(scales)
    for i, scale in enumerate(scales):
        alone = adapt_to(scale)
        at_i = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5), at_i, alone)


def test_reptile_moves_the_share_epsilon_of_the_way() -> None:
    adapted = {"theta": jnp.array([1.0, 1.0, 1.0])}
    moved = descend(THETA, 0.25, reptile_direction(THETA, adapted))["theta"]
    np.testing.assert_allclose(moved, 0.75 * THETA["theta"] + 0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "fisrt"}, "did you mean 'first'"),
        ({"order": "head_only"}, "needs is_head"),
        ({"max_steps": -1}, "at least 0"),
    ],
)
def test_impossible_loops_are_refused(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        InnerLoop(**options)
