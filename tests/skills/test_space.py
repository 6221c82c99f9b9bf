"""Skill spaces: their priors, and what is nearest in them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.skills.space import SkillSpace


def draws(space: SkillSpace) -> np.ndarray:
    return np.asarray(jax.vmap(space.sample)(jax.random.split(jax.random.key(0), 4000)))


def test_one_hot_skills_are_as_likely() -> None:
    skills = draws(SkillSpace("one_hot", 4))
    np.testing.assert_array_equal(skills.sum(axis=1), 1.0)
    np.testing.assert_allclose(skills.mean(axis=0), 0.25, atol=0.03)


def test_continuous_skills_have_the_moments_of_their_priors() -> None:
    box, gaussian = draws(SkillSpace("box", 2)), draws(SkillSpace("gaussian", 2))
    assert np.abs(box).max() <= 1.0
    np.testing.assert_allclose(box.var(axis=0), 1 / 3, atol=0.03)
    np.testing.assert_allclose(gaussian.var(axis=0), 1.0, atol=0.1)


def test_examples_are_each_skill_in_turn_or_draws() -> None:
    np.testing.assert_array_equal(SkillSpace("one_hot", 3).examples(4), np.eye(3)[[0, 1, 2, 0]])
    assert np.unique(SkillSpace("box", 2).examples(5), axis=0).shape == (5, 2)


def test_the_nearest_skill_is_one_that_there_is() -> None:
    point = jnp.array([0.3, -2.0, 1.5])
    np.testing.assert_array_equal(SkillSpace("one_hot", 3).nearest(point), [0.0, 0.0, 1.0])
    np.testing.assert_allclose(SkillSpace("box", 3).nearest(point), [0.3, -1.0, 1.0])
    np.testing.assert_array_equal(SkillSpace("gaussian", 3).nearest(point), point)


@pytest.mark.parametrize(
    ("kind", "size", "message"),
    [("bax", 2, "did you mean 'box'"), ("one_hot", 1, "at least 2"), ("box", 0, "at least 1")],
)
def test_what_is_no_space_is_refused(kind: str, size: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SkillSpace(kind, size)
