"""2D navigation: where an episode ends."""

import jax
import jax.numpy as jnp
import pytest

from metaskill.envs.env import State
from metaskill.envs.point_mass import PointMass


def beside_the_goal(env: PointMass) -> State:
    """Go from the origin to (.5, .495), beside the goal at (.5, .5)."""
    state = env.reset(jax.random.key(0), env.nominal_context())
    for _ in range(4):
        state = env.step(state, jnp.ones(2))
        assert not state.terminated
    return env.step(state, jnp.array([1.0, 0.95]))


@pytest.mark.parametrize(("radius", "ends"), [(0.0, False), (0.004, False), (0.01, True)])
def test_an_episode_ends_within_a_radius_of_the_goal(radius: float, ends: bool) -> None:
    state = beside_the_goal(PointMass(goal_radius=radius))
    assert bool(state.terminated) == ends
    assert float(state.reward) == pytest.approx(-0.005, abs=1e-6)
