"""Episodes, and the linear baseline that is fitted to them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env
from metaskill.meta.baseline import features, fit, normalized_advantages
from metaskill.meta.episodes import Episodes, play_episodes
from metaskill.networks.distributions import Gaussian

DISCOUNT = 0.9
LENGTHS = (8, 5, 1, 8)


@pytest.fixture(scope="module")
def episodes() -> Episodes:
    keys = jax.random.split(jax.random.key(0), 2)
    valid = jnp.arange(8) < jnp.array(LENGTHS)[:, None]
    zeros = jnp.zeros((4, 8, 1))
    return Episodes(
        obs=4.0 * jax.random.normal(keys[0], (4, 8, 2)),
        raw_action=zeros,
        log_prob=zeros[..., 0],
        mean=zeros,
        log_std=zeros,
        reward=jnp.where(valid, jax.random.normal(keys[1], (4, 8)), 0.0),
        valid=valid,
    )


def by_hand(episodes: Episodes, gae_lambda: float) -> np.ndarray:
    """The same in NumPy, an episode and a step at a time."""
    rows, returns = [], []
    for i, length in enumerate(LENGTHS):
        reward = np.asarray(episodes.reward[i, :length], np.float64)
        for t in range(length):
            s = np.clip(np.asarray(episodes.obs[i, t], np.float64), -10, 10)
            rows.append([*s, *s**2, t / 100, (t / 100) ** 2, (t / 100) ** 3, 1.0])
            returns.append(sum(DISCOUNT**k * reward[t + k] for k in range(length - t)))
    x, y = np.array(rows), np.array(returns)
    penalty = np.sqrt(1e-5) * np.eye(x.shape[1])
    weights = np.linalg.lstsq(
        np.vstack([x, penalty]), np.append(y, np.zeros(x.shape[1])), rcond=None
    )[0]
    values = np.split(x @ weights, np.cumsum(LENGTHS)[:-1])
    advantages = np.zeros((4, 8))
    for i, length in enumerate(LENGTHS):
        value = np.append(values[i], 0.0)
        delta = np.asarray(episodes.reward[i, :length]) + DISCOUNT * value[1:] - value[:-1]
        for t in range(length):
            terms = [(DISCOUNT * gae_lambda) ** k * delta[t + k] for k in range(length - t)]
            advantages[i, t] = sum(terms)
    valid = np.asarray(episodes.valid)
    return np.where(valid, (advantages - advantages[valid].mean()) / advantages[valid].std(), 0.0)


@pytest.mark.parametrize("gae_lambda", [1.0, 0.7])
def test_advantages_equal_a_plain_numpy_computation(episodes: Episodes, gae_lambda: float) -> None:
    actual = jax.jit(normalized_advantages)(episodes, DISCOUNT, gae_lambda)
    np.testing.assert_allclose(actual, by_hand(episodes, gae_lambda), atol=2e-3)


def test_the_fit_equals_least_squares_where_columns_nearly_coincide() -> None:
    """The normal equations would lose all digits of this in single precision."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(200, 3))
    x = np.column_stack([base, base[:, 0] + 1e-3 * rng.normal(size=200)]).astype(np.float32)
    y = rng.normal(size=200).astype(np.float32)
    valid = np.arange(200) < 150
    weights = fit(jnp.asarray(x), jnp.asarray(y), jnp.asarray(valid), ridge=1e-5)
    stacked = np.vstack([x[:150], np.sqrt(1e-5) * np.eye(4)]).astype(np.float64)
    expected = np.linalg.lstsq(stacked, np.append(y[:150], np.zeros(4)), rcond=None)[0]
    np.testing.assert_allclose(x @ weights, x @ expected, atol=1e-3)


def test_time_counts_from_the_start_of_each_episode() -> None:
    columns = features(jnp.full((150, 1), 50.0))
    np.testing.assert_allclose(columns[:, 0], 10.0)
    np.testing.assert_allclose(columns[:, 2], np.arange(150) / 100, rtol=1e-6)


def test_what_follows_the_end_has_no_influence(episodes: Episodes) -> None:
    spoilt = dataclasses.replace(
        episodes, obs=jnp.where(episodes.valid[..., None], episodes.obs, 7.0)
    )
    np.testing.assert_array_equal(
        normalized_advantages(episodes, DISCOUNT, 1.0), normalized_advantages(spoilt, DISCOUNT, 1.0)
    )


def test_episodes_begin_at_resets_and_end_with_the_task(point_mass: Env) -> None:
    context = point_mass.nominal_context()

    def act(obs):
        return Gaussian(jnp.zeros(2), jnp.zeros(2))

    episodes = play_episodes(
        point_mass, context, lambda obs: obs["state"], act, jax.random.key(0), jnp.zeros((3, 0))
    )
    assert episodes.obs.shape == (3, 10, 2)
    np.testing.assert_array_equal(episodes.obs[:, 0], 0.0)
    assert bool(jnp.all(episodes.valid))
    moves = 0.1 * jnp.clip(episodes.raw_action, -1.0, 1.0)
    after = jnp.cumsum(moves, axis=1)
    np.testing.assert_allclose(episodes.obs[:, 1:], after[:, :-1], atol=1e-6)
    expected = -np.linalg.norm(after - np.array([0.5, 0.5]), axis=-1).sum(axis=1)
    np.testing.assert_allclose(episodes.total_return, expected, rtol=1e-5)
    log_prob = episodes.behaviour.log_prob(episodes.raw_action)
    np.testing.assert_allclose(episodes.log_prob, log_prob, rtol=1e-6)
    assert len(set(np.asarray(episodes.raw_action).ravel().tolist())) == episodes.raw_action.size


def test_what_follows_a_termination_is_masked(point_mass: Env) -> None:
    class Falls:
        """2D navigation that terminates beyond x = 0.25."""

        episode_length = point_mass.episode_length

        def reset(self, key, context):
            return point_mass.reset(key, context)

        def step(self, state, action):
            after = point_mass.step(state, action)
            return dataclasses.replace(after, terminated=after.physics.qpos[0] > 0.25)

    def act(obs):
        return Gaussian(jnp.array([1.0, 0.0]), jnp.full(2, -20.0))

    context = point_mass.nominal_context()
    episodes = play_episodes(
        Falls(), context, lambda obs: obs["state"], act, jax.random.key(0), jnp.zeros((2, 0))
    )
    np.testing.assert_array_equal(episodes.valid.sum(axis=1), 3)
    expected = -sum(np.hypot(0.5 - 0.1 * t, 0.5) for t in (1, 2, 3))
    np.testing.assert_allclose(episodes.total_return, expected, rtol=1e-4)
