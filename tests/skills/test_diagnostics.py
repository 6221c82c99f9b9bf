"""Measures of skills, on paths whose measures are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.skills.diagnostics import action_sensitivity, coverage, position_deviation
from metaskill.skills.execution import Execution
from metaskill.skills.space import SkillSpace


def straight(angles: np.ndarray) -> jnp.ndarray:
    """Paths at these angles (axes: skill, episode)."""
    steps = np.arange(1, 11)[:, None]
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return jnp.asarray(directions[:, :, None] * steps, jnp.float32)


def test_the_same_path_every_time_has_no_deviation() -> None:
    angles = np.repeat(np.array([[0.0], [1.0], [2.0]]), 4, axis=1)
    assert float(position_deviation(straight(angles))) == pytest.approx(0.0, abs=1e-3)


def test_paths_all_around_deviate_by_as_much_as_they_go() -> None:
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)[None]
    assert float(position_deviation(straight(angles))) == pytest.approx(1.0)


def test_paths_at_a_right_angle_deviate_by_half_a_diagonal() -> None:
    """Their mean is at 45 degrees, sqrt(1/2) away of each, whatever the distance."""
    angles = np.array([[0.0, np.pi / 2]])
    assert float(position_deviation(straight(angles))) == pytest.approx(np.sqrt(0.5))


def test_coverage_counts_square_metres() -> None:
    positions = jnp.array([[0.1, 0.1], [0.9, 0.2], [1.5, 0.2], [-0.1, 0.1], [1e6, 0.0]])
    assert float(coverage(positions)) == 4.0


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_sensitivity_is_how_much_another_skill_changes_the_action(weight: float, key) -> None:
    space = SkillSpace("box", 2)
    n = 4000
    skills = jax.vmap(space.sample)(jax.random.split(key, n))
    obs = {"state": jnp.ones((n, 3)), "skill": skills}
    alive = jnp.arange(n) < n // 2
    execution = Execution(obs, obs, jnp.zeros(n), ~alive, alive)
    measured = action_sensitivity(
        lambda obs: weight * obs["skill"], space, execution, jax.random.key(1)
    )
    # The difference of two draws has twice the variance of one, 1/3.
    assert float(measured) == pytest.approx(weight * np.sqrt(2 / 3), abs=0.02)
