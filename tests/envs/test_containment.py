"""One world that leaves the finite numbers spoils nothing, whoever steps it, and is counted."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.containment import contained_step
from metaskill.envs.env import State
from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Reactive
from metaskill.envs.runner import begin_in
from metaskill.meta.episodes import play_episodes
from metaskill.networks.distributions import Gaussian
from metaskill.offline.collect import record_whole_episode
from metaskill.offline.policies import CollectingPolicy
from metaskill.rl.evaluation import evaluate_policy, record_episode
from metaskill.rl.failures import failure_metrics
from metaskill.rl.grid_returns import returns_over
from metaskill.skills.execution import execute
from metaskill.skills.option import follow
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import SkillSpace

pytestmark = pytest.mark.fault(10)

LENGTH = 5


class Faulty(PointMass):
    """Goes right at each step; its third step returns a NaN in one of its fields."""

    def __init__(self, field: str = "reward"):
        super().__init__(episode_length=LENGTH)
        self.field = field

    def step(self, state: State, action: jax.Array) -> State:
        after = super().step(state, action)
        bad = (after.step == 3) & (jax.random.uniform(after.key) < after.context.reward["odds"])

        def spoilt(values):
            return jax.tree.map(lambda leaf: jnp.where(bad, jnp.nan, leaf), values)

        changed = {
            "reward": {"reward": spoilt(after.reward)},
            "obs": {"obs": spoilt(after.obs)},
            "qpos": {
                "physics": dataclasses.replace(after.physics, qpos=spoilt(after.physics.qpos))
            },
        }
        return dataclasses.replace(after, **changed[self.field])

    def nominal_context(self):
        context = super().nominal_context()
        return dataclasses.replace(context, reward={**context.reward, "odds": jnp.ones(())})


@Reactive
def to_the_right(_: object) -> jax.Array:
    return jnp.array([1.0, 0.0])


def sometimes(key: jax.Array):
    context = Faulty().nominal_context()
    odds = jax.random.bernoulli(key).astype(jnp.float32)
    return dataclasses.replace(context, reward={**context.reward, "odds": odds})


@pytest.mark.parametrize("field", ["reward", "obs", "qpos"])
def test_the_world_ends_where_it_was_before(field: str) -> None:
    env = Faulty(field)
    step = jax.jit(contained_step(env))
    state = env.reset(jax.random.key(0), env.nominal_context())
    for _ in range(2):
        before, not_finite = step(state, jnp.array([1.0, 0.0]))
        assert not not_finite
        state = before
    after, not_finite = step(before, jnp.array([1.0, 0.0]))
    assert not_finite
    assert after.terminated
    assert not after.truncated
    assert float(after.reward) == 0.0
    assert float(after.metrics["failed"]) == 1.0
    np.testing.assert_array_equal(after.obs["state"], before.obs["state"])
    np.testing.assert_array_equal(after.physics.qpos, before.physics.qpos)


def test_evaluation_counts_it_and_stays_finite() -> None:
    metrics = jax.jit(lambda key: evaluate_policy(Faulty(), sometimes, to_the_right, key, 32))(
        jax.random.key(0)
    )
    assert all(np.isfinite(value) for value in metrics.values())
    assert 0 < metrics["eval/failed_worlds/not_finite"] < 32
    assert metrics["eval/failed_worlds"] == metrics["eval/failed_worlds/not_finite"]
    assert metrics["eval/failed_worlds/simulation"] == 0
    assert metrics["eval/terminated"] == metrics["eval/failed_worlds"] / 32


def test_a_simulation_that_breaks_down_is_counted_as_such(ant) -> None:
    class Breaking:
        """Ant, whose engine fails in the second step."""

        episode_length = 4
        nominal_context = staticmethod(ant.nominal_context)
        reset = staticmethod(ant.reset)

        @staticmethod
        def step(state: State, action: jax.Array) -> State:
            qvel = jnp.where(state.step == 1, jnp.inf, state.physics.qvel)
            physics = dataclasses.replace(state.physics, qvel=qvel)
            return ant.step(dataclasses.replace(state, physics=physics), action)

    metrics = jax.jit(
        lambda key: evaluate_policy(
            Breaking(), lambda _: ant.nominal_context(), Reactive(lambda _: jnp.zeros(8)), key, 2
        )
    )(jax.random.key(0))
    assert metrics["eval/failed_worlds/simulation"] == 2
    assert metrics["eval/failed_worlds/not_finite"] == 0
    assert metrics["eval/length"] == 2


def test_a_grid_of_contexts_counts_it() -> None:
    env = Faulty()
    contexts = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), env.nominal_context())
    contexts = dataclasses.replace(
        contexts, reward={**contexts.reward, "odds": jnp.array([0.0, 1.0])}
    )
    returns, failed = jax.jit(
        lambda key: returns_over(env, contexts, to_the_right, key, episodes=3, worlds_at_once=8)
    )(jax.random.key(0))
    assert np.isfinite(returns).all()
    assert failed.tolist() == [0, 3]


def test_what_is_drawn_stays_where_it_was() -> None:
    poses = jax.jit(lambda key: record_episode(Faulty("qpos"), to_the_right, key, LENGTH))(
        jax.random.key(0)
    )
    np.testing.assert_allclose(poses.qpos[:, 0], [0.1, 0.2, 0.2, 0.2, 0.2], atol=1e-6)


def test_collection_leaves_it_out() -> None:
    policy = CollectingPolicy(to_the_right)
    env = Faulty("qpos")
    recording = jax.jit(
        lambda key: record_whole_episode(env, lambda _: env.nominal_context(), policy, key)
    )(jax.random.key(0))
    assert recording.broken
    assert np.isfinite(recording.later.qpos).all()


def test_episodes_of_meta_learning_end_there() -> None:
    env = Faulty("obs")
    episodes = jax.jit(
        lambda key: play_episodes(
            env,
            env.nominal_context(),
            lambda obs: obs["state"],
            lambda _: Gaussian(jnp.zeros(2), jnp.zeros(2)),
            key,
            jnp.zeros((4, 0)),
        )
    )(jax.random.key(0))
    assert np.isfinite(episodes.obs).all()
    assert np.isfinite(episodes.total_return).all()
    np.testing.assert_array_equal(episodes.valid.sum(axis=1), 3)
    assert failure_metrics(episodes.failures)["failed_worlds/not_finite"] == 4


def test_skills_and_options_end_there() -> None:
    env = SkillEnv(Faulty(), SkillSpace("box", 2))
    execution = jax.jit(
        lambda key: execute(
            env, lambda _: Faulty().nominal_context(), to_the_right, jnp.ones(2), key
        )
    )(jax.random.key(0))
    assert execution.alive.tolist() == [True, True, True, False, False]
    assert np.isfinite(execution.reward).all()
    assert execution.failures["not_finite"].tolist() == [False, False, True, False, False]

    state = env.reset(jax.random.key(0), env.nominal_context())
    start = begin_in(state, to_the_right, jax.random.key(1))
    end, total, seen = jax.jit(
        lambda start: follow(env, to_the_right, start, LENGTH, lambda s, _: s.obs["position"])
    )(start)
    assert np.isfinite(seen).all()
    assert end.world.terminated
    assert np.isnan(total)  # So that who contains the step that the option is finds out.
