"""Videos of a robot, drawn without a display."""

import contextlib
import logging
import pathlib
from collections.abc import Callable, Iterator

import imageio
import mujoco
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.env import Env
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
    """Draw a trajectory with a camera that follows the robot.

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
    model = getattr(env, "model", None)
    if model is None:
        raise UserError(f"{env.name} has no MuJoCo model, so there is nothing to draw.")
    rows = np.asarray(positions)
    times = np.arange(len(rows)) * env.control_timestep
    wanted = np.arange(0.0, times[-1], 1.0 / frames_per_second)
    frames = []
    data = mujoco.MjData(model)
    camera = _following_camera(model)
    with _renderer(model, width, height) as draw:
        for qpos in rows[np.searchsorted(times, wanted)]:
            data.qpos[:] = qpos
            mujoco.mj_forward(model, data)
            frames.append(draw(data, camera))
    if path.suffix == ".gif":
        imageio.mimsave(path, frames, duration=1000 / frames_per_second, loop=0)
    else:
        with starting_a_program():  # imageio hands the frames to ffmpeg.
            imageio.mimsave(path, frames, fps=frames_per_second, macro_block_size=16)


def _following_camera(model: mujoco.MjModel) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
    camera.trackbodyid = 1
    camera.distance = min(2.5 * model.stat.extent, 4.0)
    camera.azimuth, camera.elevation = 110, -20
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
