"""The scenes for pushing: one program for all, and what stands in them yields, blocks and leads."""

import copy
import dataclasses

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.registry import make

SCENES = ("arm_spring_wall", "arm_l_wall", "arm_rail_push")
STILL = jnp.array([0.0, 0.0, 0.0, 0.0, -1.0])


@pytest.fixture(scope="module")
def scenes() -> dict[str, ArmEnv]:
    return {name: make(name, engine="native") for name in SCENES}


@pytest.fixture(scope="module")
def build(scenes: dict[str, ArmEnv]):
    """Build MuJoCo's own world of a scene in the middle of its ranges, but for some values."""
    # Their models differ in what contexts set, so any of them will do.
    env = scenes["arm_l_wall"]
    apply = jax.jit(env.parameters.apply)

    def build(scene: str, **physics: float) -> tuple[mujoco.MjModel, mujoco.MjData]:
        values = dict(scenes[scene].nominal_context().physics)
        values.update({name: jnp.float32(value) for name, value in physics.items()})
        model = copy.copy(env.model)
        for name, value in apply(values).items():
            getattr(model, name)[:] = value
        return model, mujoco.MjData(model)

    return build


def push(world: tuple[mujoco.MjModel, mujoco.MjData], force: tuple[float, float]) -> np.ndarray:
    """Push the puck with a constant force for three seconds; return where it comes to."""
    model, data = world
    for _ in range(round(3.0 / model.opt.timestep)):
        data.body("block").xfrc_applied[:2] = force
        mujoco.mj_step(model, data)
    return data.body("block").xpos[:2].copy()


def test_one_program_serves_all_three_scenes(scenes: dict[str, ArmEnv]) -> None:
    contexts = [env.sample_context(jax.random.key(0)) for env in scenes.values()]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *contexts)
    env = scenes["arm_spring_wall"]
    state = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(1), 3), together)
    state = jax.jit(jax.vmap(env.step, (0, None)))(state, STILL)
    assert not state.physics.failed.any()
    stands = {
        name: np.asarray(reading.frame.position)[:, 2] > -0.1
        for name, reading in jax.vmap(lambda each: env.scenery(each).readings)(state).items()
    }
    np.testing.assert_array_equal(stands["wall"], [True, False, False])
    np.testing.assert_array_equal(stands["corner"], [False, True, False])
    # What each scene's own program does is the same, to rounding.
    own = scenes["arm_l_wall"]
    start = jax.jit(own.reset)(jax.random.split(jax.random.key(1), 3)[1], contexts[1])
    after = jax.jit(own.step)(start, STILL)
    np.testing.assert_allclose(after.obs["state"], state.obs["state"][1], atol=1e-5)


@pytest.mark.parametrize("stiffness", [40.0, 80.0])
def test_the_wall_yields_as_its_spring_says(build, stiffness: float) -> None:
    world = build("arm_spring_wall", wall_stiffness=stiffness, block_friction=0.0)
    push(world, (6.0, 0.0))
    assert world[1].joint("wall").qpos[0] == pytest.approx(6.0 / stiffness, rel=0.02)
    # Let go, it comes back and brings the puck along.
    x, _ = push(world, (0.0, 0.0))
    assert world[1].joint("wall").qpos[0] == pytest.approx(0.0, abs=1e-3)
    assert x < 0.47


@pytest.mark.parametrize("turn", [0.0, 0.4, 0.785, 1.2, 1.57])
def test_the_straight_way_ends_at_the_l_wall(build, turn: float) -> None:
    goal = np.array([0.63, 0.04])
    towards = 6.0 * (goal - [0.4, 0.0]) / np.linalg.norm(goal - [0.4, 0.0])
    held = push(build("arm_l_wall", corner_turn=turn), tuple(towards))
    assert np.linalg.norm(held - goal) > 0.1
    free = push(build("arm_l_wall", corner_z=-0.2), tuple(towards))
    assert free[0] > goal[0]


def test_a_rail_leads_where_it_points(build) -> None:
    direction = np.array([np.cos(0.6), np.sin(0.6)])
    across = np.array([-direction[1], direction[0]])
    world = build("arm_rail_push", rail_turn=0.6)
    start = np.array([0.4, 0.0])
    np.testing.assert_allclose(push(world, tuple(8.0 * across)), start, atol=3e-3)
    moved = push(world, tuple(2.0 * direction + 2.0 * across)) - start
    assert moved @ direction > 0.1
    assert abs(moved @ across) < 3e-3
    # Without the rail the same puck goes wherever it is pushed.
    free = push(build("arm_rail_push", block_across=1.0), (0.0, 8.0))
    assert free[1] > 0.1


@pytest.mark.parametrize(("mass", "friction"), [(0.5, 1.0), (2.0, 1.0), (1.0, 0.5)])
def test_heavy_pucks_slide_far_on_smooth_tables(build, mass: float, friction: float) -> None:
    physics = {"block_mass": mass, "block_friction": friction}
    model, data = build("arm_l_wall", corner_z=-0.2, **physics)
    data.joint("block_along").qvel[:] = 0.5
    for _ in range(200):
        mujoco.mj_step(model, data)
    # m dv/dt = -F - c v, with c = 1 N s/m.
    kilograms = 0.2 * mass
    expected = kilograms * (0.5 - friction * np.log1p(0.5 / friction))
    assert data.joint("block_along").qpos[0] == pytest.approx(expected, rel=0.1)


def test_the_goal_is_as_far_as_the_way_around(scenes: dict[str, ArmEnv]) -> None:
    env = scenes["arm_l_wall"]
    context = env.nominal_context()
    reset, status = jax.jit(env.reset), jax.jit(env.current)
    blocked = status(reset(jax.random.key(0), context))
    without = {**context.physics, "corner_z": jnp.float32(-0.2)}
    free = status(reset(jax.random.key(0), dataclasses.replace(context, physics=without)))
    assert free.goal_error == pytest.approx(0.235, abs=1e-5)
    assert blocked.goal_error > 0.5
    np.testing.assert_allclose(free.target, [0.635, 0.0, 0.02], atol=1e-5)
    assert abs(float(blocked.target[1])) > 0.1
    assert not blocked.done
