"""An update that is not a number is refused whole, counted, and costs nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env
from metaskill.rl import ppo as ppo_module
from metaskill.rl.finite import accept_if, all_finite
from metaskill.rl.ppo import PPO, PPOState
from metaskill.rl.ppo_config import PPOConfig, PPOHparams

CONFIG = PPOConfig(
    num_envs=4,
    rollout_length=8,
    num_epochs=2,
    num_minibatches=2,
    policy_hidden=(8,),
    value_hidden=(8,),
)


@pytest.fixture(scope="module")
def learner(point_mass: Env) -> PPO:
    return PPO(point_mass, CONFIG)


def after(learner: PPO, iterations: int, hparams: PPOHparams) -> PPOState:
    state = jax.jit(learner.init)(jax.random.key(0), hparams)
    step = jax.jit(lambda state: learner.step(state)[0])
    for _ in range(iterations):
        state = step(state)
    return state


def learned(state: PPOState) -> list[np.ndarray]:
    parts = (state.params, state.optimizer, state.statistics)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(parts)]


def test_evidence_is_every_number_of_a_tree() -> None:
    assert all_finite({"a": jnp.ones(3), "b": jnp.zeros((), jnp.int32)})
    assert not all_finite({"a": jnp.ones(3), "b": jnp.array([0.0, jnp.nan])})
    assert not all_finite(jnp.inf)


def test_a_refused_proposal_leaves_the_current_tree_whatever_it_holds() -> None:
    current = {"x": jnp.arange(3.0), "key": jax.random.key(1), "n": jnp.int32(4)}
    proposed = {"x": jnp.full(3, jnp.nan), "key": jax.random.key(2), "n": jnp.int32(5)}
    kept = accept_if(jnp.array(False), proposed, current)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, kept, current))


def test_a_nan_gradient_leaves_everything_learned_untouched_and_is_counted(learner: PPO) -> None:
    before = after(learner, 2, PPOHparams())
    # Through rewards that are not numbers, every loss and gradient is not one either.
    hparams = dataclasses.replace(before.hparams, reward_scale=jnp.float32(jnp.nan))
    poisoned = dataclasses.replace(before, hparams=hparams)
    state, metrics = jax.jit(learner.step)(poisoned)
    for old, new in zip(learned(before), learned(state), strict=True):
        np.testing.assert_array_equal(old, new)
    assert metrics["skipped_updates"] == CONFIG.num_epochs * CONFIG.num_minibatches
    assert state.iteration == before.iteration + 1


def test_the_sick_member_of_a_population_harms_no_other(learner: PPO) -> None:
    scales = jnp.array([0.1, jnp.nan])
    hparams = PPOHparams(reward_scale=scales)
    none_but_scales = {field.name: None for field in dataclasses.fields(PPOHparams)}
    axes = PPOHparams(**none_but_scales | {"reward_scale": 0})
    population = jax.vmap(learner.init, in_axes=(None, axes))(jax.random.key(0), hparams)
    population, metrics = jax.jit(jax.vmap(learner.step))(population)
    assert metrics["skipped_updates"].tolist() == [0, 4]
    assert all_finite([jnp.asarray(leaf) for leaf in learned(population)])


def test_with_finite_gradients_nothing_changes_in_any_bit(
    learner: PPO, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = after(learner, 3, PPOHparams())
    monkeypatch.setattr(ppo_module, "accept_if", lambda _, proposed, __: proposed)
    unguarded = after(learner, 3, PPOHparams())
    for with_guard, without in zip(learned(guarded), learned(unguarded), strict=True):
        np.testing.assert_array_equal(with_guard, without)
