"""The arm's MJCF: seven hinges, held by velocity-driven servos, and a hand with two fingers."""

from metaskill.envs.arm.gripper import gripper_actuators, hand
from metaskill.envs.arm.kinematics import FOREARM, SHOULDER_HEIGHT, UPPER_ARM

JOINTS = tuple(f"arm{i}" for i in range(1, 8))

FASTEST_JOINT = 3.0
"""How fast a servo's setpoint may move, rad/s."""

JOINT_RANGES = (
    (-2.9, 2.9),
    (-1.0, 2.2),
    (-2.9, 2.9),
    (-0.1, 2.8),
    (-2.9, 2.9),
    (-1.2, 3.2),
    (-2.9, 2.9),
)
"""Where setpoints may be, radians."""

_SERVOS = ((800, 60), (800, 60), (400, 20), (600, 30), (200, 8), (200, 8), (200, 8))
"""Stiffness, Nm/rad, and damping, Nm s/rad: near critical with a light load."""


def arm_body() -> str:
    """Return the arm as MJCF.

    Gravity is compensated, as real arms' controllers do. No link touches anything: the hand
    and the finger tips do. Joints have no limits of their own, because their setpoints have
    (each limit is a row of the constraint problem in every step on MJX).
    """
    half_upper, half_fore = UPPER_ARM / 2, FOREARM / 2
    return f"""
<geom name="pedestal" type="cylinder" size=".07 {SHOULDER_HEIGHT / 2 - 0.03}"
      pos="0 0 {SHOULDER_HEIGHT / 2 - 0.03}" class="dark"/>
<body name="shoulder_yaw" pos="0 0 {SHOULDER_HEIGHT}" gravcomp="1">
  <joint name="arm1" axis="0 0 1" armature=".2"/>
  <geom type="cylinder" size=".06 .05" mass="1" class="light"/>
  <body name="shoulder_pitch" gravcomp="1">
    <joint name="arm2" axis="0 1 0" armature=".2"/>
    <geom type="capsule" size=".05" fromto="0 0 0 0 0 {half_upper}" mass=".8" class="light"/>
    <body name="upper_arm" pos="0 0 {half_upper}" gravcomp="1">
      <joint name="arm3" axis="0 0 1" armature=".1"/>
      <geom type="capsule" size=".045" fromto="0 0 0 0 0 {half_upper}" mass=".6" class="dark"/>
      <body name="elbow" pos="0 0 {half_upper}" gravcomp="1">
        <joint name="arm4" axis="0 1 0" armature=".1"/>
        <geom type="capsule" size=".045" fromto="0 0 0 0 0 {half_fore}" mass=".5" class="light"/>
        <body name="forearm" pos="0 0 {half_fore}" gravcomp="1">
          <joint name="arm5" axis="0 0 1" armature=".05"/>
          <geom type="capsule" size=".035" fromto="0 0 0 0 0 {half_fore}" mass=".4" class="dark"/>
          <body name="wrist" pos="0 0 {half_fore}" gravcomp="1">
            <joint name="arm6" axis="0 1 0" armature=".05"/>
            <geom type="sphere" size=".04" mass=".2" class="light"/>
            {hand()}
          </body>
        </body>
      </body>
    </body>
  </body>
</body>
"""


def arm_actuators() -> str:
    """Return the actuators: a servo a joint, then the fingers.

    A servo's control is the velocity of its setpoint, which MuJoCo integrates (it is the
    actuator's activation). So setpoints are part of the physical state, and what the arm
    holds does not sink while the action is zero.
    """
    servos = [
        f'<intvelocity name="{joint}" joint="{joint}" kp="{kp}" kv="{kv}" '
        f'ctrlrange="{-FASTEST_JOINT} {FASTEST_JOINT}" actrange="{low} {high}"/>'
        for joint, (kp, kv), (low, high) in zip(JOINTS, _SERVOS, JOINT_RANGES, strict=True)
    ]
    return "\n".join([*servos, gripper_actuators()])
