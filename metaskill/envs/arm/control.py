"""From actions to the arm's controls: by the gripper's motion, or joint by joint.

Either way the action moves the setpoints of the servos, on a leash: never farther than so much
from where the arm is, so that an arm that meets an obstacle presses with a bounded force and
turns round at once.
"""

import dataclasses
from typing import ClassVar, Protocol

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from metaskill.envs.arm.gripper import finger_targets
from metaskill.envs.arm.kinematics import N_JOINTS, forward, inverse
from metaskill.envs.arm.robot import JOINT_RANGES
from metaskill.errors import UserError, nearest

N_ARM_POSITIONS = N_JOINTS + 2
"""Joint positions of the arm and of its fingers."""

WORKSPACE = ((0.25, -0.45, 0.012), (0.72, 0.45, 0.45))
"""Corners of the box that the gripper is led within, metres."""

_LOW, _HIGH = np.array(JOINT_RANGES, np.float32).T


class Control(Protocol):
    """Turns an action into where the servos' setpoints shall be after the control step.

    Attributes:
        action_size: How many numbers an action has; the last moves the fingers.
    """

    @property
    def action_size(self) -> int:
        """See the class."""
        ...

    def setpoints(
        self,
        action: Float[Array, " action"],
        joints: Float[Array, "7"],
        setpoints: Float[Array, "7"],
    ) -> Float[Array, "7"]:
        """Return the next setpoints.

        Args:
            action: Between -1 and 1.
            joints: The arm's joint angles.
            setpoints: Where the servos are holding them now.
        """
        ...


@dataclasses.dataclass(frozen=True)
class GripperControl:
    """Moves the gripper, which points down: x, y, z, yaw, fingers.

    Joint angles follow in closed form (`kinematics.inverse`), so steps do not accumulate
    errors and the elbow stays up.
    """

    action_size: ClassVar[int] = 5
    largest_step: ClassVar[float] = 0.025
    largest_turn: ClassVar[float] = 0.15
    largest_yaw: ClassVar[float] = 1.8
    leash: ClassVar[float] = 0.05
    leash_of_yaw: ClassVar[float] = 0.3

    def setpoints(
        self,
        action: Float[Array, "5"],
        joints: Float[Array, "7"],
        setpoints: Float[Array, "7"],
    ) -> Float[Array, "7"]:
        """Return the joint angles of the gripper's setpoint, moved."""
        held, actual = forward(setpoints), forward(joints)
        position = held.position + self.largest_step * action[:3]
        position = jnp.clip(position, actual.position - self.leash, actual.position + self.leash)
        position = jnp.clip(position, *(jnp.float32(corner) for corner in WORKSPACE))
        yaw = held.yaw + self.largest_turn * action[3]
        yaw = jnp.clip(yaw, actual.yaw - self.leash_of_yaw, actual.yaw + self.leash_of_yaw)
        yaw = jnp.clip(yaw, -self.largest_yaw, self.largest_yaw)
        return jnp.clip(inverse(position, yaw), _LOW, _HIGH)


@dataclasses.dataclass(frozen=True)
class JointControl:
    """Moves each joint: seven velocities, fingers."""

    action_size: ClassVar[int] = N_JOINTS + 1
    largest_step: ClassVar[float] = 0.06
    leash: ClassVar[float] = 0.12

    def setpoints(
        self,
        action: Float[Array, "8"],
        joints: Float[Array, "7"],
        setpoints: Float[Array, "7"],
    ) -> Float[Array, "7"]:
        """Return the setpoints, moved."""
        moved = setpoints + self.largest_step * action[:N_JOINTS]
        return jnp.clip(jnp.clip(moved, joints - self.leash, joints + self.leash), _LOW, _HIGH)


CONTROLS: dict[str, Control] = {"gripper": GripperControl(), "joints": JointControl()}


def find_control(name: str) -> Control:
    """Return the control called `name`.

    Raises:
        UserError: If there is none.
    """
    if name not in CONTROLS:
        raise UserError(f"no control of the arm is called {name!r}: {nearest(name, CONTROLS)}")
    return CONTROLS[name]


def servo_controls(
    control: Control,
    action: Float[Array, " action"],
    qpos: Float[Array, " nq"],
    act: Float[Array, "7"],
    seconds: float | Float[Array, ""],
    finger_ranges: Float[Array, "2 low_high"],
) -> Float[Array, "9"]:
    """Return the model's controls for one control step.

    Args:
        control: What actions mean.
        action: The action, clipped to [-1, 1].
        qpos: The world's joint positions, the arm's first.
        act: The servos' setpoints.
        seconds: How long the control step takes.
        finger_ranges: Of the fingers' controls, metres.
    """
    action = jnp.clip(action, -1.0, 1.0)
    wanted = control.setpoints(action, qpos[:N_JOINTS], act)
    return jnp.concatenate([(wanted - act) / seconds, finger_targets(action[-1], finger_ranges)])
