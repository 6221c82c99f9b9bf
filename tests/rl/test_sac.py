"""SAC as a learner: what it bootstraps from, what it refuses, and that it learns."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context, Env, State
from metaskill.envs.point_mass import PointMass
from metaskill.errors import UserError
from metaskill.networks.normalizer import normalize
from metaskill.rl.sac import SAC
from metaskill.rl.sac_config import SACConfig, SACHparams
from metaskill.rl.sac_state import SACState, move_towards

SMALL = SACConfig(
    num_envs=16,
    updates_per_iteration=4,
    batch_size=64,
    replay_capacity=4096,
    warm_up_steps=256,
    policy_hidden=(32, 32),
    critic_hidden=(32, 32),
    num_eval_episodes=4,
)
QUICK = SACHparams(
    policy_learning_rate=3e-3,
    critic_learning_rate=3e-3,
    entropy_learning_rate=3e-3,
    entropy_weight=0.1,
)
TINY = dataclasses.replace(
    SMALL, num_envs=64, updates_per_iteration=1, batch_size=8, replay_capacity=1024,
    policy_hidden=(8,), critic_hidden=(8,),
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny(point_mass: Env) -> SAC:
    return SAC(point_mass, TINY)


@pytest.fixture(scope="module")
def step(tiny: SAC):
    return jax.jit(tiny.step)


def iterate(learner: SAC, state: SACState, iterations: int) -> tuple[SACState, dict]:
    run = jax.jit(
        lambda state: jax.lax.scan(lambda s, _: learner.step(s), state, length=iterations)
    )
    return run(state)


def networks(state: SACState) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state.networks)]


def test_it_learns_to_reach_the_goal(point_mass: Env) -> None:
    learner = SAC(point_mass, SMALL)
    evaluate = jax.jit(learner.evaluate)
    state = jax.jit(learner.init)(jax.random.key(0), QUICK)
    before = float(evaluate(state, jax.random.key(1))["eval/return"])
    state, metrics = iterate(learner, state, 500)
    after = float(evaluate(state, jax.random.key(1))["eval/return"])
    # The best possible return: five steps on the diagonal, then standing still.
    best = -sum(np.hypot(*(np.full(2, max(0.0, 0.5 - 0.1 * t)))) for t in range(1, 11))
    assert before < best - 3.0
    assert after > best - 0.3
    assert metrics["replay_filled"][0] == pytest.approx(1 / 256)
    assert metrics["replay_filled"][-1] == 1.0


class OneStep(PointMass):
    """Observes a coin, gives a reward of 1, and ends by termination where it shows 1."""

    def reset(self, key: jax.Array, context: Context) -> State:
        coin = jax.random.bernoulli(key).astype(jnp.float32)
        return dataclasses.replace(
            super().reset(key, context), obs={"state": jnp.stack([coin] * 2)}
        )

    def step(self, state: State, action: jax.Array) -> State:
        terminated = state.obs["state"][0] == 1.0
        return dataclasses.replace(
            super().step(state, action),
            obs=state.obs,
            reward=jnp.ones(()),
            terminated=terminated,
            truncated=~terminated,
            key=jax.random.fold_in(state.key, 0),
        )


def test_truncation_has_a_future_and_termination_has_none() -> None:
    """With a discount of 1/2 the future is worth 1 + 1/2 + 1/4 ... = 2."""
    learner = SAC(OneStep(), dataclasses.replace(TINY, warm_up_steps=0, batch_size=32))
    hparams = SACHparams(
        critic_learning_rate=1e-2, discount=0.5, target_rate=0.1, entropy_weight=0.0
    )
    state, metrics = iterate(learner, jax.jit(learner.init)(jax.random.key(0), hparams), 500)
    coins = jnp.array([[0.0, 0.0], [1.0, 1.0]])
    values = learner.critic.apply(
        state.networks.params["critic"],
        normalize(state.statistics["state"], coins),
        jnp.zeros((2, 2)),
    )
    np.testing.assert_allclose(values, [[2.0, 2.0], [1.0, 1.0]], atol=0.1)
    assert float(jnp.max(metrics["skipped_updates"])) == 0.0


def test_while_warming_up_it_acts_at_random_and_learns_nothing(tiny: SAC, step) -> None:
    start = jax.jit(tiny.init)(jax.random.key(0), SACHparams())
    state = start
    for _ in range(TINY.warm_up_iterations):
        state, metrics = step(state)
        assert metrics["update_to_data"] == 0.0
        assert jnp.isnan(metrics["loss/critic"])
    for old, new in zip(networks(start), networks(state), strict=True):
        np.testing.assert_array_equal(old, new)
    actions = np.sort(np.asarray(state.replay.steps["choice"]["action"])[state.replay.starts], 0)
    uniform = np.linspace(-1.0, 1.0, TINY.warm_up_steps)[:, None]
    assert np.max(np.abs(actions - uniform)) < 2 * 0.12  # Kolmogorov and Smirnov, p = .001.
    state, metrics = step(state)
    assert metrics["update_to_data"] == 1 / 64
    assert metrics["updates"] == 1.0
    assert any(
        np.any(old != new) for old, new in zip(networks(start), networks(state), strict=True)
    )


def warmed_up(learner: SAC, step, hparams: SACHparams) -> SACState:
    state = jax.jit(learner.init)(jax.random.key(0), hparams)
    for _ in range(learner.config.warm_up_iterations):
        state, _ = step(state)
    return state


def test_targets_follow_the_critics_slowly(tiny: SAC, step) -> None:
    state = warmed_up(tiny, step, SACHparams(target_rate=0.25))
    for _ in range(2):
        after, _ = step(state)
        for old, new, critic in zip(
            *map(
                jax.tree.leaves,
                (state.networks.target, after.networks.target, after.networks.params["critic"]),
            ),
            strict=True,
        ):
            np.testing.assert_allclose(new, 0.75 * old + 0.25 * critic, atol=1e-6)
        state = after
    assert move_towards({"w": 1.0}, {"w": 3.0}, 0.25) == {"w": 1.5}


@pytest.mark.parametrize(("rate", "fixed"), [(0.0, True), (1e-3, False)])
def test_the_entropys_weight_is_fixed_or_adjusted(
    tiny: SAC, step, rate: float, fixed: bool
) -> None:
    state = warmed_up(tiny, step, SACHparams(entropy_weight=0.1, entropy_learning_rate=rate))
    for _ in range(2):
        state, metrics = step(state)
    assert (float(metrics["loss/alpha"]) == pytest.approx(0.1, rel=1e-6)) == fixed


def test_a_vmapped_population_equals_single_runs(tiny: SAC, step) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    rates = jnp.array([1e-3, 1e-4])
    axes = dataclasses.replace(jax.tree.map(lambda _: None, SACHparams()), policy_learning_rate=0)
    population = jax.jit(jax.vmap(tiny.init, in_axes=(0, axes)))(
        keys, SACHparams(policy_learning_rate=rates)
    )
    together = jax.jit(jax.vmap(tiny.step))
    init = jax.jit(tiny.init)
    singles = [
        init(key, SACHparams(policy_learning_rate=rate))
        for key, rate in zip(keys, rates, strict=True)
    ]
    for _ in range(TINY.warm_up_iterations + 2):
        population, metrics = together(population)
        singles, alone = zip(*map(step, singles), strict=True)
    for i, single in enumerate(singles):
        for one, other in zip(networks(population), networks(single), strict=True):
            np.testing.assert_allclose(one[i], other, atol=1e-5)
        np.testing.assert_allclose(
            population.replay.obs["state"][i], single.replay.obs["state"], atol=1e-6
        )
        assert float(metrics["loss/critic"][i]) == pytest.approx(
            float(alone[i]["loss/critic"]), rel=1e-3
        )


def test_an_iteration_copies_no_replay(point_mass: Env) -> None:
    """Whatever the capacity, a chunk of a population needs the same memory beside its state."""

    def scratch_bytes(capacity: int) -> int:
        learner = SAC(point_mass, dataclasses.replace(TINY, replay_capacity=capacity))
        keys = jax.random.split(jax.random.key(0), 2)
        state = jax.eval_shape(jax.vmap(learner.init, in_axes=(0, None)), keys, SACHparams())
        chunk = jax.jit(
            lambda state: jax.lax.scan(lambda s, _: jax.vmap(learner.step)(s), state, length=3),
            donate_argnums=0,
        )
        return chunk.lower(state).compile().memory_analysis().temp_size_in_bytes

    flags = 2 * 400_000  # The smallest array of the larger replays, bytes.
    assert scratch_bytes(400_000) < scratch_bytes(1024) + 0.1 * flags


def test_a_nan_gradient_leaves_everything_learned_untouched_and_is_counted(tiny: SAC, step) -> None:
    before, _ = step(warmed_up(tiny, step, SACHparams()))
    # Through rewards that are not numbers, every loss and gradient is not one either.
    hparams = dataclasses.replace(before.hparams, reward_scale=jnp.float32(jnp.nan))
    state, metrics = step(dataclasses.replace(before, hparams=hparams))
    for old, new in zip(networks(before), networks(state), strict=True):
        np.testing.assert_array_equal(old, new)
    assert metrics["skipped_updates"] == TINY.updates_per_iteration
    assert metrics["update_to_data"] == 0.0
    assert state.updates == before.updates


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_envs": 0}, "num_envs is 0: it must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"warm_up_steps": -1}, "warm_up_steps is -1"),
        ({"replay_capacity": 511, "rollout_length": 4}, "need at least 512"),
        ({"activation": "tahn"}, "did you mean 'tanh'"),
    ],
)
def test_impossible_configurations_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(TINY, **changes)


def test_an_observation_that_the_environment_lacks_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="no observation 'privileged_state'"):
        SAC(point_mass, dataclasses.replace(TINY, critic_obs=("privileged_state",)))
