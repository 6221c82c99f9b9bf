"""DIAYN's reward and discriminator, against numbers worked out otherwise."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env
from metaskill.errors import UserError
from metaskill.skills.diayn import DIAYN, DIAYNConfig
from metaskill.skills.execution import Execution
from metaskill.skills.imitation import infer_skill
from metaskill.skills.model import FitConfig
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import SkillSpace

N = 4
CONFIG = DIAYNConfig(hidden=(16,), fit=FitConfig(updates=100, batch_size=64))


def experience(n: int, separable: bool) -> Execution:
    """Transitions to a corner of a square that tells the skill, or to any."""
    keys = jax.random.split(jax.random.key(0), 3)
    corners = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    skill = jax.random.randint(keys[0], (n,), 0, N)
    corner = skill if separable else jax.random.randint(keys[1], (n,), 0, N)
    position = corners[corner] + 0.1 * jax.random.normal(keys[2], (n, 2))
    one_hot = jax.nn.one_hot(skill, N)

    def obs(position):
        return {"state": position, "skill": one_hot, "position": position}

    zeros = jnp.zeros(n)
    return Execution(obs(0.0 * position), obs(position), zeros, zeros > 0, zeros == 0)


@pytest.fixture(scope="module")
def diayn(point_mass: Env) -> DIAYN:
    return DIAYN(SkillEnv(point_mass, SkillSpace("one_hot", N)), CONFIG)


@pytest.fixture(scope="module")
def update(diayn: DIAYN):
    def many(model, data, key):
        return jax.lax.scan(
            lambda model, key: diayn.update(model, data, key), model, jax.random.split(key, 10)
        )

    return jax.jit(many)


def test_the_reward_is_log_q_of_the_skill_plus_log_n(diayn: DIAYN, key) -> None:
    model, data = diayn.init(key), experience(8, separable=True)
    logits = np.asarray(diayn.discriminator.apply(model.params, data.next_obs["position"]))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    chosen = np.asarray(data.obs["skill"]).argmax(axis=1)
    expected = np.log(probabilities[np.arange(8), chosen]) + np.log(N)
    np.testing.assert_allclose(diayn.reward(model, data, key), expected, rtol=1e-4, atol=1e-5)


def test_skills_that_lead_elsewhere_are_told_apart(diayn: DIAYN, update, key) -> None:
    data = experience(512, separable=True)
    model = dataclasses.replace(diayn.init(key), learning_rate=jnp.float32(1e-2))
    model, metrics = update(model, data, key)
    assert float(metrics["discriminator_accuracy"][-1]) > 0.99
    reward = diayn.reward(model, data, key)
    assert float(jnp.mean(reward)) > 0.95 * np.log(N)
    assert float(jnp.max(reward)) <= np.log(N) + 1e-5
    assert int(jnp.argmax(diayn.infer(model, {**data.obs}, {**data.next_obs})[0])) == int(
        jnp.argmax(data.obs["skill"][0])
    )


def test_skills_that_lead_anywhere_earn_nothing(diayn: DIAYN, update, key) -> None:
    data = experience(4096, separable=False)
    model, metrics = update(diayn.init(key), data, key)
    assert float(metrics["discriminator_accuracy"][-1]) == pytest.approx(1 / N, abs=0.05)
    assert float(jnp.mean(diayn.reward(model, data, key))) == pytest.approx(0.0, abs=0.05)


def test_with_the_position_prior_nothing_else_counts(point_mass: Env, key) -> None:
    diayn = DIAYN(
        SkillEnv(point_mass, SkillSpace("one_hot", N)),
        dataclasses.replace(CONFIG, sees="position"),
    )
    model, data = diayn.init(key), experience(8, separable=True)
    other = {**data.next_obs, "state": data.next_obs["state"] + 1.0}
    np.testing.assert_array_equal(
        diayn.reward(model, data, key),
        diayn.reward(model, dataclasses.replace(data, next_obs=other), key),
    )


def test_with_the_displacement_prior_where_it_happens_does_not_count(point_mass: Env, key) -> None:
    diayn = DIAYN(
        SkillEnv(point_mass, SkillSpace("one_hot", N)),
        dataclasses.replace(CONFIG, sees="displacement"),
    )
    model, data = diayn.init(key), experience(8, separable=True)

    def shifted(obs: dict) -> dict:
        return {**obs, "position": obs["position"] + 3.0, "state": obs["state"] + 1.0}

    elsewhere = dataclasses.replace(
        data, obs=shifted({**data.obs}), next_obs=shifted({**data.next_obs})
    )
    reward = diayn.reward(model, data, key)
    np.testing.assert_allclose(reward, diayn.reward(model, elsewhere, key), rtol=1e-4)
    further = dataclasses.replace(data, next_obs=shifted({**data.next_obs}))
    assert not np.allclose(reward, diayn.reward(model, further, key), rtol=1e-2)


def test_what_cannot_be_told_apart_is_refused(point_mass: Env) -> None:
    with pytest.raises(UserError, match="kind 'one_hot'"):
        DIAYN(SkillEnv(point_mass, SkillSpace("box", 2)), CONFIG)
    with pytest.raises(UserError, match="sees no 'velocity'"):
        DIAYN(
            SkillEnv(point_mass, SkillSpace("one_hot", 2)),
            dataclasses.replace(CONFIG, sees="velocity"),
        )


def test_an_experts_states_tell_which_skill_imitates_it(diayn: DIAYN, update, key) -> None:
    """Some states are near another skill's; together they leave no doubt."""
    model = dataclasses.replace(diayn.init(key), learning_rate=jnp.float32(1e-2))
    model, _ = update(model, experience(512, separable=True), key)
    # An expert that lingers at the corner of skill 2, after it passed that of skill 1.
    position = jnp.array([[1.0, -1.0]] * 3 + [[-1.0, 1.0]] * 10)
    unknown = jnp.zeros((13, N))
    observed = {
        "state": position,
        "skill": unknown,
        "position": position,
    }
    skill, log_likelihood = infer_skill(diayn, model, observed)
    np.testing.assert_array_equal(skill, [0.0, 0.0, 1.0, 0.0])
    before = jax.tree.map(lambda leaf: leaf[:-1], observed)
    after = jax.tree.map(lambda leaf: leaf[1:], observed)
    expected = np.mean(np.asarray(diayn.infer(model, before, after)), axis=0)
    np.testing.assert_allclose(log_likelihood, expected, rtol=1e-5)
