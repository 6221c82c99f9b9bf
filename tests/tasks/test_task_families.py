"""Families of tasks: disjoint, covering, reproducible, and fit for one compiled step."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.auto_reset import auto_reset
from metaskill.envs.env import Env
from metaskill.envs.half_cheetah import HalfCheetah
from metaskill.envs.objectives import find_objective
from metaskill.errors import UserError
from metaskill.tasks.families import (
    FAMILIES,
    any_direction,
    direction,
    goal_position,
    goal_velocity,
    make_family,
    navigation,
    nominal,
)
from metaskill.tasks.family import TaskFamily, context_of
from metaskill.tasks.randomizations import find_randomization
from metaskill.tasks.split import split_range


@pytest.fixture(scope="module")
def robots() -> dict[tuple[str, str], Env]:
    made = [Ant("native", objective) for objective in ("velocity", "direction", "goal", "forward")]
    made += [HalfCheetah("native", objective) for objective in ("velocity", "direction", "goal")]
    objective_name = {
        id(find_objective(n)): n for n in ("velocity", "direction", "goal", "forward")
    }
    return {(env.name, objective_name[id(env.objective)]): env for env in made}


CASES = {
    "goal_velocity": ("ant", "velocity"),
    "direction": ("half_cheetah", "direction"),
    "any_direction": ("ant", "direction"),
    "goal_position": ("ant", "goal"),
    "nominal": ("ant", "forward"),
}
N = 20_000


def env_of(name: str, robots: dict, point_mass: Env) -> Env:
    return robots[CASES[name]] if name in CASES else point_mass


def draw(sample, n: int = N):
    return jax.jit(jax.vmap(sample))(jax.random.split(jax.random.key(1), n))


@pytest.mark.parametrize("name", FAMILIES)
def test_contexts_have_the_structure_of_the_nominal_one(
    name: str, robots: dict, point_mass: Env, key: jax.Array
) -> None:
    env = env_of(name, robots, point_mass)
    family = make_family(name, env)
    assert family.name == name
    wanted = env.nominal_context()
    for sample in (family.sample, family.sample_held_out):
        context = jax.eval_shape(sample, key)
        assert jax.tree.structure(context) == jax.tree.structure(wanted)
        for leaf, like in zip(jax.tree.leaves(context), jax.tree.leaves(wanted), strict=True):
            assert (leaf.shape, leaf.dtype) == (like.shape, like.dtype)
            assert not leaf.weak_type


@pytest.mark.parametrize("name", FAMILIES)
def test_train_and_held_out_tasks_are_disjoint_where_they_can_be(
    name: str, robots: dict, point_mass: Env
) -> None:
    family = make_family(name, env_of(name, robots, point_mass))
    assert family.held_out_is_disjoint == (name not in ("direction", "nominal"))
    if not family.held_out_is_disjoint:
        assert family.train is family.held_out
        return

    def log_probs(key: jax.Array) -> tuple[jax.Array, ...]:
        train, held_out = family.train.sample(key), family.held_out.sample(key)
        own = family.train.log_prob(train), family.held_out.log_prob(held_out)
        return *own, family.train.log_prob(held_out), family.held_out.log_prob(train)

    own_train, own_held_out, held_out_in_train, train_in_held_out = draw(log_probs)
    assert np.all(np.isfinite(own_train) & np.isfinite(own_held_out))
    assert np.all((held_out_in_train == -np.inf) & (train_in_held_out == -np.inf))


def test_the_same_key_gives_the_same_task(point_mass: Env, key: jax.Array) -> None:
    first, second = navigation(point_mass), navigation(point_mass)
    for sample, again in (
        (first.sample, second.sample),
        (first.sample_held_out, second.sample_held_out),
    ):
        np.testing.assert_array_equal(sample(key).reward["goal"], again(key).reward["goal"])


def test_velocities_cover_the_papers_range(robots: dict) -> None:
    family = goal_velocity(robots["ant", "velocity"])
    train, held_out = (
        np.asarray(context.reward["target_velocity"])
        for context in draw(lambda key: (family.sample(key), family.sample_held_out(key)))
    )
    assert 0.0 <= train.min() < held_out.min() < held_out.max() < train.max() < 3.0
    # Four parts of training and one of held-out tasks are uniform over the whole range.
    counts = np.histogram(np.concatenate([train, held_out[: N // 4]]), 20, (0.0, 3.0))[0]
    np.testing.assert_allclose(counts, 1.25 * N / 20, rtol=0.12)
    assert held_out.mean() == pytest.approx(train.mean(), abs=0.03)
    low, high = goal_velocity(robots["half_cheetah", "velocity"]).train.bounds()
    assert (low["target_velocity"], high["target_velocity"]) == (0.0, 2.0)


def test_split_is_exact_at_the_edges_of_its_cells() -> None:
    train, held_out = split_range(-3.0, 3.0, cells=6, every=3)
    edges = np.linspace(-3.0, 3.0, 7, dtype=np.float32)
    below = np.nextafter(edges, np.float32(-np.inf))
    values = jnp.asarray(np.concatenate([edges[:-1], below[1:]]))
    in_train = np.isfinite(jax.vmap(train.log_prob)(values))
    in_held_out = np.isfinite(jax.vmap(held_out.log_prob)(values))
    np.testing.assert_array_equal(in_train, ~in_held_out)
    np.testing.assert_array_equal(in_held_out, [False, True, False, False, True, False] * 2)


def test_direction_is_forward_or_backward(robots: dict) -> None:
    drawn = np.asarray(draw(direction(robots["ant", "direction"]).sample).reward["direction"])
    np.testing.assert_array_equal(np.unique(drawn, axis=0), [[-1.0, 0.0], [1.0, 0.0]])
    assert drawn[:, 0].mean() == pytest.approx(0.0, abs=0.03)


def test_any_direction_is_a_unit_vector_of_any_angle(robots: dict) -> None:
    drawn = draw(any_direction(robots["ant", "direction"]).sample).reward["direction"]
    np.testing.assert_allclose(jnp.linalg.norm(drawn, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(drawn.mean(axis=0), 0.0, atol=0.03)


def test_goals_cover_the_square(robots: dict, point_mass: Env) -> None:
    for family, reach in (
        (goal_position(robots["ant", "goal"]), 3.0),
        (navigation(point_mass), 0.5),
    ):
        goals = np.asarray(draw(family.sample).reward["goal"])
        np.testing.assert_allclose(goals.min(axis=0), -reach, atol=0.01 * reach)
        np.testing.assert_allclose(goals.max(axis=0), reach, atol=0.01 * reach)
        assert abs(np.corrcoef(goals.T)[0, 1]) < 0.03


def test_weights_are_the_papers(robots: dict, key: jax.Array) -> None:
    def weights(family: TaskFamily) -> list[float]:
        reward = family.sample(key).reward
        return [float(reward["healthy_reward"]), float(reward["control_cost"])]

    assert weights(goal_velocity(robots["ant", "velocity"])) == pytest.approx([1.05, 0.005])
    assert weights(direction(robots["ant", "direction"])) == pytest.approx([0.05, 0.005])
    assert weights(goal_position(robots["ant", "goal"])) == pytest.approx([4.05, 0.005])
    cheetah = goal_velocity(robots["half_cheetah", "velocity"])
    assert weights(cheetah) == pytest.approx([0.0, 0.05])
    assert weights(nominal(robots["ant", "forward"])) == [1.0, 0.5]


def test_a_single_speed_has_nothing_to_hold_out(robots: dict, key: jax.Array) -> None:
    family = goal_velocity(robots["ant", "velocity"], 1.1, 1.1)
    assert not family.held_out_is_disjoint
    for sample in (family.sample, family.sample_held_out):
        assert sample(key).reward["target_velocity"] == np.float32(1.1)


def test_one_compiled_step_serves_all_tasks(point_mass: Env) -> None:
    family = navigation(point_mass)
    traces = itertools.count()
    inner = auto_reset(point_mass, family.sample)

    @jax.jit
    def step(states, actions):
        next(traces)
        return jax.vmap(inner)(states, actions)

    keys = jax.random.split(jax.random.key(0), 8)
    goals = []
    for sample in (lambda _: point_mass.nominal_context(), family.sample, family.sample_held_out):
        states = jax.vmap(point_mass.reset)(keys, jax.vmap(sample)(keys))
        for _ in range(point_mass.episode_length):
            states, outcome = step(states, jnp.zeros((8, 2)))
        assert outcome.truncated.all()
        goals.append(np.asarray(states.context.reward["goal"]))
    assert next(traces) == 1
    assert len(np.unique(goals[0], axis=0)) == 8
    np.testing.assert_array_equal(goals[0], goals[1])


def test_mistakes_are_refused_in_a_sentence(robots: dict, point_mass: Env) -> None:
    forward = robots["ant", "forward"]
    with pytest.raises(UserError, match="did you mean 'goal_velocity'"):
        make_family("goal_velocty", robots["ant", "velocity"])
    # The family goal_velocity would be refused here.
    with pytest.raises(UserError, match="choose one of nominal"):
        make_family("goal_velocty", forward)
    with pytest.raises(UserError, match="no option 'hi': did you mean 'high'"):
        make_family("goal_velocity", robots["ant", "velocity"], hi=2.0)
    with pytest.raises(UserError, match="no option 'low': it has none"):
        make_family("navigation", point_mass, low=2.0)
    for family, objective in (
        (goal_velocity, "velocity"),
        (direction, "direction"),
        (any_direction, "direction"),
        (goal_position, "goal"),
        (navigation, "point_mass or a robot with objective='goal"),
    ):
        with pytest.raises(UserError, match=f"{objective}'"):
            family(forward)
    with pytest.raises(UserError, match="use the family 'direction'"):
        any_direction(robots["half_cheetah", "direction"])
    with pytest.raises(UserError, match="use the family 'goal_velocity'"):
        goal_position(robots["half_cheetah", "goal"])
    with pytest.raises(UserError, match="low < high"):
        goal_velocity(robots["ant", "velocity"], 2.0, 1.0)
    with pytest.raises(UserError, match="low < high"):
        split_range(1.0, 1.0 + 1e-7)
    with pytest.raises(UserError, match="one of 2 or more cells"):
        split_range(0.0, 1.0, cells=4, every=5)
    with pytest.raises(UserError, match="did you mean 'goal'"):
        context_of(point_mass.nominal_context(), {"gaol": jnp.zeros(2)})
    with pytest.raises(UserError, match="has shape"):
        context_of(point_mass.nominal_context(), {"goal": 0.0})


def test_a_family_stands_on_a_randomization(key) -> None:
    randomization = find_randomization("locomotion")
    env = randomization.make_env("half_cheetah", engine="native", objective="velocity")
    family = make_family("goal_velocity", env).over(
        env.nominal_context(), randomization.sampler(env)
    )
    first, second = (family.sample(k) for k in jax.random.split(key))
    for name in env.nominal_context().physics:
        assert float(first.physics[name]) != float(second.physics[name])
    assert float(first.reward["target_velocity"]) != float(second.reward["target_velocity"])
    # The paper's weights are part of the family.
    np.testing.assert_allclose(first.reward["healthy_reward"], 0.0)
    np.testing.assert_allclose(first.reward["control_cost"], 0.05)
    plain = make_family("goal_velocity", env)
    assert plain.over(env.nominal_context(), lambda _: env.nominal_context()) is plain


def test_one_entry_is_drawn_once(point_mass: Env) -> None:
    family = make_family("navigation", point_mass)

    def goals(key):
        return family.sample(key)

    with pytest.raises(UserError, match="'goal' is drawn by the task family navigation"):
        family.over(point_mass.nominal_context(), goals)
