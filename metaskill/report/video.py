"""Videos of a robot, drawn without a display."""

import pathlib
from collections.abc import Iterable

import imageio
import jax
import numpy as np

from metaskill.envs.drawing import drawing
from metaskill.envs.env import Env
from metaskill.envs.pose import Pose
from metaskill.errors import UserError
from metaskill.subprocesses import starting_a_program

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
    poses: Pose,
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
        poses: How the world stood after each control step (axis: time).
        path: `.mp4` or `.gif`.
        width: Pixels.
        height: Pixels.
        frames_per_second: The video's rate; it plays in real time.

    Raises:
        UserError: If the environment has no model.
    """
    (frames,) = _draw_frames(env, [_at_rate(env, poses, frames_per_second)], width, height)
    _write(frames, path, frames_per_second)


def write_grid(
    env: Env,
    poses: Pose,
    path: pathlib.Path,
    *,
    columns: int = 3,
    width: int = 240,
    height: int = 160,
    frames_per_second: int = 25,
) -> None:
    """Draw several trajectories (axes: panel, time) at once, side by side in rows of `columns`.

    Raises:
        UserError: If the environment has no model.
    """
    each = [_at(poses, panel) for panel in range(len(poses.qpos))]
    chosen = [_at_rate(env, panel, frames_per_second) for panel in each]
    panels = _draw_frames(env, chosen, width, height)
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % columns)
    rows = [
        np.concatenate(panels[start : start + columns], axis=2)
        for start in range(0, len(panels), columns)
    ]
    _write(np.concatenate(rows, axis=1), path, frames_per_second)


def draw_strip(
    env: Env,
    poses: Pose,
    n_frames: int,
    width: int = 240,
    height: int = 180,
) -> np.ndarray:
    """Draw a trajectory (axis: time) side by side, as `height x width x 3` bytes.

    Its times are evenly spaced; the first and the last are among them.

    Raises:
        UserError: If the environment has no model.
    """
    times = np.linspace(0, len(poses.qpos) - 1, n_frames).round().astype(int)
    (frames,) = _draw_frames(env, [_at(poses, times)], width, height)
    return np.concatenate(list(frames), axis=1)


def _at_rate(env: Env, poses: Pose, frames_per_second: int) -> Pose:
    """Choose what a video of this rate shows."""
    timestep = poses.model_leaves.get("opt.timestep")
    pace = 1.0 if timestep is None else timestep[0] / env.model.opt.timestep  # type: ignore[attr-defined]
    times = np.arange(len(poses.qpos)) * env.control_timestep * pace
    wanted = np.arange(0.0, times[-1], 1.0 / frames_per_second)
    return _at(poses, np.searchsorted(times, wanted))


def _at(poses: Pose, index: np.ndarray | int) -> Pose:
    chosen: Pose = jax.tree.map(lambda leaf: np.asarray(leaf)[index], poses)
    return chosen


def _draw_frames(
    env: Env, trajectories: Iterable[Pose], width: int, height: int
) -> list[np.ndarray]:
    """Return the frames (axis: frame) of each trajectory."""
    with drawing(env, width, height) as draw:
        return [
            np.stack([draw(_at(poses, time)) for time in range(len(poses.qpos))])
            for poses in trajectories
        ]


def _write(frames: np.ndarray, path: pathlib.Path, frames_per_second: int) -> None:
    if path.suffix == ".gif":
        imageio.mimsave(path, list(frames), duration=1000 / frames_per_second, loop=0)
    else:
        with starting_a_program():  # imageio hands the frames to ffmpeg.
            imageio.mimsave(path, list(frames), fps=frames_per_second, macro_block_size=16)
