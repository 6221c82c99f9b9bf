"""Rollouts through several episodes, and whole-episode evaluation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from metaskill.envs.auto_reset import SampleContext
from metaskill.envs.env import Context, Env
from metaskill.envs.interface import Interface, make_interface
from metaskill.envs.policy import Reactive
from metaskill.rl.evaluation import run_episode
from metaskill.rl.rollout import MemorylessExplorer, finished_episode_metrics, rollout, start_worker


def nominal(env: Env) -> SampleContext:
    return lambda _: env.nominal_context()


@MemorylessExplorer
def always_right(obs, key):
    return jnp.array([1.0, 0.0]), {}


def test_episodes_follow_each_other_and_totals_restart(point_mass: Env) -> None:
    worker = start_worker(point_mass, nominal(point_mass), jax.random.key(0))
    worker, trajectory = jax.jit(
        lambda w: rollout(point_mass, nominal(point_mass), always_right, w, length=25)
    )(worker)
    assert np.flatnonzero(trajectory.truncated).tolist() == [9, 19]
    assert trajectory.episode_length.tolist() == [*range(1, 11), *range(1, 11), *range(1, 6)]
    np.testing.assert_allclose(trajectory.next_obs["state"][9], [1.0, 0.0], atol=1e-5)
    np.testing.assert_array_equal(trajectory.obs["state"][10], 0.0)
    np.testing.assert_allclose(
        trajectory.episode_return[9], jnp.sum(trajectory.reward[:10]), rtol=1e-5
    )
    metrics = finished_episode_metrics(trajectory)
    assert float(metrics["episodes"]) == 2
    assert float(metrics["episode_length"]) == 10
    np.testing.assert_allclose(metrics["episode_return"], trajectory.episode_return[9], rtol=1e-5)


def test_a_rollout_in_two_parts_is_the_same_rollout(point_mass: Env) -> None:
    sample = nominal(point_mass)

    @MemorylessExplorer
    def noisy(obs, key):
        return jax.random.normal(key, (2,)), {}

    worker = start_worker(point_mass, sample, jax.random.key(3))
    _, whole = rollout(point_mass, sample, noisy, worker, length=20)
    middle, first = rollout(point_mass, sample, noisy, worker, length=7)
    _, second = rollout(point_mass, sample, noisy, middle, length=13)
    np.testing.assert_array_equal(whole.reward, jnp.concatenate([first.reward, second.reward]))


def test_run_episode_sums_until_the_end_only(point_mass: Env) -> None:
    context = point_mass.nominal_context()
    episode = run_episode(
        point_mass, lambda _: context, Reactive(lambda _: jnp.array([0.5, 0.5])), jax.random.key(0)
    )
    distances = [np.hypot(0.5 - 0.05 * t, 0.5 - 0.05 * t) for t in range(1, 11)]
    np.testing.assert_allclose(episode.total_reward, -np.sum(distances), rtol=1e-5)
    assert int(episode.length) == 10
    assert not episode.terminated


def test_each_episode_tells_what_was_drawn_for_it(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(effects=("action_noise_additive",)))

    def sample(key: jax.Array) -> Context:
        strength = jax.random.uniform(key)
        nominal = env.nominal_context()
        return dataclasses.replace(nominal, interface={"action_noise_additive": strength})

    worker = start_worker(env, sample, jax.random.key(0))
    _, trajectory = rollout(env, sample, always_right, worker, length=25)
    drawn = np.asarray(trajectory.context.interface["action_noise_additive"])
    first, second, third = drawn[:10], drawn[10:20], drawn[20:]
    assert all(len(set(episode)) == 1 for episode in (first, second, third))
    assert len({first[0], second[0], third[0]}) == 3
    logged = finished_episode_metrics(trajectory)["context/interface/action_noise_additive"]
    np.testing.assert_allclose(logged, (first[0] + second[0]) / 2, rtol=1e-6)
