"""Experts collect: what they did is in the labels, and noise makes some fail."""

import jax
import numpy as np
import pytest

from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.point_mass import PointMass
from metaskill.envs.registry import make
from metaskill.errors import UserError
from metaskill.offline.collect import collect
from metaskill.offline.episodes import Episodes
from metaskill.offline.policies import make_policy


@pytest.fixture(scope="module")
def kitchen() -> ArmEnv:
    env = make("arm_kitchen", engine="native", episode_length=250)
    assert isinstance(env, ArmEnv)
    return env


def collected(env: ArmEnv, policy: str, n_episodes: int) -> Episodes:
    made = make_policy(policy, env)
    (batch,) = collect(env, env.sample_context, made, jax.random.key(0), n_episodes, n_episodes)
    return batch.episodes


@pytest.fixture(scope="module")
def played(kitchen: ArmEnv) -> Episodes:
    return collected(kitchen, "play", 12)


def test_play_does_subtasks_in_many_orders(kitchen: ArmEnv, played: Episodes) -> None:
    orders = [tuple(label["subtasks"]) for label in played.labels]
    assert np.mean([len(order) for order in orders]) >= 2
    assert len(set(orders)) > 8
    for order in orders:
        assert set(order) <= set(kitchen.subtask_names)
        assert len(set(order)) == len(order)


def test_noise_differs_from_episode_to_episode(played: Episodes) -> None:
    scales = [label["noise"] for label in played.labels]
    assert 0.0 <= min(scales) < max(scales) <= 0.3
    assert (np.abs(played.actions) <= 1.0).all()


def test_an_expert_completes_what_it_is_asked_for_and_a_noisy_one_not_always() -> None:
    env = make("arm_pick_place", engine="native")
    assert isinstance(env, ArmEnv)
    expert = collected(env, "expert", 32)
    assert all(label["success"] for label in expert.labels)
    assert all(label["noise"] == 0.0 for label in expert.labels)
    noisy = collected(env, "noisy", 32)
    assert 0 < sum(label["success"] for label in noisy.labels) < 32


def test_experts_lead_the_arm_only() -> None:
    with pytest.raises(UserError, match="names begin with arm"):
        make_policy("play", PointMass(episode_length=5))
