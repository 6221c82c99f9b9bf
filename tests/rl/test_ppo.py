"""PPO: its loss against numbers worked out otherwise, and that it learns."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.rl.ppo import PPO, PPOState
from metaskill.rl.ppo_config import PPOConfig, PPOHparams
from metaskill.rl.ppo_loss import Batch, ppo_loss

SMALL = PPOConfig(
    num_envs=64,
    rollout_length=10,
    num_epochs=4,
    num_minibatches=4,
    policy_hidden=(16,),
    value_hidden=(16,),
    distribution="gaussian",
    initial_std=0.5,
    num_eval_episodes=4,
)


@pytest.fixture(scope="module")
def ppo(point_mass: Env) -> PPO:
    return PPO(point_mass, SMALL)


@pytest.fixture(scope="module")
def step(ppo: PPO):
    return jax.jit(ppo.step)


@pytest.fixture(scope="module")
def batch(ppo: PPO) -> tuple[dict, Batch]:
    params = jax.jit(ppo.init)(jax.random.key(0), PPOHparams()).params
    # Some means lie outside the actuators' range, others within.
    params["policy"]["params"]["MLP_0"]["Dense_1"]["kernel"] *= 500.0
    keys = jax.random.split(jax.random.key(1), 5)
    obs = jax.random.normal(keys[0], (32, 2))
    distribution = ppo.network.apply(params["policy"], obs)
    raw = distribution.sample(keys[1])
    # An older policy, so that ratios lie on both sides of the clip.
    old = distribution.log_prob(raw) + 0.4 * jax.random.normal(keys[2], (32,))
    return params, Batch(
        policy_obs=obs,
        value_obs=obs,
        raw_action=raw,
        log_prob=old,
        advantage=jax.random.normal(keys[3], (32,)),
        value_target=jax.random.normal(keys[4], (32,)),
        weight=jnp.ones(32),
    )


def loss_of(ppo: PPO, params: dict, batch: Batch, **hparams: float):
    return ppo_loss(params, batch, PPOHparams(**hparams), ppo.network, ppo.value, jax.random.key(0))


def test_loss_equals_a_plain_numpy_computation(ppo: PPO, batch) -> None:
    params, data = batch
    weights = {"value_weight": 0.7, "entropy_weight": 0.01, "saturation_weight": 0.3}
    loss, parts = loss_of(ppo, params, data, clip=0.2, **weights)
    distribution = ppo.network.apply(params["policy"], data.policy_obs)
    mean, std = np.asarray(distribution.mean), np.exp(np.asarray(distribution.log_std))
    z = (np.asarray(data.raw_action) - mean) / std
    log_prob = np.sum(-0.5 * z**2 - np.log(std) - 0.5 * np.log(2 * np.pi), axis=1)
    ratio = np.exp(log_prob - np.asarray(data.log_prob))
    advantage = np.asarray(data.advantage)
    advantage = (advantage - advantage.mean()) / advantage.std()
    surrogate = [
        min(r * a, np.clip(r, 0.8, 1.2) * a) for r, a in zip(ratio, advantage, strict=True)
    ]
    value = np.asarray(ppo.value.apply(params["value"], data.value_obs))[:, 0]
    value_loss = 0.5 * np.mean((value - np.asarray(data.value_target)) ** 2)
    entropy = np.sum(np.log(std) + 0.5 * np.log(2 * np.pi * np.e))
    excess = np.mean(np.sum(np.maximum(np.abs(mean) - 1.0, 0.0) ** 2, axis=1))
    assert 0.1 < np.mean(np.abs(mean) > 1.0) < 0.9
    expected = -np.mean(surrogate) + 0.7 * value_loss - 0.01 * entropy + 0.3 * excess
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    assert float(parts["clip_fraction"]) == pytest.approx(np.mean(np.abs(ratio - 1) > 0.2))


def test_gradient_equals_finite_differences(ppo: PPO, batch) -> None:
    params, data = batch
    grads = jax.grad(lambda p: loss_of(ppo, p, data)[0])(params)
    direction = jax.tree.map(
        lambda leaf: jax.random.normal(jax.random.key(leaf.size), leaf.shape), params
    )
    step = 1e-3

    def along(t: float):
        moved = jax.tree.map(lambda p, d: p + t * d, params, direction)
        return float(loss_of(ppo, moved, data)[0])

    numeric = (along(step) - along(-step)) / (2 * step)
    exact = sum(
        float(jnp.vdot(g, d))
        for g, d in zip(jax.tree.leaves(grads), jax.tree.leaves(direction), strict=True)
    )
    assert exact == pytest.approx(numeric, rel=2e-2)


def test_the_first_minibatch_sees_the_policy_that_acted(ppo: PPO, step) -> None:
    """With a learning rate of 0 no ratio ever leaves 1."""
    state = jax.jit(ppo.init)(jax.random.key(0), PPOHparams(learning_rate=0.0))
    for _ in range(3):
        state, metrics = step(state)
        assert float(metrics["loss/approx_kl"]) == pytest.approx(0.0, abs=1e-5)
        assert float(metrics["loss/clip_fraction"]) == 0.0


def test_annealing_ends_with_the_updates_it_was_given(ppo: PPO, step) -> None:
    """Its first update is a whole one, and the next iteration leaves everything as it was."""

    def after(count: float) -> PPOState:
        hparams = PPOHparams(learning_rate=1e-2, annealing_updates=count)
        return step(jax.jit(ppo.init)(jax.random.key(0), hparams))[0]

    one, iteration = after(1.0), after(float(SMALL.gradient_steps(SMALL.steps_per_iteration)))
    for state in (one, iteration):
        jax.tree.map(np.testing.assert_array_equal, step(state)[0].params, state.params)
    # Adam's first step is of the step size, wherever there is a gradient.
    before = jax.jit(ppo.init)(jax.random.key(0), PPOHparams()).params
    moved = jax.tree.map(lambda new, old: float(jnp.max(jnp.abs(new - old))), one.params, before)
    assert max(jax.tree.leaves(moved)) == pytest.approx(1e-2, rel=1e-2)


def test_the_value_function_may_begin_alone(ppo: PPO, step) -> None:
    """For an iteration less an update, after which the policy has moved by that update."""
    updates = SMALL.gradient_steps(SMALL.steps_per_iteration)

    def moved_by(value_only_updates: float) -> dict[str, float]:
        hparams = PPOHparams(learning_rate=1e-2, value_only_updates=value_only_updates)
        before = jax.jit(ppo.init)(jax.random.key(0), hparams)
        after = step(before)[0]
        largest = jax.tree.map(
            lambda new, old: float(jnp.max(jnp.abs(new - old))), after.params, before.params
        )
        return {name: max(jax.tree.leaves(of_network)) for name, of_network in largest.items()}

    alone, nearly = moved_by(float(updates)), moved_by(updates - 1.0)
    assert alone["policy"] == 0.0
    assert 0.0 < nearly["policy"] < 5e-2
    assert alone["value"] == nearly["value"] > 0.0


def test_it_learns_to_reach_the_goal_and_one_trace_serves_all_hyperparameters(
    ppo: PPO, step
) -> None:
    evaluate = jax.jit(ppo.evaluate)
    state = jax.jit(ppo.init)(jax.random.key(0), PPOHparams(learning_rate=1e-2, reward_scale=1.0))
    before = float(evaluate(state, jax.random.key(1))["eval/return"])
    for _ in range(60):
        state, _ = step(state)
    after = float(evaluate(state, jax.random.key(1))["eval/return"])
    # The best possible return: seven steps on the diagonal, then standing still.
    best = -sum(np.hypot(*(np.full(2, max(0.0, 0.5 - 0.1 * t)))) for t in range(1, 11))
    assert before < best - 3.0
    assert after > best - 0.3
    assert step._cache_size() == 1


def test_a_vmapped_population_equals_single_runs(ppo: PPO, step) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    rates = PPOHparams(learning_rate=jnp.array([1e-3, 1e-4]))
    axes = dataclasses.replace(jax.tree.map(lambda _: None, PPOHparams()), learning_rate=0)
    population = jax.jit(jax.vmap(ppo.init, in_axes=(0, axes)))(keys, rates)
    population, metrics = jax.jit(jax.vmap(ppo.step))(population)
    init = jax.jit(ppo.init)
    for i, rate in enumerate((1e-3, 1e-4)):
        alone, alone_metrics = step(init(keys[i], PPOHparams(learning_rate=rate)))
        member = jax.tree.map(lambda leaf, i=i: leaf[i], population.params)
        for together, single in zip(
            jax.tree.leaves(member), jax.tree.leaves(alone.params), strict=True
        ):
            np.testing.assert_allclose(together, single, atol=1e-5)
        assert float(metrics["loss/value"][i]) == pytest.approx(
            float(alone_metrics["loss/value"]), rel=1e-3
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_minibatches": 7}, "choose a divisor"),
        ({"num_envs": 0}, "at least 1"),
        ({"activation": "tahn"}, "did you mean 'tanh'"),
        ({"distribution": "gauss"}, "did you mean 'gaussian'"),
    ],
)
def test_impossible_configurations_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SMALL, **changes)


def test_an_observation_that_the_environment_lacks_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="no observation 'privileged_state'"):
        PPO(point_mass, dataclasses.replace(SMALL, value_obs=("privileged_state",)))
