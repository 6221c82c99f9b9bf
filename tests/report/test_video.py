"""Videos: drawn with OpenGL where it is, sketched where it is not."""

import logging
import pathlib

import imageio.v3 as imageio
import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.ant import Ant
from metaskill.envs.drawing import camera_of, draw_frame
from metaskill.envs.env import Env
from metaskill.envs.policy import Reactive
from metaskill.envs.pose import Pose, pose_of
from metaskill.envs.registry import make
from metaskill.envs.sketch import sketch
from metaskill.errors import UserError
from metaskill.report import video
from metaskill.rl.evaluation import record_episode


def test_without_opengl_a_sketch_is_drawn_and_the_package_named(
    ant: Ant,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_opengl(*_: object) -> None:
        raise ImportError("libEGL.so.1")

    monkeypatch.setattr(mujoco, "Renderer", no_opengl)
    positions = jnp.tile(jnp.asarray(ant.model.qpos0, jnp.float32), (11, 1))
    positions = positions.at[:, 2].set(jnp.linspace(0.5, 1.0, 11))  # It rises.
    path = tmp_path / "video.gif"
    with caplog.at_level(logging.WARNING):
        video.write_video(ant, Pose(positions), path, width=96, height=64)
    assert "apt-get install libegl1" in caplog.text
    frames = imageio.imread(path)
    assert frames.shape[1:] == (64, 96, 3)
    assert np.any(frames[0] != frames[-1])


def test_a_grid_holds_every_trajectory(ant: Ant, tmp_path: pathlib.Path) -> None:
    """Three of them, two in a row: each panel is the video of its trajectory."""
    still = jnp.tile(jnp.asarray(ant.model.qpos0, jnp.float32), (11, 1))
    positions = jnp.stack([still.at[:, 2].add(0.2 * i) for i in range(3)])
    path = tmp_path / "grid.gif"
    video.write_grid(ant, Pose(positions), path, columns=2, width=96, height=64)
    frames = imageio.imread(path)
    assert frames.shape[1:] == (128, 192, 3)
    panels = [frames[0, :64, :96], frames[0, :64, 96:], frames[0, 64:, :96]]
    assert all(np.any(one != panels[0]) for one in panels[1:])
    assert np.all(frames[0, 64:, 96:] == 255)


def test_a_strip_shows_the_first_and_the_last_position(ant: Ant) -> None:
    still = np.tile(ant.model.qpos0, (11, 1))
    still[:, 2] += np.linspace(0.0, 1.0, 11)
    strip = video.draw_strip(ant, Pose(still), 3, width=96, height=64)
    assert strip.shape == (64, 288, 3)
    ends = video.draw_strip(ant, Pose(still[[0, 10]]), 2, width=96, height=64)
    np.testing.assert_array_equal(strip[:, :96], ends[:, :96])
    np.testing.assert_array_equal(strip[:, 192:], ends[:, 96:])
    assert np.any(strip[:, 96:192] != strip[:, :96])


def test_an_arm_is_seen_from_where_its_environment_says() -> None:
    arm = make("arm_reach")
    camera = camera_of(arm)
    assert tuple(camera.lookat) == arm.view.target
    data = mujoco.MjData(arm.model)
    mujoco.mj_forward(arm.model, data)
    near = sketch(arm.model, data, camera, 96, 64)
    camera.distance *= 3.0
    assert np.any(sketch(arm.model, data, camera, 96, 64) != near)


def test_fixtures_are_drawn_where_their_context_puts_them() -> None:
    door = make("arm_door")

    @jax.jit
    def frames_of(keys: jax.Array) -> Pose:
        return jax.vmap(lambda key: pose_of(door.reset(key, door.sample_context(key))))(keys)

    poses = frames_of(jax.random.split(jax.random.key(0)))
    one, other = (jax.tree.map(lambda leaf, i=i: leaf[i], poses) for i in range(2))
    elsewhere = Pose(one.qpos, other.model_leaves)
    drawn, moved = (draw_frame(door, pose, 96, 64) for pose in (one, elsewhere))
    assert np.any(drawn != moved)
    np.testing.assert_array_equal(drawn, draw_frame(door, one, 96, 64))


def test_nothing_to_draw(point_mass: Env, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="has no MuJoCo model"):
        video.write_video(point_mass, Pose(jnp.zeros((3, 2))), tmp_path / "video.gif")


def test_an_episode_that_ends_stays_as_it_was(ant: Ant) -> None:
    still = Reactive(lambda _: jnp.zeros(8))
    poses = jax.jit(lambda key: record_episode(ant, still, key, n_steps=30))(jax.random.key(0))
    assert poses.qpos.shape == (30, 15)
    assert jnp.all(poses.qpos[ant.episode_length - 1 :] == poses.qpos[-1])
