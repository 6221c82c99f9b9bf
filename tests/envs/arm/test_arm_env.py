"""The arm's environments: rewards, turns, contexts, controls."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arm_worlds import moved, weighted

from metaskill.envs.arm.control import WORKSPACE
from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.arm.kinematics import forward
from metaskill.envs.interface import Interface, make_interface
from metaskill.envs.registry import environment_names, make
from metaskill.errors import UserError
from metaskill.physics.parameters import ParamSpec

STILL = jnp.array([0.0, 0.0, 0.0, 0.0, -1.0])


@pytest.fixture(scope="module")
def kitchen() -> ArmEnv:
    return make("arm_kitchen", engine="native", subtasks=("drawer", "light"))


@pytest.fixture(scope="module")
def run(kitchen: ArmEnv):
    return jax.jit(kitchen.reset), jax.jit(kitchen.step)


def goal(state, name: str) -> float:
    return float(state.context.reward[f"{name}_goal"])


def test_subtasks_are_rewarded_once_and_in_their_order(kitchen: ArmEnv, run) -> None:
    reset, step = run
    state = reset(jax.random.key(0), kitchen.nominal_context())
    # The light is second: switched on now it does not count.
    early = step(moved(kitchen, state, {"light": goal(state, "light")}), STILL)
    assert early.reward == 0.0
    assert early.metrics["completed"] == 0.0
    opened = step(moved(kitchen, early, {"drawer": goal(state, "drawer")}), STILL)
    assert opened.reward == 1.0
    assert opened.completed == 1
    # It counts when its turn comes, even if the drawer is shut meanwhile.
    both = step(moved(kitchen, opened, {"drawer": 0.0}), STILL)
    assert both.reward == 1.0
    assert both.metrics["success"] == 1.0
    after = step(both, STILL)
    assert after.reward == 0.0
    assert after.metrics["success"] == 1.0
    assert step._cache_size() == 1


def test_every_order_is_data_of_one_program(kitchen: ArmEnv, run) -> None:
    reset, step = run
    context = kitchen.nominal_context()
    context.reward["order"] = kitchen.layouts.order_of(("bell",))
    state = reset(jax.random.key(0), context)
    assert kitchen.subtask_names[int(kitchen.turn(state))] == "bell"
    pressed = step(moved(kitchen, state, {"bell": 0.03}), STILL)
    assert pressed.metrics["success"] == 1.0
    assert step._cache_size() == 1


def test_the_reward_is_what_the_weights_say(kitchen: ArmEnv, run) -> None:
    reset, step = run
    state = reset(jax.random.key(0), kitchen.nominal_context())
    shaped = step(weighted(state, reach=1.0, goal=2.0), STILL)
    expected = -shaped.metrics["reach_error"] - 2.0 * shaped.metrics["goal_error"]
    assert shaped.reward == pytest.approx(float(expected), rel=1e-6)
    handle = kitchen.scenery(shaped).readings["drawer"].point
    gripper = forward(shaped.physics.qpos[:7]).position
    distance = float(jnp.linalg.norm(gripper - handle))
    assert shaped.metrics["reach_error"] == pytest.approx(distance, rel=1e-6)
    done = step(weighted(moved(kitchen, state, {"drawer": 0.15}), success=3.0), STILL)
    assert done.reward == 3.0


def test_a_random_kitchen_asks_for_four_of_seven() -> None:
    kitchen = make("arm_kitchen", engine="native")
    contexts = jax.vmap(kitchen.sample_context)(jax.random.split(jax.random.key(0), 100))
    orders = np.asarray(contexts.reward["order"])
    np.testing.assert_array_equal(np.sort(orders, axis=1), [[0, 0, 0, 1, 2, 3, 4]] * 100)
    assert (orders > 0).mean(axis=0).min() > 0.4
    assert len(np.unique(orders, axis=0)) > 80


def test_draws_stay_in_their_ranges_and_differ(kitchen: ArmEnv) -> None:
    contexts = jax.vmap(kitchen.sample_context)(jax.random.split(jax.random.key(0), 100))
    for name, interval in kitchen.layouts.ranges.items():
        draws = np.asarray(contexts.reward[name])
        low, high = np.float32(interval.low), np.float32(interval.high)
        assert (draws >= low).all()
        assert (draws <= high).all()
        assert (np.ptp(draws, axis=0) > 0.8 * (high - low))[low < high].all()


def test_the_layout_reaches_the_world(kitchen: ArmEnv, run) -> None:
    reset, _ = run
    context = kitchen.nominal_context()
    context.reward["kettle_start"] = jnp.array([0.45, 0.1, 0.3])
    context.reward["microwave_start"] = jnp.float32(0.15)
    state = reset(jax.random.key(0), context)
    readings = kitchen.scenery(state).readings
    np.testing.assert_allclose(readings["kettle"].point, [0.45, 0.1, 0.02], atol=1e-6)
    assert readings["kettle"].yaw == pytest.approx(0.3, abs=1e-5)
    assert readings["microwave"].value == pytest.approx(0.15)


def test_nothing_moves_by_itself(kitchen: ArmEnv, run) -> None:
    reset, step = run
    start = state = reset(jax.random.key(0), kitchen.nominal_context())
    for _ in range(25):
        state = step(state, STILL)
    np.testing.assert_allclose(state.physics.qpos, start.physics.qpos, atol=2e-3)


def test_actions_move_the_gripper_by_so_much(kitchen: ArmEnv, run) -> None:
    reset, step = run
    state = reset(jax.random.key(0), kitchen.nominal_context())
    before = forward(state.physics.qpos[:7])
    for _ in range(4):
        state = step(state, jnp.array([0.5, -0.5, 0.25, 0.2, -1.0]))
    for _ in range(15):
        state = step(state, STILL)
    after = forward(state.physics.qpos[:7])
    shift = after.position - before.position
    np.testing.assert_allclose(shift, [0.05, -0.05, 0.025], atol=2e-3)
    assert after.yaw - before.yaw == pytest.approx(0.12, abs=0.01)


def test_the_gripper_stays_in_its_workspace(kitchen: ArmEnv, run) -> None:
    reset, step = run
    state = reset(jax.random.key(0), kitchen.nominal_context())
    for _ in range(40):
        state = step(state, jnp.array([-1.0, 1.0, 1.0, 0.0, 0.0]))
    position = forward(state.physics.qpos[:7]).position
    low, high = WORKSPACE
    np.testing.assert_allclose(position, [low[0], high[1], high[2]], atol=0.01)


def test_a_failed_simulation_ends_the_episode_with_reward_zero(kitchen: ArmEnv, run) -> None:
    reset, step = run
    state = reset(jax.random.key(0), kitchen.nominal_context())
    broken = step(moved(kitchen, state, {"drawer": np.nan}), STILL)
    assert broken.terminated
    assert not broken.truncated
    assert broken.reward == 0.0
    assert jnp.all(jnp.isfinite(broken.obs["state"]))


def test_time_truncates(kitchen: ArmEnv, run) -> None:
    reset, step = run
    state = reset(jax.random.key(0), kitchen.nominal_context())
    late = dataclasses.replace(state, step=jnp.int32(kitchen.episode_length - 1))
    assert step(late, STILL).truncated


def test_an_episode_may_end_when_all_is_done() -> None:
    env = make("arm_drawer", engine="native", ends_when_done=True)
    step = jax.jit(env.step)
    state = jax.jit(env.reset)(jax.random.key(0), env.nominal_context())
    shut = step(state, STILL)
    assert not shut.done
    late = dataclasses.replace(shut, step=jnp.int32(env.episode_length - 1))
    opened = step(moved(env, late, {"drawer": goal(state, "drawer")}), STILL)
    assert opened.metrics["success"] == 1.0
    assert opened.reward > 0.0
    assert opened.terminated
    assert not opened.truncated


def test_fixtures_stand_where_the_context_says() -> None:
    env = make("arm_drawer", engine="native")
    context = env.nominal_context()
    places = [
        {"drawer_frame_x": jnp.float32(x), "drawer_frame_y": jnp.float32(y)}
        for x, y in ((0.0, 0.0), (-0.05, 0.15))
    ]
    states = [
        jax.jit(env.reset)(jax.random.key(0), dataclasses.replace(context, physics=place))
        for place in places
    ]
    points = [env.scenery(state).readings["drawer"].point for state in states]
    np.testing.assert_allclose(points[1] - points[0], [-0.05, 0.15, 0.0], atol=1e-6)


def test_heavier_blocks_and_other_frictions_are_contexts() -> None:
    parameters = (
        ParamSpec("mass", "body_mass", "scale", "block"),
        ParamSpec("friction", "geom_friction", "scale", columns=(0,)),
    )
    env = make("arm_push", engine="native", parameters=parameters)
    step = jax.jit(env.step)
    reset = jax.jit(env.reset)
    context = env.nominal_context()
    assert set(env.sample_context(jax.random.key(0)).physics) == {"mass", "friction"}
    ends = []
    for friction in (0.2, 1.0):
        physics = {**context.physics, "friction": jnp.float32(friction)}
        state = reset(jax.random.key(0), dataclasses.replace(context, physics=physics))
        start = int(env.model.joint("block").dofadr[0])
        qvel = state.physics.qvel.at[start].set(0.5)
        state = dataclasses.replace(state, physics=dataclasses.replace(state.physics, qvel=qvel))
        for _ in range(10):
            state = step(state, STILL)
        ends.append(float(state.physics.qpos[9] - context.reward["block_start"][0]))
    # v^2 / (2 mu g): 1.6 cm with the nominal friction of 0.8.
    assert ends[1] == pytest.approx(0.016, rel=0.25)
    assert ends[0] > 3 * ends[1]


def test_joints_can_be_controlled_one_by_one() -> None:
    env = make("arm_reach", engine="native", control="joints")
    assert env.action_size == 8
    reset, step = jax.jit(env.reset), jax.jit(env.step)
    start = state = reset(jax.random.key(0), env.nominal_context())
    for _ in range(5):
        state = step(state, jnp.zeros(8).at[2].set(0.5).at[7].set(-1.0))
    for _ in range(15):
        state = step(state, jnp.zeros(8).at[7].set(-1.0))
    turned = np.asarray(state.physics.qpos[:7] - start.physics.qpos[:7])
    np.testing.assert_allclose(turned, np.eye(7)[2] * 0.15, atol=2e-3)


def test_an_interface_of_no_strength_changes_nothing(kitchen: ArmEnv, run) -> None:
    _, step = run
    noisy = make_interface(kitchen, Interface(effects=("action_noise_additive",)))
    key, context = jax.random.key(0), noisy.nominal_context()
    alone = jax.jit(kitchen.reset)(key, kitchen.nominal_context())
    behind = jax.jit(noisy.reset)(key, context)
    step_behind = jax.jit(noisy.step)
    for t in range(3):
        action = jax.random.uniform(jax.random.key(t), (5,), minval=-1.0)
        alone, behind = step(alone, action), step_behind(behind, action)
    # XLA may round the kinematics once or twice; see InterfaceEnv.
    np.testing.assert_allclose(behind.physics.qpos, alone.physics.qpos, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in environment_names() if "arm_" in name])
def test_states_keep_their_structure(name: str) -> None:
    env = make(name, engine="native")
    context = env.sample_context(jax.random.key(0))
    before = jax.eval_shape(env.reset, jax.random.key(0), context)
    action = jnp.zeros(env.action_size)
    after = jax.eval_shape(env.step, before, action)
    assert before == after
    assert before.obs["state"].shape == (env.observation_sizes["state"],)
    nominal = env.nominal_context()
    assert jax.tree.map(jnp.shape, nominal) == jax.tree.map(jnp.shape, context)


@pytest.mark.parametrize("name", [name for name in environment_names() if "arm_" in name])
def test_every_scene_takes_the_options_of_the_arm(name: str) -> None:
    options = {"control": "joints", "episode_length": 7, "ends_when_done": True}
    env = make(name, engine="native", **options)
    assert {option: getattr(env, option) for option in ("episode_length", "ends_when_done")} == {
        "episode_length": 7,
        "ends_when_done": True,
    }
    assert env.action_size == 8


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("arm_kitchen", {"subtasks": ("bel",)}, "did you mean 'bell'"),
        ("arm_kitchen", {"subtasks": ("bell", "bell")}, "at most once"),
        ("arm_kitchen", {"subtasks": ()}, "at least one"),
        ("arm_reach", {"control": "joint"}, "did you mean 'joints'"),
        ("arm_stack", {"blocks": 9}, "between 2 and 5"),
    ],
)
def test_mistakes_are_named(name: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(name, engine="native", **options)
