"""Each objective against its formula."""

import jax.numpy as jnp
import pytest

from metaskill.envs.objectives import Motion, find_objective
from metaskill.errors import UserError

MOTION = Motion(
    start=jnp.array([0.4, -2.8]), position=jnp.array([1.0, -2.0]), velocity=jnp.array([3.0, 4.0])
)


@pytest.mark.parametrize(
    ("name", "context", "expected"),
    [
        ("forward", {"forward_weight": 1.25}, 3.75),
        ("velocity", {"target_velocity": 5.0}, -2.0),
        ("direction", {"direction": (0.0, -1.0)}, -4.0),
        ("goal", {"goal": (2.0, 2.0)}, -5.0),
        ("approach", {"goal": (1.0, 8.0)}, 4.0),
        ("approach", {"goal": (1.0, -2.0)}, 0.0),
        ("milestones", {"spacing": 0.5}, 2.0),
        ("milestones", {"spacing": 1.5}, 0.0),
    ],
)
def test_value(name: str, context: dict, expected: float) -> None:
    arrays = {key: jnp.asarray(value) for key, value in context.items()}
    objective = find_objective(name)
    assert set(objective.nominal) == set(context)
    assert objective.reward(MOTION, arrays) == pytest.approx(expected)


def test_unknown_name() -> None:
    with pytest.raises(UserError, match="did you mean 'velocity'"):
        find_objective("velocty")


def test_milestones_are_lost_again_but_never_owed() -> None:
    def reward(start: float, end: float) -> float:
        motion = Motion(jnp.array([start, 0.0]), jnp.array([end, 0.0]), jnp.zeros(2))
        return float(find_objective("milestones").reward(motion, {"spacing": jnp.float32(3.0)}))

    assert reward(2.9, 3.1) == 1.0
    assert reward(3.1, 2.9) == -1.0
    assert reward(0.1, -3.1) == 0.0
