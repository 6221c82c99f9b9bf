"""What can be read off objects, against MuJoCo; and when subtasks are done."""

import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.arm.articulated import Articulated
from metaskill.envs.arm.block import BLOCK_HALF_SIZE, Block
from metaskill.envs.arm.button import button
from metaskill.envs.arm.cabinet import cabinet
from metaskill.envs.arm.door import door
from metaskill.envs.arm.drawer import drawer
from metaskill.envs.arm.kinematics import GripperPose
from metaskill.envs.arm.knob import knob
from metaskill.envs.arm.lever import lever
from metaskill.envs.arm.operating import Operate
from metaskill.envs.arm.scene import compile_scene
from metaskill.envs.arm.scene_object import Frame, Range
from metaskill.envs.arm.stacking import Stack
from metaskill.envs.arm.subtask import Scenery

AWAY = GripperPose(jnp.array([0.4, 0.0, 0.3]), jnp.array([0.0, 1.0, 0.0]), jnp.zeros(()))
BLOCK = Block("block", Range((0.4, 0.0, 0.0), (0.5, 0.1, 0.1)))


def standing(position: tuple[float, float, float], yaw: float = 0.0) -> Frame:
    return Frame(jnp.array(position, jnp.float32), jnp.float32(yaw))


@pytest.mark.parametrize("turn", [0.0, 0.7])
@pytest.mark.parametrize("make", [button, cabinet, door, drawer, knob, lever])
def test_handles_are_where_mujoco_puts_them(make, turn: float) -> None:
    fixture: Articulated = make()
    model = compile_scene(fixture.name, (fixture,))
    model.body(fixture.frame_name).quat[:] = [np.cos(turn / 2), 0.0, 0.0, np.sin(turn / 2)]
    data = mujoco.MjData(model)
    frame = standing(fixture.position, turn)
    # The grip lies on the line of the handle, or above its end: a fixed place in its geom.
    places = []
    for value in np.linspace(*fixture.limits, 5):
        data.joint(fixture.name).qpos[0] = value
        mujoco.mj_kinematics(model, data)
        point, _ = fixture.at(jnp.float32(value), frame)
        geom = data.geom(f"{fixture.name}_handle")
        places.append(geom.xmat.reshape(3, 3).T @ (np.asarray(point) - geom.xpos))
    np.testing.assert_allclose(places, np.broadcast_to(places[0], (5, 3)), atol=1e-6)
    np.testing.assert_allclose(places[0][:2], 0.0, atol=1e-6)


def test_a_knob_turns_the_gripper() -> None:
    stove = knob()
    _, before = stove.at(jnp.float32(-0.5), standing((0, 0, 0)))
    _, after = stove.at(jnp.float32(0.5), standing((0, 0, 0)))
    assert after - before == pytest.approx(1.0)


@pytest.mark.parametrize("yaw", [-2.0, -0.7, 0.0, 0.5, 1.0, 3.0])
def test_blocks_are_taken_by_the_nearest_faces(yaw: float) -> None:
    qpos = BLOCK.initial(jnp.array([0.4, 0.1, yaw]))
    reading = BLOCK.read(qpos, jnp.zeros(6), standing((0, 0, 0)))
    np.testing.assert_allclose(reading.point, [0.4, 0.1, BLOCK_HALF_SIZE], atol=1e-6)
    assert abs(reading.yaw) <= np.pi / 4 + 1e-6
    assert np.sin(2 * (float(reading.yaw) - yaw)) == pytest.approx(0.0, abs=1e-5)


def readings(**positions: list[float]) -> dict:
    return {
        name: BLOCK.read(
            jnp.array([*position, 1.0, 0.0, 0.0, 0.0]), jnp.zeros(6), standing((0, 0, 0))
        )
        for name, position in positions.items()
    }


@pytest.mark.parametrize(
    ("above", "opening", "gripper", "done"),
    [
        ([0.41, 0.0, 0.06], 0.08, [0.41, 0.0, 0.06], True),
        ([0.41, 0.0, 0.06], 0.04, [0.41, 0.0, 0.06], False),  # Still held.
        ([0.41, 0.0, 0.06], 0.04, [0.41, 0.0, 0.2], True),
        ([0.43, 0.0, 0.06], 0.08, [0.4, 0.0, 0.2], False),  # Too far to the side.
        ([0.4, 0.0, 0.08], 0.08, [0.4, 0.0, 0.2], False),  # In the air.
    ],
)
def test_a_block_is_stacked_when_it_stands_and_is_free(above, opening, gripper, done) -> None:
    scenery = Scenery(
        gripper=AWAY._replace(position=jnp.array(gripper)),
        opening=jnp.float32(opening),
        readings=readings(low=[0.4, 0.0, 0.02], high=above),
    )
    status = Stack("stack", "high", "low").status(scenery, jnp.zeros(0))
    assert bool(status.done) == done
    np.testing.assert_allclose(status.target, [0.4, 0.0, 0.06], atol=1e-6)


@pytest.mark.parametrize(
    ("value", "goal", "done"),
    [(0.0, 0.1, False), (0.075, 0.1, False), (0.085, 0.1, True), (0.15, 0.1, True)],
)
def test_a_drawer_is_open_at_its_goal_and_beyond(value: float, goal: float, done: bool) -> None:
    chest = drawer()
    operate = Operate("open", chest, Range(0.1, 0.15), tolerance=0.02, stride=0.05)
    reading = chest.read(jnp.array([value]), jnp.zeros(1), standing(chest.position))
    scenery = Scenery(AWAY, jnp.float32(0.08), {chest.name: reading})
    status = operate.status(scenery, jnp.float32(goal))
    assert bool(status.done) == done
    assert status.goal_error == pytest.approx(abs(goal - value), abs=1e-6)
    # The target leads along the path, by a stride at most.
    step = np.clip(goal - value, -0.05, 0.05)
    np.testing.assert_allclose(status.target - status.point, [-step, 0.0, 0.0], atol=1e-6)
