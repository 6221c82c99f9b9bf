"""Pictures of an environment's worlds, drawn without a display."""

import contextlib
import copy
import logging
from collections.abc import Callable, Iterator

import mujoco
import numpy as np

from metaskill.envs.env import Env
from metaskill.envs.pose import Pose
from metaskill.envs.sketch import sketch
from metaskill.envs.view import View
from metaskill.errors import UserError

_logger = logging.getLogger(__name__)

Draw = Callable[[Pose], np.ndarray]
"""Draws a world as `height x width x 3` bytes."""


_Render = Callable[[mujoco.MjData, mujoco.MjvCamera], np.ndarray]


@contextlib.contextmanager
def drawing(env: Env, width: int, height: int) -> Iterator[Draw]:
    """Yield a function that draws worlds of an environment, all on one canvas.

    Where no off-screen OpenGL is installed, pictures are plain sketches, and a warning names
    the package that makes them renderings.

    Args:
        env: The environment.
        width: Pixels.
        height: Pixels.

    Raises:
        UserError: If the environment has no model.
    """
    require_model(env)
    # A model of its own, which becomes that of each world in turn.
    model = copy.copy(env.model)  # type: ignore[attr-defined]
    data = mujoco.MjData(model)
    camera = camera_of(env)
    with _renderer(model, width, height) as render:

        def draw(pose: Pose) -> np.ndarray:
            for name, values in pose.model_leaves.items():
                owner, field = (model.opt, name[4:]) if name.startswith("opt.") else (model, name)
                shape = np.shape(getattr(owner, field))
                if shape:
                    getattr(owner, field)[...] = np.reshape(values, shape)
                else:
                    setattr(owner, field, float(values))
            data.qpos[:] = pose.qpos
            mujoco.mj_forward(model, data)
            return render(data, camera)

        yield draw


def draw_frame(env: Env, pose: Pose, width: int, height: int) -> np.ndarray:
    """Draw a world as `height x width x 3` bytes.

    Raises:
        UserError: If the environment has no model.
    """
    with drawing(env, width, height) as draw:
        return draw(pose)


def require_model(env: Env) -> None:
    """Check that there is something to draw.

    Raises:
        UserError: If the environment has no model.
    """
    if getattr(env, "model", None) is None:
        raise UserError(f"{env.name} has no MuJoCo model, so there is nothing to draw.")


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
def _renderer(model: mujoco.MjModel, width: int, height: int) -> Iterator[_Render]:
    """Yield MuJoCo's renderer, or the sketch where OpenGL is missing or does not work."""
    renderer = None
    # A library that is missing or does not work is reported in many ways.
    with contextlib.suppress(Exception):
        renderer = mujoco.Renderer(model, height, width)
    if renderer is None:
        _logger.warning(
            "no off-screen OpenGL works here, so pictures are plain sketches; for "
            "renderings: apt-get install libegl1 (or libosmesa6)."
        )
        yield lambda data, camera: sketch(model, data, camera, width, height)
        return

    def draw(data: mujoco.MjData, camera: mujoco.MjvCamera) -> np.ndarray:
        renderer.update_scene(data, camera)
        return renderer.render()

    with renderer:
        yield draw
