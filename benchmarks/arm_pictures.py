"""A picture of every arm scene and of a maze, for docs/environments.md.

python -m benchmarks.arm_pictures writes docs/pictures/environments.png.
"""

import pathlib

import jax
import matplotlib
import numpy as np

from benchmarks.arm import SCENES, make_arm
from metaskill.envs.arm.kinematics import N_JOINTS, inverse
from metaskill.envs.drawing import draw_frame
from metaskill.envs.maze import Maze
from metaskill.envs.pose import Pose

matplotlib.use("Agg")
from matplotlib import pyplot

PICTURE = pathlib.Path(__file__).parents[1] / "docs" / "pictures" / "environments.png"


def main() -> None:
    """Draw."""
    figure, axes = pyplot.subplots(3, 5, figsize=(12.5, 6.9), layout="constrained")
    for axis, scene in zip(axes.flat, SCENES, strict=False):
        axis.imshow(picture(scene))
        axis.set_title(scene, fontsize=9)
    draw_maze(axes.flat[len(SCENES)])
    for axis in axes.flat:
        axis.set_axis_off()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=80)
    print(PICTURE)


def picture(scene: str) -> np.ndarray:
    """Draw a scene with the gripper above where it has to act first."""
    env = make_arm(scene)
    reset_key, context_key = jax.random.split(jax.random.key(0))
    state = env.reset(reset_key, env.sample_context(context_key))
    status = env.current(state)
    joints = inverse(status.point.at[2].add(0.06), status.yaw)
    pose = Pose(state.physics.qpos.at[:N_JOINTS].set(joints), state.model_leaves)
    return draw_frame(env, pose, 300, 240)


def draw_maze(axis: pyplot.Axes) -> None:
    """Draw a maze with its start and goal from above."""
    maze = Maze()
    context = maze.sample_context(jax.random.key(0))
    size = len(maze.walls)
    axis.imshow(maze.walls, cmap="Greys", extent=(0, size, 0, size), origin="lower")
    for name, colour in (("start", "tab:blue"), ("goal", "tab:red")):
        axis.plot(*np.asarray(context.reward[name]), "o", color=colour, markersize=4)
    axis.set_title("maze", fontsize=9)


if __name__ == "__main__":
    main()
