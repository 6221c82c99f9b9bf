"""Videos of a robot, drawn without a display."""

import contextlib
import logging
import pathlib
from collections.abc import Callable, Iterable, Iterator

import imageio
import mujoco
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.env import Env
from metaskill.envs.view import View
from metaskill.errors import UserError
from metaskill.report.sketch import sketch
from metaskill.subprocesses import starting_a_program

_SUFFIXES = (".mp4", ".gif")
_logger = logging.getLogger(__name__)

Draw = Callable[[mujoco.MjData, mujoco.MjvCamera], np.ndarray]
"""Draws one frame of a model's data."""


def check_output(path: pathlib.Path) -> None:
    """Refuse a file that is neither a video nor an animation.

    Raises:
        UserError: If its ending is not known or its folder does not exist.
    """
    if path.suffix not in _SUFFIXES:
        raise UserError(f"{path} must end in {' or '.join(_SUFFIXES)}.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"the folder of {path} does not exist: create it first.")


def write_video(
    env: Env,
    positions: Float[Array, "time nq"],
    path: pathlib.Path,
    *,
    width: int = 480,
    height: int = 320,
    frames_per_second: int = 25,
) -> None:
    """Draw a trajectory, seen as the environment is viewed, or by a camera that follows the robot.

    Where no off-screen OpenGL is installed, the frames are plain sketches, and a
    warning names the package that makes them renderings.

    Args:
        env: The environment that it comes from.
        positions: Generalized positions, one row a control step.
        path: `.mp4` or `.gif`.
        width: Pixels.
        height: Pixels.
        frames_per_second: The video's rate; it plays in real time.

    Raises:
        UserError: If the environment has no model.
    """
    (frames,) = _draw_frames(env, [_at_rate(env, positions, frames_per_second)], width, height)
    _write(frames, path, frames_per_second)


def write_grid(
    env: Env,
    positions: Float[Array, "panel time nq"],
    path: pathlib.Path,
    *,
    columns: int = 3,
    width: int = 240,
    height: int = 160,
    frames_per_second: int = 25,
) -> None:
    """Draw several trajectories at once, side by side in rows of `columns`.

    Raises:
        UserError: If the environment has no model.
    """
    chosen = [_at_rate(env, each, frames_per_second) for each in positions]
    panels = _draw_frames(env, chosen, width, height)
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % columns)
    rows = [
        np.concatenate(panels[start : start + columns], axis=2)
        for start in range(0, len(panels), columns)
    ]
    _write(np.concatenate(rows, axis=1), path, frames_per_second)


def draw_strip(
    env: Env,
    positions: Float[np.ndarray, "time nq"],
    n_frames: int,
    width: int = 240,
    height: int = 180,
) -> np.ndarray:
    """Draw a trajectory at evenly spaced times side by side, as `height x width x 3` bytes.

    The first and the last of its positions are among them.

    Raises:
        UserError: If the environment has no model.
    """
    times = np.linspace(0, len(positions) - 1, n_frames).round().astype(int)
    (frames,) = _draw_frames(env, [positions[times]], width, height)
    return np.concatenate(list(frames), axis=1)


def draw_frame(
    model: mujoco.MjModel,
    positions: Float[np.ndarray, " nq"],
    camera: mujoco.MjvCamera,
    width: int,
    height: int,
) -> np.ndarray:
    """Draw one state of a model as seen by a camera, as `height x width x 3` bytes."""
    data = mujoco.MjData(model)
    data.qpos[:] = positions
    mujoco.mj_forward(model, data)
    with _renderer(model, width, height) as draw:
        return draw(data, camera)


def _at_rate(
    env: Env, positions: Float[Array, "time nq"], frames_per_second: int
) -> Float[np.ndarray, "frame nq"]:
    """Choose the positions that a video of this rate shows."""
    rows = np.asarray(positions)
    times = np.arange(len(rows)) * env.control_timestep
    wanted = np.arange(0.0, times[-1], 1.0 / frames_per_second)
    return np.asarray(rows[np.searchsorted(times, wanted)])


def _draw_frames(
    env: Env, trajectories: Iterable[Float[np.ndarray, "frame nq"]], width: int, height: int
) -> list[np.ndarray]:
    """Return the frames (axis: frame) of each trajectory."""
    model = getattr(env, "model", None)
    if model is None:
        raise UserError(f"{env.name} has no MuJoCo model, so there is nothing to draw.")
    data = mujoco.MjData(model)
    camera = camera_of(env)
    videos = []
    with _renderer(model, width, height) as draw:
        for rows in trajectories:
            frames = []
            for qpos in rows:
                data.qpos[:] = qpos
                mujoco.mj_forward(model, data)
                frames.append(draw(data, camera))
            videos.append(np.stack(frames))
    return videos


def _write(frames: np.ndarray, path: pathlib.Path, frames_per_second: int) -> None:
    if path.suffix == ".gif":
        imageio.mimsave(path, list(frames), duration=1000 / frames_per_second, loop=0)
    else:
        with starting_a_program():  # imageio hands the frames to ffmpeg.
            imageio.mimsave(path, list(frames), fps=frames_per_second, macro_block_size=16)


def camera_of(env: Env) -> mujoco.MjvCamera:
    """Return the camera of an environment's view, or one that follows the robot."""
    model: mujoco.MjModel = env.model  # type: ignore[attr-defined]
    camera = mujoco.MjvCamera()
    view: View | None = getattr(env, "view", None)
    if view is None:
        camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
        camera.trackbodyid = 1
        camera.distance = min(2.5 * model.stat.extent, 4.0)
        camera.azimuth, camera.elevation = 110, -20
        return camera
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.lookat[:] = view.target
    camera.distance = view.distance
    camera.azimuth, camera.elevation = view.azimuth, view.elevation
    return camera


@contextlib.contextmanager
def _renderer(model: mujoco.MjModel, width: int, height: int) -> Iterator[Draw]:
    """Yield MuJoCo's renderer, or the sketch where OpenGL is missing or does not work."""
    renderer = None
    # A library that is missing or does not work is reported in many ways.
    with contextlib.suppress(Exception):
        renderer = mujoco.Renderer(model, height, width)
    if renderer is None:
        _logger.warning(
            "no off-screen OpenGL works here, so the video is a plain sketch; for a "
            "rendering: apt-get install libegl1 (or libosmesa6)."
        )
        yield lambda data, camera: sketch(model, data, camera, width, height)
        return

    def draw(data: mujoco.MjData, camera: mujoco.MjvCamera) -> np.ndarray:
        renderer.update_scene(data, camera)
        return renderer.render()

    with renderer:
        yield draw
