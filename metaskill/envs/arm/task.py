"""A task: a scene, what there is to do in it, and what that is worth."""

import dataclasses

from metaskill.envs.arm.scene_object import Range, SceneObject
from metaskill.envs.arm.subtask import Subtask
from metaskill.physics.parameters import ParamSpec


@dataclasses.dataclass(frozen=True)
class Weights:
    """What the reward of a control step consists of.

    Attributes:
        reach: Cost of a metre between the gripper and where it has to act.
        goal: Cost of a metre between that point and where it has to go.
        success: Gained in every step in which the subtask is done.
        completion: Gained once, in the step that completes the subtask.
    """

    reach: float = 0.0
    goal: float = 0.0
    success: float = 0.0
    completion: float = 0.0


SHAPED = Weights(reach=1.0, goal=2.0, success=1.0)
"""For single subtasks: there is a slope everywhere, and being there is best."""

SPARSE = Weights(completion=1.0)
"""For sequences: one for each subtask."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What an arm environment is made of.

    Attributes:
        name: The environment's name.
        objects: What is on the table.
        subtasks: What can be asked for.
        n_asked: So many of them, in an order drawn by the episode; None for all of them, in
            the order in which they stand here.
        weights: The reward.
        episode_length: Control steps until truncation.
        physics: What of the physics is drawn for each episode, with the range of its values:
            where a fixture stands.
    """

    name: str
    objects: tuple[SceneObject, ...]
    subtasks: tuple[Subtask, ...]
    n_asked: int | None = None
    weights: Weights = SHAPED
    episode_length: int = 150
    physics: tuple[tuple[ParamSpec, Range], ...] = ()


def placed_anywhere(frame: str, x: Range, y: Range) -> tuple[tuple[ParamSpec, Range], ...]:
    """Draw where a fixture stands, beside where it was designed to.

    Args:
        frame: Name of its frame's body.
        x: Displacement away from the arm, metres.
        y: Displacement to the arm's left.
    """
    return tuple(
        (ParamSpec(f"{frame}_{axis}", "body_pos", "add", frame, columns=(column,)), displacement)
        for column, (axis, displacement) in enumerate((("x", x), ("y", y)))
    )
