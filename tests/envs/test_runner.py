"""Policies with and without a memory, in the one loop that runs them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Env, State
from metaskill.envs.point_mass import PointMass
from metaskill.envs.policy import Memoryless, Noisy, Reactive, Scripted
from metaskill.envs.runner import Running, Taken, begin_episode, policy_keys, run_policy
from metaskill.rl.evaluation import evaluate_policy
from metaskill.rl.rollout import Follower, rollout, start_worker


@dataclasses.dataclass(frozen=True)
class Recurrent:
    """A recurrent policy: h' = tanh(h / 2 + o), and the action is h - h'."""

    start: float = 0.5

    def begin(self, world: State, key: jax.Array) -> jax.Array:
        return jnp.full(2, self.start)

    def act(self, world: State, memory: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        after = jnp.tanh(memory / 2 + world.obs["state"])
        return memory - after, after


def keep_all(nothing: tuple, taken: Taken) -> tuple[tuple, Taken]:
    return nothing, taken


def run(env: Env, policy, length: int = 15) -> tuple[Running, Taken]:
    key = jax.random.key(0)
    start = begin_episode(env, lambda _: env.nominal_context(), policy, key)
    end, _, taken = run_policy(env, policy, start, policy_keys(key, length), keep_all, ())
    return end, taken


def by_hand(env: Env, n_steps: int, policy: Recurrent) -> tuple[np.ndarray, State]:
    state = env.reset(jax.random.key(1), env.nominal_context())
    memory, actions = policy.begin(state, jax.random.key(2)), []
    for _ in range(n_steps):
        action, memory = policy.act(state, memory, jax.random.key(3))
        state = env.step(state, action)
        actions.append(action)
    return np.stack(actions), state


def test_a_memory_is_carried_through_an_episode(point_mass: Env) -> None:
    actions, state = by_hand(point_mass, 10, Recurrent())
    end, taken = run(point_mass, Recurrent())
    np.testing.assert_allclose(taken.action[:10], actions, atol=1e-6)
    np.testing.assert_allclose(end.world.physics.qpos, state.physics.qpos, atol=1e-6)
    assert jax.tree.structure(end.memory) == jax.tree.structure(Recurrent().begin(state, None))


def test_a_world_and_its_memory_stand_still_after_the_end(point_mass: Env) -> None:
    end, taken = run(point_mass, Recurrent())
    assert taken.alive.tolist() == [True] * 10 + [False] * 5
    stood = np.tile(end.world.physics.qpos, (6, 1))
    np.testing.assert_array_equal(taken.after.physics.qpos[9:], stood)
    again, _ = run(point_mass, Recurrent(), length=10)
    np.testing.assert_array_equal(again.memory, end.memory)


def test_a_memory_begins_anew_with_each_episode_of_a_rollout(point_mass: Env) -> None:
    explorer = Follower(Recurrent())
    worker = start_worker(
        point_mass, lambda _: point_mass.nominal_context(), jax.random.key(0), explorer.begin
    )
    worker, trajectory = rollout(
        point_mass, lambda _: point_mass.nominal_context(), explorer, worker, length=25
    )
    assert np.flatnonzero(trajectory.begins).tolist() == [0, 10, 20]
    np.testing.assert_allclose(trajectory.reward[10:20], trajectory.reward[:10], atol=1e-6)
    _, state = by_hand(point_mass, 5, Recurrent())
    np.testing.assert_allclose(worker.state.physics.qpos, state.physics.qpos, atol=1e-6)


def test_vmapped_worlds_have_memories_of_their_own(point_mass: Env) -> None:
    def last(start: jax.Array) -> jax.Array:
        return run(point_mass, Recurrent(start))[0].world.physics.qpos

    starts = jnp.array([0.1, 0.9])
    together = jax.vmap(last)(starts)
    for position, start in zip(together, starts, strict=True):
        np.testing.assert_allclose(position, last(start), atol=1e-6)


@pytest.mark.parametrize(
    "policy",
    [
        Reactive(lambda obs: obs["state"]),
        Memoryless(lambda _, key: jax.random.normal(key, (2,))),
        Noisy(Recurrent(), 0.1),
        Scripted(lambda *_: jnp.zeros(2), lambda _, memory, __: (memory, memory + 1)),
        Recurrent(),
    ],
    ids=lambda policy: type(policy).__name__,
)
def test_memories_keep_their_structure(point_mass: Env, policy) -> None:
    def structures(key: jax.Array) -> tuple:
        world = point_mass.reset(key, point_mass.nominal_context())
        memory = policy.begin(world, key)
        return memory, policy.act(world, memory, key)[1]

    before, after = jax.eval_shape(structures, jax.random.key(0))
    assert jax.tree.map(lambda x: (x.shape, x.dtype), before) == jax.tree.map(
        lambda x: (x.shape, x.dtype), after
    )


@pytest.mark.fault(10)
def test_a_step_that_is_not_finite_ends_the_episode_and_is_counted() -> None:
    class Faulty(PointMass):
        def step(self, state: State, action: jax.Array) -> State:
            after = super().step(state, action)
            bad = after.step == 4
            return dataclasses.replace(after, reward=jnp.where(bad, jnp.nan, after.reward))

    env = Faulty(episode_length=10)
    _, taken = run(env, Recurrent())
    assert taken.alive.tolist() == [True] * 4 + [False] * 11
    assert np.flatnonzero(taken.not_finite).tolist() == [3]
    assert np.isfinite(taken.after.reward).all()
    metrics = evaluate_policy(
        env, lambda _: env.nominal_context(), Recurrent(), jax.random.key(0), 4
    )
    assert np.isfinite(metrics["eval/return"])
    assert float(metrics["eval/failed_worlds/not_finite"]) == 4
    assert float(metrics["eval/terminated"]) == 1
