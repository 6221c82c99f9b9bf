"""The losses of SAC against numbers worked out in numpy, and which parameters each moves."""

import dataclasses

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.networks.critic import Critics
from metaskill.networks.policy import StateDependentGaussianPolicy
from metaskill.rl.sac_config import SACHparams
from metaskill.rl.sac_loss import Batch, Regularizer, sac_loss

POLICY = StateDependentGaussianPolicy(2, (8,))
CRITIC = Critics((8,))
SIZE = 16


@pytest.fixture(scope="module")
def params() -> dict:
    keys = jax.random.split(jax.random.key(0), 3)
    params = {
        "policy": POLICY.init(keys[0], jnp.zeros(3)),
        "critic": CRITIC.init(keys[1], jnp.zeros(3), jnp.zeros(2)),
        "log_entropy_weight": jnp.log(jnp.float32(0.3)),
    }
    # The untrained policy hardly depends on what it sees: shake it.
    flat, unflatten = jax.flatten_util.ravel_pytree(params["policy"])
    shaken = unflatten(flat + 0.1 * jax.random.normal(keys[2], flat.shape))
    return {**params, "policy": shaken}


@pytest.fixture(scope="module")
def target() -> dict:
    return CRITIC.init(jax.random.key(5), jnp.zeros(3), jnp.zeros(2))


@pytest.fixture(scope="module")
def batch() -> Batch:
    keys = jax.random.split(jax.random.key(1), 5)
    obs, next_obs = jax.random.normal(keys[0], (2, SIZE, 3))
    return Batch(
        policy_obs=obs,
        critic_obs=obs,
        next_policy_obs=next_obs,
        next_critic_obs=next_obs,
        action=jax.random.uniform(keys[1], (SIZE, 2), minval=-1.0),
        reward=jax.random.normal(keys[2], (SIZE,)),
        terminated=jax.random.bernoulli(keys[3], 0.4, (SIZE,)),
        weight=jax.random.uniform(keys[4], (SIZE,), maxval=2.0),
    )


KEY = jax.random.key(2)


def losses(params: dict, target: dict, batch: Batch, **hparams: float) -> dict:
    total, parts = sac_loss(params, target, batch, SACHparams(**hparams), POLICY, CRITIC, KEY)
    return {"total": total, **parts}


def mlp(module: dict, x: np.ndarray) -> np.ndarray:
    hidden = np.maximum(
        np.float64(x) @ module["Dense_0"]["kernel"] + module["Dense_0"]["bias"], 0.0
    )
    return hidden @ module["Dense_1"]["kernel"] + module["Dense_1"]["bias"]


def numpy_policy(params: dict, obs: jax.Array, noise: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Actions and the logarithm of their density, in the formulas of the paper's appendix C."""
    mean, raw = np.split(mlp(params["policy"]["params"]["MLP_0"], np.asarray(obs)), 2, axis=1)
    start = np.arctanh(2.0 * 5.0 / 7.0 - 1.0)  # Where the standard deviation is 1.
    std = np.exp(-5.0 + 3.5 * (1.0 + np.tanh(raw + start)))
    action = np.tanh(mean + std * np.asarray(noise))
    normal = -0.5 * np.asarray(noise) ** 2 - np.log(std) - 0.5 * np.log(2.0 * np.pi)
    return action, np.sum(normal - np.log(1.0 - action**2), axis=1)


def numpy_values(critic: dict, obs: jax.Array, action: np.ndarray) -> np.ndarray:
    x = np.concatenate([obs, action], axis=1)
    return np.concatenate([mlp(critic["params"][f"MLP_{i}"], x) for i in range(2)], axis=1)


def test_losses_equal_a_plain_numpy_computation(params: dict, target: dict, batch: Batch) -> None:
    ours = losses(params, target, batch, discount=0.9, target_entropy=-0.5)
    key, next_key = jax.random.split(KEY)
    noise, next_noise = (jax.random.normal(k, (SIZE, 2)) for k in (key, next_key))
    next_action, next_log_prob = numpy_policy(params, batch.next_policy_obs, next_noise)
    next_values = numpy_values(target, batch.next_critic_obs, next_action)
    targets = np.array(
        [
            reward + (0.0 if terminated else 0.9 * (min(values) - 0.3 * log_prob))
            for reward, terminated, values, log_prob in zip(
                np.asarray(batch.reward),
                np.asarray(batch.terminated),
                next_values,
                next_log_prob,
                strict=True,
            )
        ]
    )
    values = numpy_values(params["critic"], batch.critic_obs, np.asarray(batch.action))
    weights = np.asarray(batch.weight)
    errors = [np.sum((v - y) ** 2) / 2 for v, y in zip(values, targets, strict=True)]
    critic = np.mean(weights * errors)
    action, log_prob = numpy_policy(params, batch.policy_obs, noise)
    chosen = numpy_values(params["critic"], batch.critic_obs, action)
    policy = np.mean(weights * (0.3 * log_prob - np.min(chosen, axis=1)))
    weight = -0.3 * np.mean(weights * (log_prob + 2 * -0.5))
    assert float(ours["critic"]) == pytest.approx(critic, rel=1e-4)
    assert float(ours["policy"]) == pytest.approx(policy, rel=1e-4)
    assert float(ours["entropy_weight"]) == pytest.approx(weight, rel=1e-4)
    assert float(ours["total"]) == pytest.approx(critic + policy + weight, rel=1e-4)


def test_each_loss_moves_its_own_parameters_alone(params: dict, target: dict, batch: Batch) -> None:
    owners = {"critic": "critic", "policy": "policy", "entropy_weight": "log_entropy_weight"}
    for loss, owner in owners.items():
        grads = jax.grad(lambda p, loss=loss: losses(p, target, batch)[loss])(params)
        for name, part in grads.items():
            moved = any(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(part))
            assert moved == (name == owner), (loss, name)
    # The target's is stopped as well: nobody asks for it, and nobody pays for it.
    grads = jax.grad(lambda t: losses(params, t, batch)["total"])(target)
    assert not any(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(grads))


def test_the_policys_gradient_equals_finite_differences(
    params: dict, target: dict, batch: Batch
) -> None:
    def loss_of(policy: dict) -> jax.Array:
        return losses({**params, "policy": policy}, target, batch)["total"]

    grads = jax.grad(loss_of)(params["policy"])
    direction = jax.tree.map(
        lambda leaf: jax.random.normal(jax.random.key(leaf.size), leaf.shape), params["policy"]
    )
    exact = sum(
        float(jnp.vdot(g, d))
        for g, d in zip(jax.tree.leaves(grads), jax.tree.leaves(direction), strict=True)
    )

    def policy_loss_along(t: float) -> float:
        moved = jax.tree.map(lambda p, d: p + t * d, params["policy"], direction)
        return float(losses({**params, "policy": moved}, target, batch)["policy"])

    step = 1e-3
    numeric = (policy_loss_along(step) - policy_loss_along(-step)) / (2.0 * step)
    assert exact == pytest.approx(numeric, rel=2e-2)


@pytest.mark.parametrize(("target_entropy", "grows"), [(-3.0, False), (3.0, True)])
def test_the_weight_grows_while_the_entropy_is_too_small(
    params: dict, target: dict, batch: Batch, target_entropy: float, grows: bool
) -> None:
    """In [-1, 1] the entropy is at most log 2 a dimension."""

    def loss_of(log_weight: jax.Array) -> jax.Array:
        changed = {**params, "log_entropy_weight": log_weight}
        return losses(changed, target, batch, target_entropy=target_entropy)["entropy_weight"]

    assert bool(jax.grad(loss_of)(params["log_entropy_weight"]) < 0) == grows


def test_another_regularizer_takes_the_entropys_place(
    params: dict, target: dict, batch: Batch
) -> None:
    """A KL divergence to a prior, as skill priors have it: everywhere, and its bound."""
    batch = dataclasses.replace(batch, weight=jnp.ones(SIZE))
    cost = jnp.arange(float(SIZE))
    kl = Regularizer(cost=lambda *_: cost, bound=lambda *_: 2.0)
    _, parts = sac_loss(params, target, batch, SACHparams(), POLICY, CRITIC, KEY, kl)
    free = dataclasses.replace(kl, cost=lambda *_: jnp.zeros(SIZE))
    _, greedy = sac_loss(params, target, batch, SACHparams(), POLICY, CRITIC, KEY, free)
    mean = float(jnp.mean(cost))
    assert float(parts["policy"] - greedy["policy"]) == pytest.approx(0.3 * mean, rel=1e-4)
    lost = 0.99 * 0.3 * np.mean(np.where(batch.terminated, 0.0, cost))
    assert float(greedy["value_target"] - parts["value_target"]) == pytest.approx(lost, rel=1e-4)
    assert float(parts["entropy_weight"]) == pytest.approx(0.3 * (2.0 - mean), rel=1e-4)
