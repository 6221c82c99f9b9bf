"""Entries of a context that are given: the first step of a task distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.env import Env
from metaskill.envs.given_context import GivenContext, drawn_entries
from metaskill.envs.registry import make
from metaskill.errors import UserError


def test_given_entries_are_those_of_every_episode(point_mass: Env, key) -> None:
    env = GivenContext(point_mass, {"reward": {"goal": [0.2, 0.0]}})
    for context in (env.nominal_context(), env.sample_context(key)):
        np.testing.assert_allclose(context.reward["goal"], [0.2, 0.0])
    state = env.step(env.reset(key, env.nominal_context()), jnp.array([1.0, 0.0]))
    assert float(state.reward) == pytest.approx(-0.1)


def test_entries_that_are_not_given_stay(ant: Ant) -> None:
    before = ant.nominal_context().reward
    after = GivenContext(ant, {"reward": {"control_cost": 0.25}}).nominal_context().reward
    assert after.keys() == before.keys()
    assert float(after["control_cost"]) == 0.25
    assert all(after[name] == before[name] for name in before.keys() - {"control_cost"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"reward": {"gaol": 1.0}}, "context.reward.gaol does not exist: did you mean 'goal'"),
        ({"rewards": {"goal": 1.0}}, "no 'rewards': did you mean 'reward'"),
        ({"reward": {"goal": 1.0}}, r"finite numbers of shape \(2,\)"),
        ({"reward": {"goal": [1.0, float("nan")]}}, "finite numbers"),
        ({"reward": {"goal": "far"}}, "no number"),
        ({"physics": {"friction": 1.0}}, "there is no entry of physics"),
    ],
)
def test_what_no_context_has_is_refused(point_mass: Env, values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        GivenContext(point_mass, values)


def test_what_an_environment_draws_itself_is_not_given() -> None:
    maze = make("maze")
    assert ("reward", "goal") in drawn_entries(maze.sample_context, maze.nominal_context())
    with pytest.raises(UserError, match=r"context\.reward\.goal is given, and maze draws it"):
        GivenContext(maze, {"reward": {"goal": [1.5, 1.5]}})


def test_the_nominal_distribution_draws_nothing(point_mass: Env) -> None:
    assert drawn_entries(point_mass.sample_context, point_mass.nominal_context()) == set()
    assert jax.tree.leaves(point_mass.sample_context(jax.random.key(0)))
