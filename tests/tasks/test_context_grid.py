"""Grids of contexts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.env import Context
from metaskill.errors import UserError
from metaskill.tasks.context_grid import Axis, grid_contexts, numbers_by_name

NOMINAL = Context(
    physics={"mass": jnp.float32(1.0)},
    reward={"goal": jnp.float32([0.5, 0.25])},
    interface={"action_delay": jnp.zeros(2)},
)


def test_numbers_have_names() -> None:
    assert numbers_by_name(NOMINAL) == {
        "physics.mass": 1.0,
        "reward.goal.0": 0.5,
        "reward.goal.1": 0.25,
        "interface.action_delay": 0.0,
        "interface.action_delay.0": 0.0,
        "interface.action_delay.1": 0.0,
    }


def test_numbers_that_are_equal_may_be_set_together() -> None:
    contexts = grid_contexts(NOMINAL, [Axis("interface.action_delay", (0.0, 1.0))])
    np.testing.assert_array_equal(contexts.interface["action_delay"], [[0, 0], [1, 1]])


def test_cells_are_the_full_product_in_c_order_and_all_else_is_nominal() -> None:
    contexts = grid_contexts(
        NOMINAL, [Axis("physics.mass", (0.5, 2.0)), Axis("reward.goal.1", (1.0, 2.0, 3.0))]
    )
    np.testing.assert_array_equal(contexts.physics["mass"], [0.5, 0.5, 0.5, 2.0, 2.0, 2.0])
    expected = [[0.5, 1], [0.5, 2], [0.5, 3]] * 2
    np.testing.assert_array_equal(contexts.reward["goal"], expected)
    np.testing.assert_array_equal(contexts.interface["action_delay"], np.zeros((6, 2)))
    assert all(
        grid.dtype == nominal.dtype
        for grid, nominal in zip(jax.tree.leaves(contexts), jax.tree.leaves(NOMINAL), strict=True)
    )


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ([("physics.mas", (1.0,))], "did you mean 'physics.mass'"),
        ([("reward.goal", (1.0,))], "did you mean 'reward.goal.1' or 'reward.goal.0'"),
        ([("physics.mass", (1.0,)), ("physics.mass", (2.0,))], "on two axes"),
        ([("physics.mass", (1.0, 1.0))], "increasing order, each once, not 1, 1"),
        ([("physics.mass", (float("nan"),))], "finite"),
        ([("physics.mass", ())], "not none"),
    ],
)
def test_mistakes(axes: list, message: str) -> None:
    with pytest.raises(UserError, match=message):
        grid_contexts(NOMINAL, [Axis(*axis) for axis in axes])
