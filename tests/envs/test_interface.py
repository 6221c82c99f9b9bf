"""Delays, noise, play and pushes: exactly those asked for, and nothing else."""

import copy
import dataclasses
import functools
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.disturbances import EFFECTS, pushable_directions
from metaskill.envs.env import Context, Env, State
from metaskill.envs.interface import Interface, InterfaceEnv, InterfaceState, make_interface
from metaskill.envs.mjcf import load_brax_model
from metaskill.envs.point_mass import PointMass
from metaskill.envs.registry import make
from metaskill.errors import UserError

ACTIONS = jax.random.uniform(jax.random.key(7), (8, 2), minval=-1.5, maxval=1.5)
CLIPPED = np.clip(np.asarray(ACTIONS), -1, 1)
NOT_PUSH = tuple(effect for effect in EFFECTS if effect != "push")


def with_strengths(env: Env, **strengths: Any) -> Context:
    context = env.nominal_context()
    values = {name: jnp.float32(value) for name, value in strengths.items()}
    assert values.keys() <= context.interface.keys()
    return dataclasses.replace(context, interface={**context.interface, **values})


def rollout(env: Env, context: Context, actions: Any) -> State:
    """Return all states of an episode, the first one included."""
    return compiled_rollout(env)(context, jnp.asarray(actions))


@functools.cache
def compiled_rollout(env: Env) -> Callable[[Context, jax.Array], State]:
    def run(context: Context, actions: jax.Array) -> State:
        first = env.reset(jax.random.key(0), context)

        def step(state: State, action: jax.Array) -> tuple[State, State]:
            state = env.step(state, action)
            return state, state

        _, states = jax.lax.scan(step, first, actions)
        return jax.tree.map(
            lambda one, rest: jnp.concatenate([one[None], rest], axis=0), first, states
        )

    return jax.jit(run)


def applied_actions(states: State) -> np.ndarray:
    """Return by what the point mass moved, in units of its actions."""
    return np.diff(np.asarray(states.physics.qpos), axis=0) / PointMass.largest_step


def assert_same(actual: Any, expected: Any) -> None:
    jax.tree.map(
        np.testing.assert_array_equal, *(jax.tree.map(comparable, t) for t in (actual, expected))
    )


def comparable(leaf: jax.Array) -> jax.Array:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf


def without_interface(state: State) -> State:
    """Return what the environment alone would have returned."""
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(State)}
    fields["context"] = dataclasses.replace(state.context, interface={})
    return State(**fields)


# Nothing


@pytest.mark.parametrize("environment", ["point_mass", "ant"])
def test_a_transparent_interface_is_not_there(
    environment: str, request: pytest.FixtureRequest
) -> None:
    env = request.getfixturevalue(environment)
    assert make_interface(env, Interface()) is env
    wrapped = InterfaceEnv(env, Interface())
    context = env.nominal_context()
    assert_same(wrapped.nominal_context(), context)
    action = jnp.ones(env.action_size)

    def size(some: Env) -> int:
        state = some.reset(jax.random.key(0), context)
        return len(jax.make_jaxpr(some.step)(state, action).eqns)

    assert size(wrapped) == size(env)


@pytest.mark.parametrize("environment", ["point_mass", "ant"])
def test_zero_strengths_are_bit_for_bit_the_run_without(
    environment: str, request: pytest.FixtureRequest
) -> None:
    env = request.getfixturevalue(environment)
    effects = NOT_PUSH if environment == "point_mass" else tuple(EFFECTS)
    wrapped = make_interface(env, Interface(effects, max_delay=3))
    actions = jax.random.uniform(jax.random.key(1), (30, env.action_size), minval=-1.5, maxval=1.5)

    @functools.partial(jax.jit, static_argnums=0)
    def endless(some: Env) -> tuple[State, State]:
        step = auto_reset(some, lambda _: some.nominal_context())
        keys = jax.random.split(jax.random.key(3), 2)
        start = jax.vmap(some.reset, in_axes=(0, None))(keys, some.nominal_context())

        def body(states: State, action: jax.Array) -> tuple[State, tuple[State, State]]:
            after = jax.vmap(step, in_axes=(0, None))(states, action)
            return after[0], after

        return jax.lax.scan(body, start, actions)[1]

    # The horizons are 10 and 20: 30 steps cross the border of an episode.
    for alone, seen in zip(endless(env), endless(wrapped), strict=True):
        assert_same(without_interface(seen), alone)
        assert alone.step.max() <= env.episode_length


# Actions


def test_a_delay_shifts_the_actions_by_exactly_as_many_steps(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(("action_delay",), max_delay=4))
    for delay in range(6):
        states = rollout(env, with_strengths(env, action_delay=delay), ACTIONS)
        shift = min(delay, 4)
        shifted = np.concatenate([np.zeros((shift, 2)), CLIPPED[: len(CLIPPED) - shift]])
        alone = rollout(point_mass, point_mass.nominal_context(), shifted)
        np.testing.assert_array_equal(states.physics.qpos, alone.physics.qpos)
        np.testing.assert_array_equal(states.reward, alone.reward)


def test_each_actuator_has_its_delay(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(("action_delay",), max_delay=3))
    context = with_strengths(env, action_delay=[0, 3])
    applied = applied_actions(rollout(env, context, ACTIONS))
    np.testing.assert_allclose(applied[:, 0], CLIPPED[:, 0], atol=1e-5)
    np.testing.assert_allclose(applied[3:, 1], CLIPPED[:-3, 1], atol=1e-5)
    np.testing.assert_array_equal(applied[:3, 1], 0.0)
    context.interface["action_delay"] = jnp.int32([0, 3])
    np.testing.assert_array_equal(applied_actions(rollout(env, context, ACTIONS)), applied)


def test_jitter_makes_its_share_of_the_steps_one_step_later(point_mass: Env) -> None:
    env = make_interface(
        point_mass, Interface(("action_delay", "action_delay_jitter"), max_delay=1)
    )
    ramp = jnp.broadcast_to(jnp.linspace(-1, 1, 1001)[:, None], (1001, 2))
    for probability in (0.0, 0.25, 1.0):
        context = with_strengths(env, action_delay=1, action_delay_jitter=probability)
        applied = applied_actions(rollout(env, context, ramp))
        steps = (np.asarray(ramp[2:]) - applied[2:]) / 0.002
        np.testing.assert_allclose(steps, np.round(steps), atol=0.1)
        late = np.round(steps) - 1
        assert set(np.unique(late)) <= {0.0, 1.0}
        np.testing.assert_allclose(late.mean(axis=0), probability, atol=0.05)
    assert make_interface(point_mass, Interface(("action_delay_jitter",))).action_size == 2


def test_backlash_by_hand(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(("backlash",)))
    sent = jnp.float32([0.1, 0.5, 0.45, 0.3, 0.2, -0.5, -0.4, -0.3, 0.0, 3.0])
    # Half of 0.2 behind, at rest within the gap, 0.2 to cross at each reversal.
    arrives = [0.0, 0.4, 0.4, 0.4, 0.3, -0.4, -0.4, -0.4, -0.1, 0.9]
    states = rollout(env, with_strengths(env, backlash=[0.2, 0.0]), jnp.stack([sent, sent], axis=1))
    applied = applied_actions(states)
    np.testing.assert_allclose(applied[:, 0], arrives, atol=1e-5)
    np.testing.assert_allclose(applied[:, 1], jnp.clip(sent, -1, 1), atol=1e-5)


def over_worlds(env: Env, context: Context) -> State:
    keys = jax.random.split(jax.random.key(5), 500)

    @jax.jit
    @jax.vmap
    def run(key: jax.Array) -> State:
        first = env.reset(key, context)
        one = env.step(first, jnp.full(2, 0.5))
        two = env.step(one, jnp.full(2, 0.5))
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), first, one, two)

    return run(keys)


@pytest.mark.parametrize(
    ("effect", "deviation", "correlated"),
    [
        ("action_noise_additive", 0.1, False),
        ("action_noise_multiplicative", 0.05, False),
        ("action_noise_correlated", 0.1, True),
    ],
)
def test_action_noise_has_its_deviation(
    point_mass: Env, effect: str, deviation: float, correlated: bool
) -> None:
    env = make_interface(point_mass, Interface((effect,)))
    states = over_worlds(env, with_strengths(env, **{effect: 0.1}))
    noise = np.diff(states.physics.qpos, axis=1) / PointMass.largest_step - 0.5
    assert_is_noise(noise, deviation, correlated)


@pytest.mark.parametrize(
    ("effect", "correlated"), [("observation_noise", False), ("observation_bias", True)]
)
def test_observation_noise_has_its_deviation(
    point_mass: Env, effect: str, correlated: bool
) -> None:
    env = make_interface(point_mass, Interface((effect,)))
    states = over_worlds(env, with_strengths(env, **{effect: [0.1, 0.2]}))
    noise = states.obs["state"] - states.physics.qpos
    assert_is_noise(noise / jnp.float32([1.0, 2.0]), 0.1, correlated)
    # The noise is in the eye of the agent.
    goal = jnp.float32([0.5, 0.5])
    distance = jnp.linalg.norm(states.physics.qpos - goal, axis=-1)
    np.testing.assert_allclose(states.reward[:, 1:], -distance[:, 1:], rtol=1e-5)


def assert_is_noise(noise: Any, deviation: float, correlated: bool) -> None:
    """Check noise [world, step, component]: normal moments, independent components."""
    noise = np.asarray(noise)
    assert abs(noise.mean()) < 0.15 * deviation
    np.testing.assert_allclose(noise.std(axis=0), deviation, rtol=0.15)
    assert abs(np.corrcoef(noise[:, 0, 0], noise[:, 0, 1])[0, 1]) < 0.2
    over_time = np.corrcoef(noise[:, 0, 0], noise[:, 1, 0])[0, 1]
    assert over_time > 0.999 if correlated else abs(over_time) < 0.2


def test_no_effect_changes_what_another_draws(point_mass: Env) -> None:
    alone = make_interface(point_mass, Interface(("observation_noise",)))
    together = make_interface(point_mass, Interface(NOT_PUSH, max_delay=2))
    seen = [
        rollout(env, with_strengths(env, observation_noise=0.1), ACTIONS).obs["state"]
        for env in (alone, together)
    ]
    np.testing.assert_allclose(*seen, atol=1e-6)


# Episodes and worlds


def test_offsets_differ_across_worlds_and_episodes_only(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(("action_noise_correlated", "observation_bias")))
    context = with_strengths(env, observation_bias=0.1)
    step = jax.jit(jax.vmap(auto_reset(env, lambda _: context)))
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.vmap(env.reset, in_axes=(0, None))(keys, context)
    offsets = []
    for _ in range(2 * point_mass.episode_length):
        states, outcome = step(states, jnp.ones((3, 2)))
        offsets.append(np.asarray(outcome.obs["state"] - outcome.physics.qpos))
    first, second = np.split(np.asarray(offsets), 2)
    for episode in (first, second):
        np.testing.assert_allclose(episode, episode[:1].repeat(10, axis=0), atol=1e-6)
    assert len(np.unique(np.round(np.stack([first[0], second[0]]), 6))) == 12


def test_vmapped_equals_looped_with_a_strength_a_world(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(NOT_PUSH, max_delay=2, privileged=True))
    draws = [
        with_strengths(env, **dict.fromkeys(env.nominal_context().interface, 0.1 * i))
        for i in range(3)
    ]
    for i, context in enumerate(draws):
        context.interface["action_delay"] = jnp.float32(i)
    keys = jax.random.split(jax.random.key(0), 3)

    def run(key: jax.Array, context: Context) -> State:
        state = env.reset(key, context)
        return jax.lax.scan(lambda s, a: (env.step(s, a), None), state, ACTIONS)[0]

    together = jax.vmap(run)(keys, jax.tree.map(lambda *leaves: jnp.stack(leaves), *draws))
    one = jax.jit(run)
    for i in range(3):
        alone = one(keys[i], draws[i])
        for name, size in env.observation_sizes.items():
            assert alone.obs[name].shape == (size,)
            np.testing.assert_allclose(together.obs[name][i], alone.obs[name], atol=1e-6)
    assert jnp.any(together.obs["state"][1] != together.physics.qpos[1])


# Pushes


def test_a_push_changes_the_horizontal_velocity_by_its_speed(ant: Ant) -> None:
    # The engine is left out: what reaches it is the question.
    shell = copy.copy(ant)
    shell.step = lambda state, _: state
    env = InterfaceEnv(shell, Interface(("push",)))
    context = with_strengths(env, push_probability=0.25, push_speed=2.0)

    @jax.jit
    @jax.vmap
    def velocities(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = env.reset(key, context)
        return state.physics.qvel, env.step(state, jnp.zeros(8)).physics.qvel

    before, after = velocities(jax.random.split(jax.random.key(0), 1000))
    changes = np.asarray(after - before)
    speeds = np.linalg.norm(changes[:, :2], axis=1)
    happened = speeds > 0
    np.testing.assert_allclose(speeds[happened], 2.0, rtol=1e-5)
    assert happened.mean() == pytest.approx(0.25, abs=0.05)
    assert np.abs(changes[happened, :2].mean(axis=0)).max() < 0.35
    assert not changes[:, 2:].any()


def test_a_pushed_robot_moves_away(ant: Ant) -> None:
    env = make_interface(ant, Interface(("push",)))
    pushed = with_strengths(env, push_probability=1.0, push_speed=3.0)
    start, after = (
        np.asarray(rollout(env, context, jnp.zeros((1, 8))).physics.qpos[1, :2])
        for context in (env.nominal_context(), pushed)
    )
    # 3 m/s for 0.05 s, less what the ground takes.
    assert 0.05 < np.linalg.norm(after - start) < 0.16


def test_where_robots_can_be_pushed() -> None:
    names = ("ant", "humanoid", "hopper", "walker2d", "half_cheetah", "reacher")
    directions = [pushable_directions(load_brax_model(name)) for name in names]
    assert directions == [2, 2, 1, 1, 1, 0]


def test_a_planar_robot_is_pushed_forth_or_back() -> None:
    hopper = make("hopper", engine="native")
    env = make_interface(hopper, Interface(("push",)))

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, None))
    def reached(key: jax.Array, context: Context) -> jax.Array:
        return env.step(env.reset(key, context), jnp.zeros(3)).physics.qpos[0]

    keys = jax.random.split(jax.random.key(0), 8)
    pushed = reached(keys, with_strengths(env, push_probability=1.0, push_speed=3.0))
    way = pushed - reached(keys, env.nominal_context())
    np.testing.assert_allclose(np.abs(way), 3.0 * hopper.control_timestep, rtol=0.2)
    assert set(np.sign(way).tolist()) == {-1.0, 1.0}


# What is around it


def test_the_privileged_observation_holds_the_true_state_and_what_was_drawn(
    point_mass: Env,
) -> None:
    env = make_interface(point_mass, Interface(("observation_noise", "backlash"), privileged=True))
    context = with_strengths(env, observation_noise=0.1, backlash=[0.2, 0.3])
    with pytest.raises(UserError, match="privileged_state would have 7 numbers and not 6"):
        env.reset(jax.random.key(0), context)
    env = make_interface(
        point_mass, Interface(("observation_noise", "backlash"), privileged=True), context
    )
    assert env.observation_sizes == {"state": 2, "privileged_state": 7}
    states = rollout(env, context, ACTIONS)
    drawn = jnp.float32([0.5, 0.5, 0.2, 0.3, 0.1])
    expected = jnp.concatenate([states.physics.qpos, jnp.tile(drawn, (9, 1))], axis=1)
    np.testing.assert_array_equal(states.obs["privileged_state"], expected)
    assert jnp.all(states.obs["state"] != states.physics.qpos)


class Remembering(PointMass):
    """A point mass whose observation is its memory, in a state of its own kind."""

    @jax.tree_util.register_dataclass
    @dataclasses.dataclass(frozen=True)
    class State(State):
        total: jax.Array

    def __init__(self) -> None:
        super().__init__()
        self.observation_sizes = {"state": 2, "privileged_state": 3}

    def reset(self, key: jax.Array, context: Context) -> State:
        return self._with_total(super().reset(key, context), jnp.zeros(()))

    def step(self, state: State, action: jax.Array) -> State:
        assert isinstance(state, Remembering.State)
        after = super().step(state, action)
        return self._with_total(after, state.total + jnp.sum(state.obs["privileged_state"]))

    def _with_total(self, state: State, total: jax.Array) -> State:
        fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(State)}
        fields["obs"] = {**state.obs, "privileged_state": jnp.append(state.obs["state"], total)}
        return Remembering.State(**fields, total=total)


def test_a_world_with_a_state_of_its_own_gets_it_back() -> None:
    world = Remembering()
    env = make_interface(world, Interface(("observation_noise",), privileged=True))
    states = rollout(env, with_strengths(env, observation_noise=0.1), ACTIONS)
    alone = rollout(world, world.nominal_context(), ACTIONS)
    assert isinstance(states, InterfaceState)
    assert isinstance(alone, Remembering.State)
    np.testing.assert_array_equal(states.inner.total, alone.total)
    np.testing.assert_array_equal(
        states.obs["privileged_state"][:, :3], alone.obs["privileged_state"]
    )
    assert env.observation_sizes["privileged_state"] == 6


def test_it_shows_what_the_environment_has(ant: Ant) -> None:
    env = make_interface(ant, Interface(("backlash",)))
    assert (env.name, env.action_size, env.episode_length) == ("ant", 8, 20)
    assert env.control_timestep == ant.control_timestep
    assert env.model is ant.model
    assert copy.copy(env).name == "ant"
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = env.no_such_thing


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effects": ("backlsh",)}, "no interface effect is called 'backlsh': did you mean"),
        ({"max_delay": -1}, "max_delay counts control steps: -1 is negative"),
        ({"effects": ("action_delay",)}, "together: the effects are action_delay, max_delay is 0"),
        ({"max_delay": 2}, "together: the effects are none, max_delay is 2"),
        ({"effects": ("push",)}, "point_mass cannot be pushed"),
    ],
)
def test_what_cannot_work_is_refused(
    point_mass: Env, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        make_interface(point_mass, Interface(**options))


def test_what_does_not_fit_is_refused(point_mass: Env) -> None:
    env = make_interface(point_mass, Interface(("backlash",)))
    with pytest.raises(UserError, match="has an interface"):
        make_interface(env, Interface(("action_noise_additive",)))
    with pytest.raises(UserError, match="holds nothing, but the effects read backlash"):
        env.reset(jax.random.key(0), point_mass.nominal_context())
    with pytest.raises(UserError, match=r"has shape \(3,\): a scalar or \(2,\) is needed"):
        env.reset(jax.random.key(0), with_strengths(env, backlash=[0.1, 0.1, 0.1]))
    blind = types.SimpleNamespace(**{**vars(point_mass), "name": "blind", "action_size": 1})
    blind.control_timestep, blind.observation_sizes = 1.0, {"pixels": 4}
    with pytest.raises(UserError, match=r"blind observes no 'state'.* observation_bias applies"):
        make_interface(blind, Interface(("observation_bias",)))
