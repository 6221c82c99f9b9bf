"""No environment terminates and truncates in the same step."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from metaskill.envs.env import Env, State
from metaskill.envs.interface import Interface, make_interface
from metaskill.envs.point_mass import PointMass
from metaskill.envs.registry import environment_names, make
from metaskill.skills.skill_env import SkillEnv
from metaskill.skills.space import SkillSpace

pytestmark = pytest.mark.fault(11)


def at_the_goal(env: Env) -> State:
    """Reset a closed-form environment whose first step reaches the goal."""
    context = env.nominal_context()
    reward = {**context.reward, "goal": context.reward.get("start", jnp.zeros(2))}
    return env.reset(jax.random.key(0), dataclasses.replace(context, reward=reward))


def about_to_fail(env: Env) -> State:
    """Reset a simulated environment whose first step breaks down."""
    state = env.reset(jax.random.key(0), env.nominal_context())
    physics = dataclasses.replace(state.physics, qvel=jnp.full_like(state.physics.qvel, jnp.nan))
    return dataclasses.replace(state, physics=physics)


OPTIONS = {"point_mass": {"goal_radius": 0.05}}


@pytest.mark.parametrize("name", environment_names())
def test_a_termination_in_the_last_step_is_no_truncation(name: str) -> None:
    closed_form = name in {"maze", "point_mass"}
    options = OPTIONS.get(name, {})
    env = make(name, engine="auto" if closed_form else "native", episode_length=1, **options)
    begin = at_the_goal if closed_form else about_to_fail

    @jax.jit
    def run() -> tuple[State, State]:
        action = jnp.zeros(env.action_size)
        calm = env.reset(jax.random.key(0), env.nominal_context())
        return env.step(begin(env), action), env.step(calm, action)

    ended, cut = run()
    assert ended.terminated
    assert not ended.truncated
    assert cut.truncated
    assert not cut.terminated


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: make_interface(env, Interface(effects=("action_noise_additive",))),
        lambda env: SkillEnv(env, SkillSpace("box", 2)),
    ],
    ids=["interface", "skills"],
)
def test_wrappers_keep_it_so(wrap) -> None:
    env = wrap(PointMass(episode_length=1, goal_radius=0.05))
    after = env.step(at_the_goal(env), jnp.zeros(2))
    assert after.terminated
    assert not after.truncated


def test_reaching_the_goal_in_the_last_step_terminates() -> None:
    env = make("point_mass", episode_length=4, goal_radius=0.05)
    context = dataclasses.replace(env.nominal_context(), reward={"goal": jnp.array([0.4, 0.0])})
    state = env.reset(jax.random.key(0), context)
    for _ in range(4):
        assert not state.done
        state = env.step(state, jnp.array([1.0, 0.0]))
    assert (bool(state.terminated), bool(state.truncated)) == (True, False)
