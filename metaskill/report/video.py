"""Videos of a robot, drawn without a display."""

import ctypes.util
import os
import pathlib

import imageio
import mujoco
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.env import Env
from metaskill.errors import UserError

_SUFFIXES = (".mp4", ".gif")


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
    width: int = 480,
    height: int = 320,
    frames_per_second: int = 25,
) -> None:
    """Draw a trajectory with a camera that follows the robot.

    Args:
        env: The environment that it comes from.
        positions: Generalized positions, one row a control step.
        path: `.mp4` or `.gif`.
        width: Pixels.
        height: Pixels.
        frames_per_second: The video's rate; it plays in real time.

    Raises:
        UserError: If the environment has no model or no OpenGL is installed.
    """
    model = getattr(env, "model", None)
    if model is None:
        raise UserError(f"{env.name} has no MuJoCo model, so there is nothing to draw.")
    rows = np.asarray(positions)
    times = np.arange(len(rows)) * env.control_timestep
    wanted = np.arange(0.0, times[-1], 1.0 / frames_per_second)
    frames = _draw(model, rows[np.searchsorted(times, wanted)], width, height)
    if path.suffix == ".gif":
        imageio.mimsave(path, frames, duration=1000 / frames_per_second, loop=0)
    else:
        imageio.mimsave(path, frames, fps=frames_per_second, macro_block_size=16)


def _draw(
    model: mujoco.MjModel, positions: np.ndarray, width: int, height: int
) -> list[np.ndarray]:
    _choose_opengl()
    data = mujoco.MjData(model)
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_TRACKING
    camera.trackbodyid = 1
    camera.distance, camera.azimuth, camera.elevation = 2.5 * model.stat.extent, 110, -20
    camera.distance = min(camera.distance, 6.0)
    frames = []
    try:
        with mujoco.Renderer(model, height, width) as renderer:
            for qpos in positions:
                data.qpos[:] = qpos
                mujoco.mj_forward(model, data)
                renderer.update_scene(data, camera)
                frames.append(renderer.render())
    except (mujoco.FatalError, AttributeError, ImportError, RuntimeError) as error:
        raise _no_opengl() from error
    return frames


def _choose_opengl() -> None:
    """Pick an off-screen OpenGL before MuJoCo looks for one.

    Raises:
        UserError: If none is installed.
    """
    if "MUJOCO_GL" in os.environ:
        return
    for library, name in (("EGL", "egl"), ("OSMesa", "osmesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = name
            os.environ["PYOPENGL_PLATFORM"] = name
            return
    raise _no_opengl()


def _no_opengl() -> UserError:
    return UserError(
        "no off-screen OpenGL works here, so no video can be drawn: "
        "apt-get install libegl1 (or libosmesa6), then try again."
    )
