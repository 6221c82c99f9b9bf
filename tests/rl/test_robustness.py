"""Returns over grids of contexts, and their statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.env import Env
from metaskill.envs.policy import Reactive
from metaskill.errors import UserError
from metaskill.rl.evaluation import run_episode
from metaskill.rl.grid_returns import GridReturns, survey
from metaskill.rl.robustness import summarize, tail_mean
from metaskill.tasks.context_grid import Axis, grid_contexts
from metaskill.tasks.randomizations import dactyl

MASS, FRICTION = Axis("physics.mass", (0.5, 0.8, 1.2, 1.5)), Axis("physics.friction", (0.5, 1.0))

# Worked by hand: the nominal return is 100, so the default threshold is 50.
RETURNS = GridReturns(
    axes=(MASS, FRICTION),
    cells=np.array([[10.0, 20.0, 60.0, 70.0, 80.0, 90.0, 40.0, 30.0]]),
    cuts=(np.array([[20.0, 45.0, 50.0, 49.0]]), np.array([[55.0, 100.0]])),
    nominal=np.array([100.0]),
    nominal_values=(1.0, 1.0),
)


class Constant:
    """Stands where a learner does; its state is its action."""

    def policy(self, state):
        def choose(obs):
            assert "privileged_state" not in obs
            return state

        return Reactive(choose)


class Nosy:
    def policy(self, state):
        def choose(obs):
            return state + obs["privileged_state"][:2]

        return Reactive(choose)


def test_statistics() -> None:
    statistics = summarize(RETURNS, 0)
    assert statistics.nominal == 100.0
    assert statistics.mean == 50.0
    # Rank 0.1 (8 - 1) = 0.7: that far from the worst to the next.
    assert statistics.p10 == pytest.approx(17.0)
    assert statistics.cvar10 == 10.0  # 0.8 of one cell.
    assert statistics.worst == 10.0
    assert statistics.worst_cell == {"physics.mass": 0.5, "physics.friction": 0.5}
    assert statistics.threshold == 50.0
    # Going up, 50 at 1.2 is not below the threshold; going down, 0.8 comes before 0.5.
    assert statistics.breaks == {
        "physics.mass": {"down": 0.8, "up": 1.5},
        "physics.friction": {"down": None, "up": None},
    }


def test_the_worst_cell_has_the_coordinates_of_its_place() -> None:
    cells = RETURNS.cells.copy()
    cells[0, 5] = -1.0  # Row 2, column 1.
    changed = GridReturns(RETURNS.axes, cells, RETURNS.cuts, RETURNS.nominal, (1.0, 1.0))
    expected = {"physics.mass": 1.2, "physics.friction": 1.0}
    assert summarize(changed, 0).worst_cell == expected


def test_thresholds() -> None:
    assert summarize(RETURNS, 0, 15.0).breaks["physics.mass"] == {"down": None, "up": None}
    # A policy that is broken where it starts does not wait for the first step.
    assert summarize(RETURNS, 0, 101.0).breaks["physics.mass"] == {"down": 1.0, "up": 1.0}
    # Half of a negative return is above it.
    negative = GridReturns((MASS, FRICTION), *negated(RETURNS), (1.0, 1.0))
    assert summarize(negative, 0).threshold is None
    assert summarize(negative, 0).breaks["physics.mass"] == {"down": None, "up": None}
    explicit = summarize(negative, 0, -46.0)
    assert explicit.breaks["physics.mass"] == {"down": 1.0, "up": 1.0}


def negated(returns: GridReturns) -> tuple:
    return -returns.cells, tuple(-cut for cut in returns.cuts), -returns.nominal


def test_tail_means_weigh_fractions() -> None:
    values = np.arange(25.0)[::-1]
    # 2.5 cells: 0 and 1 whole, half of 2.
    assert tail_mean(values, 0.1) == pytest.approx((0 + 1 + 0.5 * 2) / 2.5)
    assert tail_mean(values, 1.0) == pytest.approx(12.0)
    assert tail_mean(np.array([3.0, -1.0]), 0.1) == -1.0


def test_a_survey_is_one_episode_in_each_context(point_mass: Env, key: jax.Array) -> None:
    axes = [Axis("reward.goal.0", (-1.0, 0.5, 2.0)), Axis("reward.goal.1", (0.0, 1.0))]
    actions = jnp.array([[1.0, 0.0], [0.0, 0.5]])
    returns = survey(point_mass, Constant(), actions, axes, key, episodes=2)
    # From the origin, 10 steps of 0.1 times the action.
    steps = np.arange(1, 11)[:, None] * 0.1 * np.asarray(actions)[:, None]
    goals = np.array([[x, y] for x in (-1.0, 0.5, 2.0) for y in (0.0, 1.0)])

    def expected(goal: np.ndarray) -> np.ndarray:
        return -np.linalg.norm(steps - goal, axis=-1).sum(-1)

    cells = np.stack([expected(goal) for goal in goals], axis=1)
    np.testing.assert_allclose(returns.cells, cells, rtol=1e-5)
    np.testing.assert_allclose(returns.nominal, expected(np.array([0.5, 0.5])), rtol=1e-5)
    along = np.stack([expected(np.array([x, 0.5])) for x in (-1.0, 0.5, 2.0)], axis=1)
    np.testing.assert_allclose(returns.cuts[0], along, rtol=1e-5)
    assert returns.nominal_values == (0.5, 0.5)
    # In several batches, the last of them smaller.
    again = survey(point_mass, Constant(), actions, axes, key, episodes=2, worlds_at_once=16)
    np.testing.assert_allclose(again.cells, returns.cells, rtol=1e-6)


def test_physics_and_interface_change_what_happens(key: jax.Array) -> None:
    env = dactyl().make_env("hopper", engine="native", episode_length=30)
    axes = [Axis("physics.mass", (0.5, 1.0)), Axis("interface.action_delay", (0.0, 1.0))]
    actions = jnp.full((1, 3), 0.7)
    returns = survey(env, Constant(), actions, axes, key)
    assert len(set(returns.cells[0].tolist())) == 4
    # The cell at the nominal values is the nominal episode, with strengths 0 elsewhere.
    assert returns.cells[0, 2] == returns.nominal[0]
    keys = jax.random.split(key, 1)
    contexts = grid_contexts(env.nominal_context(), axes)
    for cell in range(4):
        context = jax.tree.map(lambda leaf, cell=cell: leaf[cell], contexts)
        alone = run_episode(env, lambda _, c=context: c, Reactive(lambda _: actions[0]), keys[0])
        assert alone.total_reward == pytest.approx(returns.cells[0, cell], rel=1e-4)


def test_a_policy_that_sees_the_randomization_is_refused(point_mass: Env, key: jax.Array) -> None:
    axes = [Axis("reward.goal.0", (0.0, 1.0))]
    with pytest.raises(UserError, match="only policies of 'state'"):
        survey(point_mass, Nosy(), jnp.zeros((1, 2)), axes, key)


def test_parameters_that_the_environment_lacks_are_refused(ant: Ant, key: jax.Array) -> None:
    with pytest.raises(UserError, match=r"physics\.mass"):
        survey(ant, Constant(), jnp.zeros((1, 8)), [MASS], key)
