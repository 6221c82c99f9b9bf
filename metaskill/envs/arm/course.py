"""A table for pushing: a puck, a wall on a spring, an L-shaped wall and a rail, in one model.

Three scenes are made of it, which differ in nothing but what they draw: contexts, states,
observations and actions have one structure, so one compiled program and one policy serve all
three, and the context says which of them an episode is. What does not stand in a scene lies
under the table.

    spring wall          L-wall              rail push

      . goal . .           goal                  / goal
     ============        ______|                /
        spring                 |  wall         O  puck
          O  puck          O   |              /  rail
"""

import numpy as np

from metaskill.envs.arm.corner import Corner
from metaskill.envs.arm.puck import RAIL_HEIGHT, Puck
from metaskill.envs.arm.pushing import Push
from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.spring_wall import spring_wall
from metaskill.envs.arm.task import Task
from metaskill.physics.parameters import ParamSpec

_BEGINNING = 0.40
_WALL = _BEGINNING + 0.10
_UNDER_THE_TABLE = -0.2

_EVERYTHING = "block_track|wall_frame|corner"
_PARAMETERS = (
    ParamSpec("course_x", "body_pos", "add", _EVERYTHING, columns=(0,)),
    ParamSpec("course_y", "body_pos", "add", _EVERYTHING, columns=(1,)),
    ParamSpec("block_mass", "body_mass", "scale", "block"),
    ParamSpec("block_friction", "dof_frictionloss", "scale", "block_.*"),
    ParamSpec("wall_z", "body_pos", "set", "wall_frame", columns=(2,)),
    ParamSpec("wall_stiffness", "jnt_stiffness", "set", "wall"),
    ParamSpec("corner_z", "body_pos", "set", "corner", columns=(2,)),
    ParamSpec("corner_turn", "body_quat", "turn", "corner"),
    ParamSpec("rail_z", "body_pos", "set", "block_track", columns=(2,)),
    ParamSpec("rail_turn", "body_quat", "turn", "block_track"),
    ParamSpec("block_across", "jnt_range", "scale", "block_across"),
)

_BARE = {
    "course_x": Range(-0.02, 0.02),
    "course_y": Range(-0.1, 0.1),
    "block_mass": Range(0.5, 2.0),
    "block_friction": Range(0.5, 1.5),
    "wall_z": Range(_UNDER_THE_TABLE, _UNDER_THE_TABLE),
    "wall_stiffness": Range(20.0, 100.0),
    "corner_z": Range(_UNDER_THE_TABLE, _UNDER_THE_TABLE),
    "corner_turn": Range(0.0, 1.57),
    "rail_z": Range(0.0, 0.0),
    "rail_turn": Range(0.0, 0.0),
    "block_across": Range(1.0, 1.0),
}
"""A puck on a bare table."""

_STANDS = Range(0.0, 0.0)


def spring_wall_course() -> Task:
    """Make the spring wall: bring the puck to where the wall has to be pushed back."""
    return _course(
        "arm_spring_wall",
        start=Range((-0.08, -0.1), (0.0, 0.1)),
        # The puck touches the wall at 6 cm.
        goal=Range((0.11, -0.1), (0.17, 0.1)),
        wall_z=_STANDS,
    )


def l_wall_course() -> Task:
    """Make the L-wall: bring the puck out of the pocket, to what lies behind its walls.

    The corner turns by up to a right angle, so that the way out is at the left, at the right,
    or at both.
    """
    return _course(
        "arm_l_wall",
        start=Range((-0.015, -0.015), (0.015, 0.015)),
        goal=Range((0.21, -0.06), (0.26, 0.06)),
        corner_z=_STANDS,
    )


def rail_push_course() -> Task:
    """Make the rail push: bring the puck along a rail that points anywhere ahead."""
    return _course(
        "arm_rail_push",
        start=Range((-0.12, 0.0), (0.0, 0.0)),
        goal=Range((0.10, 0.0), (0.24, 0.0)),
        rail_z=Range(RAIL_HEIGHT, RAIL_HEIGHT),
        rail_turn=Range(-0.9, 0.9),
        block_across=Range(0.0, 0.0),
    )


def _course(name: str, start: Range, goal: Range, **drawn: Range) -> Task:
    ranges = {**_BARE, **drawn}

    def height(thing: str) -> float:
        # Compiled as it stands, so that what draws the model alone draws this scene.
        return float(np.mean([ranges[f"{thing}_z"].low, ranges[f"{thing}_z"].high]))

    puck = Puck("block", (_BEGINNING, 0.0, height("rail")), start)
    wall = spring_wall("wall", (_WALL, 0.0, height("wall")))
    corner = Corner("corner", (_BEGINNING, 0.0, height("corner")))
    return Task(
        name=name,
        objects=(puck, wall, corner),
        subtasks=(Push("push", puck, corner, goal),),
        episode_length=100,
        physics=tuple((spec, ranges[spec.name]) for spec in _PARAMETERS),
    )
