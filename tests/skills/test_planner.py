"""Planning in skill space, with dynamics that are known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.skills.planner import DENSE, SPARSE, PlannerConfig, new_plan, refine, shift
from metaskill.skills.space import SkillSpace

BOX = SkillSpace("box", 2)


def predict(world, skill):
    """A skill is a velocity."""
    position, body = world
    return position + 0.1 * skill, body


def plan_towards(goal, config: PlannerConfig, space: SkillSpace = BOX, reward=None):
    world = (jnp.zeros(2), jnp.zeros(0))
    return jax.jit(
        lambda key: refine(
            new_plan(space, config),
            world,
            predict,
            reward or (lambda position: -jnp.linalg.norm(position - jnp.array(goal))),
            space,
            config,
            key,
        )
    )(jax.random.key(0))


@pytest.mark.parametrize("goal", [(10.0, 10.0), (-10.0, 10.0), (0.0, -10.0), (10.0, 0.0)])
def test_a_dense_plan_goes_straight_and_fast_to_a_far_goal(goal) -> None:
    plan, _ = plan_towards(goal, DENSE)
    direction = np.array(goal) / np.abs(goal).max()
    np.testing.assert_allclose(plan[0], direction, atol=0.1)


def test_a_dense_plan_stops_at_a_goal_that_is_reached() -> None:
    """As nearly as the best of so many samples, whose spread never shrinks, can be still."""
    plan, returned = plan_towards((0.0, 0.0), DENSE)
    assert float(jnp.linalg.norm(plan[0])) < 0.2
    assert -1.1 < float(returned) <= 0.0


def test_a_sparse_plan_finds_a_goal_that_nothing_points_to() -> None:
    goal = jnp.array([-5.0, 5.0])

    def there(position):
        return (jnp.linalg.norm(position - goal) <= 1.5).astype(jnp.float32)

    plan, returned = plan_towards(goal, SPARSE, reward=there)
    assert plan.shape == (4, 2)
    assert float(returned) > 30.0  # Of the 100 steps, of which about 50 lead there.


def test_of_discrete_skills_the_best_is_chosen() -> None:
    directions = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    space = SkillSpace("one_hot", 4)
    plan, _ = refine(
        new_plan(space, DENSE),
        (jnp.zeros(2), jnp.zeros(0)),
        lambda world, skill: (world[0] + 0.1 * skill @ directions, world[1]),
        lambda position: position[1],
        space,
        DENSE,
        jax.random.key(0),
    )
    np.testing.assert_array_equal(space.nearest(plan[0]), [0.0, 1.0, 0.0, 0.0])


def test_what_was_executed_leaves_the_plan() -> None:
    plan = jnp.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(shift(plan), [[2.0, 3.0], [4.0, 5.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"samples": 0}, "at least 1"), ({"smoothing": 1.0}, "between 0 and 1")],
)
def test_planners_that_plan_nothing_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(DENSE, **changes)
