"""A kitchen-like table: seven things to operate, of which any may be asked for in any order.

Seen from above, the arm at the bottom:

       door (microwave)       cabinet          lever (light)
    button                kettle     stove
              knob                              drawer
"""

from metaskill.envs.arm.block import BLOCK_HALF_SIZE, Block
from metaskill.envs.arm.button import button
from metaskill.envs.arm.cabinet import cabinet
from metaskill.envs.arm.door import door
from metaskill.envs.arm.drawer import drawer
from metaskill.envs.arm.knob import knob
from metaskill.envs.arm.lever import lever
from metaskill.envs.arm.moving import Move
from metaskill.envs.arm.operating import Operate
from metaskill.envs.arm.scene_object import Range
from metaskill.envs.arm.subtask import Manner
from metaskill.envs.arm.task import SPARSE, Task

N_ASKED = 4
"""As many subtasks as D4RL's kitchen asks for (Fu et al. 2020)."""


def kitchen() -> Task:
    """Make the kitchen: four of seven subtasks, a reward of one for each."""
    microwave = door("microwave", (0.66, 0.38, 0.0))
    slider = cabinet("cabinet", (0.69, 0.02, 0.0))
    light = lever("light", (0.58, -0.22, 0.05))
    chest = drawer("drawer", (0.58, -0.37, 0.0))
    burner = knob("burner", (0.36, -0.17, 0.0))
    bell = button("bell", (0.36, 0.30, 0.0))
    kettle = Block("kettle", Range((0.38, 0.06, -0.6), (0.46, 0.14, 0.6)), (0.3, 0.3, 0.35))
    lying = BLOCK_HALF_SIZE
    return Task(
        name="arm_kitchen",
        objects=(microwave, slider, light, chest, burner, bell, kettle),
        subtasks=(
            Operate("microwave", microwave, Range(0.7, 1.0), tolerance=0.1, stride=0.25),
            Operate("cabinet", slider, Range(0.10, 0.14), tolerance=0.02, stride=0.05),
            Operate("light", light, Range(0.3, 0.5), tolerance=0.1, stride=0.25),
            Operate("drawer", chest, Range(0.10, 0.14), tolerance=0.02, stride=0.05),
            Operate("burner", burner, Range(0.4, 0.7), tolerance=0.15, stride=0.3),
            Operate("bell", bell, Range(0.02, 0.02), 0.005, stride=0.03, manner=Manner.PRESS),
            Move(
                name="kettle",
                block="kettle",
                goal=Range((0.46, -0.08, lying), (0.50, -0.02, lying)),
                manner=Manner.CARRY,
            ),
        ),
        n_asked=N_ASKED,
        weights=SPARSE,
        episode_length=280,
    )
