"""DADS's reward and skill dynamics, against numbers worked out otherwise."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.skills.dads import DADS, DADSConfig
from metaskill.skills.execution import Execution
from metaskill.skills.model import FitConfig
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import SkillSpace

L = 7
SPACE = SkillSpace("box", 2)
CONFIG = DADSConfig(
    hidden=(32,), prior_samples=L, fit=FitConfig(updates=100, batch_size=128), delta_scale=0.05
)
SPEED = 0.2


def experience(n: int, seed: int = 0) -> Execution:
    """Transitions that move by 0.2 z, with noise of the scale of the skill dynamics."""
    keys = jax.random.split(jax.random.key(seed), 3)
    skill = jax.vmap(SPACE.sample)(jax.random.split(keys[0], n))
    start = jax.random.normal(keys[1], (n, 2))
    end = start + SPEED * skill + 0.05 * jax.random.normal(keys[2], (n, 2))

    def obs(position):
        return {"state": position, "skill": skill, "position": position}

    zeros = jnp.zeros(n)
    return Execution(obs(start), obs(end), zeros, zeros > 0, zeros == 0)


def make(env: Env, **changes) -> DADS:
    return DADS(SkillEnv(env, SPACE), dataclasses.replace(CONFIG, **changes))


@pytest.fixture(scope="module")
def dads(point_mass: Env) -> DADS:
    return make(point_mass)


def fitted(dads: DADS, data: Execution):
    def update(model, key):
        return dads.update(model, data, key)

    model = dataclasses.replace(dads.init(jax.random.key(1)), learning_rate=jnp.float32(3e-3))
    keys = jax.random.split(jax.random.key(2), 15)
    return jax.jit(lambda model: jax.lax.scan(update, model, keys)[0])(model)


@pytest.fixture(scope="module")
def model(dads: DADS):
    return fitted(dads, experience(4096))


def log_q(dads: DADS, model, data: Execution, skill: np.ndarray) -> np.ndarray:
    """Return log q in double precision, component by component."""
    log_weight, means = dads.dynamics.apply(model.params, jnp.asarray(skill, jnp.float32))
    weight, means = np.exp(np.float64(log_weight)), np.float64(means)
    delta = np.float64(data.next_obs["position"] - data.obs["position"]) / 0.05
    density = np.exp(-0.5 * np.sum((delta[:, None] - means) ** 2, axis=-1)) / (2 * np.pi)
    return np.log(np.sum(weight * density, axis=-1))


def assert_the_papers_reward(dads: DADS, model, key) -> None:
    data = experience(16, seed=5)
    others = jax.vmap(SPACE.sample)(jax.random.split(key, L))
    own = np.exp(log_q(dads, model, data, np.asarray(data.obs["skill"])))
    total = own + sum(
        np.exp(log_q(dads, model, data, np.tile(np.asarray(other), (16, 1)))) for other in others
    )
    expected = np.log(own) - np.log(total / (L + 1))
    np.testing.assert_allclose(dads.reward(model, data, key), expected, rtol=1e-3, atol=1e-3)


def test_the_stable_reward_is_the_papers(dads: DADS, model, key) -> None:
    assert_the_papers_reward(dads, model, key)


def test_the_reward_never_passes_log_of_the_samples(dads: DADS, model, key) -> None:
    data = experience(512)
    far = {**data.next_obs, "position": data.next_obs["position"] + 1e6}
    for one in (data, dataclasses.replace(data, next_obs=far)):
        reward = dads.reward(model, one, key)
        assert np.all(np.isfinite(reward))
        assert float(jnp.max(reward)) <= np.log(L + 1) + 1e-5


def test_outcomes_that_follow_the_skill_earn_and_others_cost(dads: DADS, model, key) -> None:
    data = experience(2048, seed=3)
    own = float(jnp.mean(dads.reward(model, data, key)))
    shuffled = {**data.obs, "skill": jnp.roll(data.obs["skill"], 1, axis=0)}
    others = float(jnp.mean(dads.reward(model, dataclasses.replace(data, obs=shuffled), key)))
    assert own > 0.5
    assert others < 0.0


def test_the_dynamics_learns_what_a_skill_does_in_metres(dads: DADS, model) -> None:
    here, body = jnp.array([3.0, -1.0]), jnp.zeros(2)
    for skill in ([0.5, 0.5], [-0.8, 0.2]):
        position, after = dads.predict(model, here, body, jnp.array(skill))
        expected = np.asarray(here) + SPEED * np.array(skill)
        np.testing.assert_allclose(position, expected, atol=0.03)
        np.testing.assert_array_equal(after, body)


def test_with_the_position_prior_the_state_is_ignored(dads: DADS, model, key) -> None:
    data = experience(16)
    shifted = {**data.obs, "state": data.obs["state"] + 5.0}
    np.testing.assert_array_equal(
        dads.reward(model, data, key),
        dads.reward(model, dataclasses.replace(data, obs=shifted), key),
    )


def test_the_full_state_is_seen_and_predicted(point_mass: Env, key) -> None:
    dads = make(point_mass, predicts="state", delta_scale=None)
    data = experience(4096)
    model = fitted(dads, data)
    here = jnp.array([0.5, -0.5])
    position, body = dads.predict(model, here, here, jnp.array([0.5, 0.5]))
    np.testing.assert_allclose(position, here + 0.1, atol=0.05)
    # On the point mass, the state is the position.
    np.testing.assert_allclose(body, position, atol=0.05)
    assert float(jnp.mean(dads.reward(model, data, key))) > 0.2


def test_steps_that_end_an_episode_are_not_learned_from(dads: DADS, model, key) -> None:
    data = experience(256)
    terminated = jnp.arange(256) % 3 == 0
    jump = jnp.where(terminated[:, None], 100.0, 0.0)
    moved = {**data.next_obs, "position": data.next_obs["position"] + jump}
    update = jax.jit(dads.update)
    masked, _ = update(model, dataclasses.replace(data, terminated=terminated), key)
    jumping, _ = update(
        model, dataclasses.replace(data, terminated=terminated, next_obs=moved), key
    )
    for one, other in zip(jax.tree.leaves(masked), jax.tree.leaves(jumping), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_running_scale_is_that_of_the_changes(point_mass: Env, key) -> None:
    dads = make(point_mass, delta_scale=None)
    data = experience(4096)
    _, metrics = jax.jit(dads.update)(dads.init(key), data, key)
    changes = np.asarray(data.next_obs["position"] - data.obs["position"])
    assert float(metrics["delta_scale"]) == pytest.approx(changes.std(axis=0).mean(), rel=1e-3)


def test_the_running_scale_follows_changes_that_become_smaller(point_mass: Env, key) -> None:
    dads = make(point_mass, delta_scale=None)
    update = jax.jit(dads.update)
    large = experience(256)
    near = {
        **large.next_obs,
        "position": large.obs["position"]
        + 0.1 * (large.next_obs["position"] - large.obs["position"]),
    }
    small = dataclasses.replace(large, next_obs=near)
    model, first = update(dads.init(key), large, key)
    for _ in range(60):
        model, last = update(model, small, key)
    assert float(last["delta_scale"]) == pytest.approx(0.1 * float(first["delta_scale"]), rel=0.1)


def test_proportional_dynamics_learns_the_speed_alone(point_mass: Env) -> None:
    dads = make(point_mass, dynamics="proportional")
    model = fitted(dads, experience(4096))
    (log_speed,) = jax.tree.leaves(model.params)
    assert float(jnp.exp(log_speed)) * 0.05 == pytest.approx(SPEED, rel=0.02)
    position, _ = dads.predict(model, jnp.zeros(2), jnp.zeros(2), jnp.array([-1.0, 0.5]))
    np.testing.assert_allclose(position, [-SPEED, SPEED / 2], rtol=0.02)


def test_what_proportional_dynamics_expects_covers_the_plane_before_anything_is_learned(
    point_mass: Env, key
) -> None:
    dads = make(point_mass, dynamics="proportional")
    model = dads.init(key)
    skills = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    moved = jax.vmap(lambda z: dads.predict(model, jnp.zeros(2), jnp.zeros(2), z)[0])(skills)
    np.testing.assert_allclose(moved, 0.05 * skills, rtol=1e-6)


def test_the_reward_of_proportional_dynamics_is_the_papers(point_mass: Env, key) -> None:
    dads = make(point_mass, dynamics="proportional")
    assert_the_papers_reward(dads, dads.init(key), key)


@pytest.mark.parametrize(
    ("changes", "space"),
    [({"predicts": "state"}, SPACE), ({}, SkillSpace("box", 3)), ({}, SkillSpace("one_hot", 2))],
    ids=["state", "cube", "one_hot"],
)
def test_proportional_dynamics_of_anything_but_a_square_is_refused(
    point_mass: Env, changes: dict, space: SkillSpace
) -> None:
    config = dataclasses.replace(CONFIG, dynamics="proportional", **changes)
    with pytest.raises(UserError, match="of positions in a square of skills"):
        DADS(SkillEnv(point_mass, space), config)


def test_an_unknown_dynamics_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="no skill dynamics is called 'proportionl'"):
        make(point_mass, dynamics="proportionl")


def test_a_fall_costs_what_it_says_and_nothing_else_changes(
    dads: DADS, model, point_mass: Env, key
) -> None:
    data = experience(64)
    data = dataclasses.replace(data, terminated=jnp.arange(64) % 3 == 0)
    costly = make(point_mass, fall_cost=2.5)
    lost = dads.reward(model, data, key) - costly.reward(model, data, key)
    np.testing.assert_allclose(lost, np.where(data.terminated, 2.5, 0.0), atol=1e-5)


def test_an_unknown_prediction_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="no prediction is called 'velocity'"):
        make(point_mass, predicts="velocity")
