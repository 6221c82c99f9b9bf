"""The arm's tasks: each a scene and a few lines."""

import functools
from typing import Annotated

import numpy as np

from metaskill.checking import checked_arguments
from metaskill.envs.arm.block import BLOCK_HALF_SIZE, Block
from metaskill.envs.arm.button import button
from metaskill.envs.arm.course import l_wall_course, rail_push_course, spring_wall_course
from metaskill.envs.arm.door import door
from metaskill.envs.arm.drawer import drawer
from metaskill.envs.arm.env import ArmEnv
from metaskill.envs.arm.kitchen import kitchen
from metaskill.envs.arm.lever import lever
from metaskill.envs.arm.moving import Move
from metaskill.envs.arm.operating import Operate
from metaskill.envs.arm.reaching import Reach
from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.stacking import Stack
from metaskill.envs.arm.subtask import Manner
from metaskill.envs.arm.task import SPARSE, Task, placed_anywhere
from metaskill.envs.env import EpisodeLength
from metaskill.physics.parameters import ParamSpec
from metaskill.ranges import Between

_ANY_YAW = np.pi / 4  # A cube's sides are alike.
_LYING = BLOCK_HALF_SIZE

_REACH = Task(
    name="arm_reach",
    objects=(),
    subtasks=(Reach("reach", Range((0.35, -0.3, 0.05), (0.62, 0.3, 0.35))),),
    episode_length=50,
)

_PUSH = Task(
    name="arm_push",
    objects=(Block("block", Range((0.36, -0.2, -_ANY_YAW), (0.44, 0.2, _ANY_YAW))),),
    subtasks=(
        Move(
            name="push",
            block="block",
            goal=Range((0.52, -0.25, _LYING), (0.62, 0.25, _LYING)),
            manner=Manner.DRAG,
        ),
    ),
    episode_length=100,
)

_PICK_PLACE = Task(
    name="arm_pick_place",
    objects=(Block("block", Range((0.38, -0.25, -_ANY_YAW), (0.58, 0.25, _ANY_YAW))),),
    subtasks=(
        Move(
            name="pick_place",
            block="block",
            goal=Range((0.38, -0.25, 0.08), (0.6, 0.25, 0.28)),
            manner=Manner.CARRY,
        ),
    ),
    episode_length=100,
)

reach = functools.partial(ArmEnv, _REACH)
push = functools.partial(ArmEnv, _PUSH)
pick_place = functools.partial(ArmEnv, _PICK_PLACE)


@checked_arguments
def stack(
    engine: str = "auto",
    blocks: Annotated[int, Between(2, 5)] = 3,
    control: str = "gripper",
    subtasks: tuple[str, ...] | None = None,
    episode_length: EpisodeLength | None = None,
    parameters: tuple[ParamSpec, ...] = (),
    ends_when_done: bool = False,
) -> ArmEnv:
    """Make the task of stacking blocks on the first one: one completed for each.

    Args:
        engine: See `ArmEnv`, also for what follows `blocks`.
        blocks: How many, from 2 to 5.
        control: The same.
        subtasks: The same.
        episode_length: The same.
        parameters: The same.
        ends_when_done: The same.

    Raises:
        UserError: If so many cannot be stacked.
    """
    # Each starts in a lane of its own, so that they do not overlap.
    lanes = np.linspace(-0.3, 0.3, blocks + 1)
    colours = (
        (0.85, 0.3, 0.2),
        (0.2, 0.5, 0.8),
        (0.3, 0.7, 0.3),
        (0.9, 0.75, 0.2),
        (0.6, 0.3, 0.7),
    )
    things = tuple(
        Block(
            f"block{i}",
            Range((0.38, lanes[i] + 0.05, -_ANY_YAW), (0.56, lanes[i + 1] - 0.05, _ANY_YAW)),
            colours[i],
            stackable=True,
        )
        for i in range(blocks)
    )
    task = Task(
        name="arm_stack",
        objects=things,
        subtasks=tuple(Stack(f"stack{i}", f"block{i}", f"block{i - 1}") for i in range(1, blocks)),
        weights=SPARSE,
        episode_length=150 * (blocks - 1),
    )
    return ArmEnv(task, engine, control, subtasks, episode_length, parameters, ends_when_done)


def _fixture_task(name: str, operate: Operate, episode_length: int = 120) -> Task:
    fixture = operate.fixture
    return Task(
        name=name,
        objects=(fixture,),
        subtasks=(operate,),
        episode_length=episode_length,
        physics=placed_anywhere(fixture.frame_name, Range(-0.06, 0.04), Range(-0.2, 0.2)),
    )


_DRAWER = _fixture_task(
    "arm_drawer", Operate("drawer", drawer(), Range(0.10, 0.15), tolerance=0.02, stride=0.05)
)
_DOOR = _fixture_task(
    "arm_door", Operate("door", door(), Range(0.8, 1.2), tolerance=0.1, stride=0.25)
)
_BUTTON = _fixture_task(
    "arm_button",
    Operate(
        "button", button(), Range(0.02, 0.02), tolerance=0.005, stride=0.03, manner=Manner.PRESS
    ),
)
_LEVER = _fixture_task(
    "arm_lever", Operate("lever", lever(), Range(0.3, 0.5), tolerance=0.1, stride=0.25)
)

open_drawer = functools.partial(ArmEnv, _DRAWER)
open_door = functools.partial(ArmEnv, _DOOR)
press_button = functools.partial(ArmEnv, _BUTTON)
switch_lever = functools.partial(ArmEnv, _LEVER)
operate_kitchen = functools.partial(ArmEnv, kitchen())
push_spring_wall = functools.partial(ArmEnv, spring_wall_course())
push_around_l_wall = functools.partial(ArmEnv, l_wall_course())
push_along_rail = functools.partial(ArmEnv, rail_push_course())
