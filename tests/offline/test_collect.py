"""Collected episodes are what happened, from first state to last."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context, State
from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Noisy, Reactive, Scripted
from metaskill.errors import UserError
from metaskill.offline.collect import collect
from metaskill.offline.episodes import concatenate
from metaskill.offline.policies import CollectingPolicy, make_policy


class Corridor(PointMass):
    """Ends where x passes 0.3; breaks where y falls below -0.25."""

    def step(self, state: State, action: jax.Array) -> State:
        after = super().step(state, action)
        x, y = after.physics.qpos
        reward = jnp.where(y < -0.25, jnp.nan, after.reward)
        return dataclasses.replace(
            after, terminated=x > 0.3, truncated=after.truncated & (x <= 0.3), reward=reward
        )


def sample_context(key: jax.Array) -> Context:
    return Context(reward={"goal": jax.random.uniform(key, (2,))})


def gathered(env: PointMass, policy: CollectingPolicy, n_episodes: int, n_worlds: int):
    batches = list(collect(env, sample_context, policy, jax.random.key(0), n_episodes, n_worlds))
    return concatenate([b.episodes for b in batches]), sum(b.n_broken for b in batches)


def test_random_actions_move_the_point_as_recorded() -> None:
    env = PointMass(episode_length=6)
    episodes, n_broken = gathered(env, make_policy("random", env), 10, 4)
    episodes.check("what was collected")
    assert n_broken == 0
    assert episodes.lengths.tolist() == [6] * 10
    states = episodes.observations.reshape(10, 7, 2)
    actions = episodes.actions.reshape(10, 6, 2)
    np.testing.assert_allclose(np.diff(states, axis=1), 0.1 * actions, atol=1e-6)
    np.testing.assert_array_equal(episodes.qpos, episodes.observations)
    np.testing.assert_allclose(episodes.qvel.reshape(10, 7, 2)[:, 1:], 0.1 * actions, atol=1e-7)
    goals = np.array([label["goal"] for label in episodes.labels])
    assert len(np.unique(goals)) == 20
    distance = np.linalg.norm(states[:, 1:] - goals[:, None], axis=-1)
    np.testing.assert_allclose(episodes.rewards.reshape(10, 6), -distance, atol=1e-6)


def test_episodes_end_early_and_broken_ones_are_replaced() -> None:
    env = Corridor(episode_length=8)

    def act(state, memory, key):
        count = memory + 1
        sideways = jnp.where(state.context.reward["goal"][0] < 0.5, -1.0, 0.0)
        return jnp.stack([state.context.reward["goal"][1], sideways]), count

    policy = CollectingPolicy(
        Scripted(lambda *_: jnp.zeros((), jnp.int32), act),
        label=lambda state, memory: {"steps": memory, "goal": state.context.reward["goal"]},
        in_words=lambda label: {"steps": int(label["steps"]), "goal": label["goal"].tolist()},
    )
    episodes, n_broken = gathered(env, policy, 12, 8)
    assert len(episodes) == 12
    assert n_broken > 0
    assert all(label["goal"][0] >= 0.5 for label in episodes.labels)
    assert [label["steps"] for label in episodes.labels] == episodes.lengths.tolist()
    for label, length in zip(episodes.labels, episodes.lengths, strict=True):
        needed = int(np.floor(0.3 / (0.1 * label["goal"][1]) + 1e-3)) + 1
        assert length == min(needed, 8)
    last = np.cumsum(episodes.lengths) - 1
    x_of_last = episodes.observations[last + 1 + np.arange(12), 0]
    np.testing.assert_array_equal(episodes.terminated[last], x_of_last > 0.3)


def test_nothing_but_broken_simulations_is_refused() -> None:
    env = Corridor(episode_length=8)
    down = CollectingPolicy(Reactive(lambda _: jnp.array([0.0, -1.0])))
    with pytest.raises(UserError, match="broke in each of 12 episodes"):
        gathered(env, down, 4, 4)


def test_a_trained_policy_acts_with_noise() -> None:
    env = PointMass(episode_length=5)
    right = jnp.array([0.5, 0.0])
    episodes, _ = gathered(env, CollectingPolicy(Reactive(lambda _: right)), 2, 2)
    np.testing.assert_allclose(episodes.actions, np.tile([0.5, 0.0], (10, 1)))
    episodes, _ = gathered(env, CollectingPolicy(Noisy(Reactive(lambda _: right), 0.1)), 200, 100)
    assert np.std(episodes.actions[:, 1]) == pytest.approx(0.1, rel=0.1)


def test_unknown_names_are_refused() -> None:
    env = PointMass()
    with pytest.raises(UserError, match="did you mean 'random'"):
        make_policy("rndom", env)
    policy = make_policy("random", env)
    with pytest.raises(UserError, match="no observation 'stat'"):
        next(collect(env, sample_context, policy, jax.random.key(0), 1, observation="stat"))
