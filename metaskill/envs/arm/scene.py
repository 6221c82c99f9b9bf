"""A scene: the arm, a table, and objects on it, as one model."""

from typing import NamedTuple

import jax.numpy as jnp
import mujoco
from jaxtyping import Array, Float

from metaskill.envs.arm.contact import TABLE
from metaskill.envs.arm.control import N_ARM_POSITIONS
from metaskill.envs.arm.robot import arm_actuators, arm_body
from metaskill.envs.arm.scene_object import Frame, Reading, SceneObject
from metaskill.physics.engine import ModelLeaves
from metaskill.physics.state import PhysicsState

TIMESTEP = 0.005

_TEMPLATE = """
<mujoco model="{name}">
  <compiler angle="radian"/>
  <option timestep="{timestep}" integrator="implicitfast" cone="pyramidal" solver="Newton"
          iterations="6" ls_iterations="10">
    <flag eulerdamp="disable"/>
  </option>
  <default>
    <geom solref=".01 1" contype="0" conaffinity="0"/>
    <default class="light"><geom rgba=".87 .88 .9 1"/></default>
    <default class="dark"><geom rgba=".25 .28 .33 1"/></default>
    <default class="pad"><geom rgba=".1 .1 .1 1"/></default>
    <default class="handle"><geom rgba=".9 .6 .15 1"/></default>
    <default class="fixture"><geom rgba=".55 .62 .68 1"/></default>
    <default class="part"><geom rgba=".35 .5 .62 1"/></default>
  </default>
  <worldbody>
    <light pos=".4 0 2" dir="0 0 -1" diffuse=".7 .7 .7"/>
    <geom name="table" type="plane" size="1 1 .1" {table} rgba=".8 .76 .7 1"/>
    {arm}
    {objects}
  </worldbody>
  <actuator>
    {actuators}
  </actuator>
</mujoco>
"""


def compile_scene(name: str, objects: tuple[SceneObject, ...]) -> mujoco.MjModel:
    """Compile the model of a scene.

    The table is a plane, so nothing falls off. The arm's joints come first, then each
    object's, in order.
    """
    return mujoco.MjModel.from_xml_string(
        _TEMPLATE.format(
            name=name,
            timestep=TIMESTEP,
            table=TABLE,
            arm=arm_body(),
            objects="\n".join(thing.mjcf() for thing in objects),
            actuators=arm_actuators(),
        )
    )


class _Place(NamedTuple):
    """Which parts of a state and of the model are an object's."""

    qpos: slice
    qvel: slice
    frame: int


class SceneReader:
    """Reads the objects of a scene from states of its model."""

    def __init__(self, model: mujoco.MjModel, objects: tuple[SceneObject, ...]):
        self.objects = objects
        self._positions = jnp.asarray(model.body_pos, float)
        self._quats = jnp.asarray(model.body_quat, float)
        self._places = [_place(model, thing) for thing in objects]

    def initial(self, starts: dict[str, Array]) -> Float[Array, " objects"]:
        """Return the objects' joint positions in an initial state, one after the other.

        Args:
            starts: `<name>_start` of each object that moves.
        """
        parts = [
            thing.initial(starts.get(f"{thing.name}_start", jnp.zeros(0))) for thing in self.objects
        ]
        return jnp.concatenate(parts) if parts else jnp.zeros(0)

    def read(self, physics: PhysicsState, leaves: ModelLeaves) -> dict[str, Reading]:
        """Return how each object stands, by name.

        Args:
            physics: The world.
            leaves: Its model fields that vary: where fixtures stand may be among them.
        """
        positions = jnp.asarray(leaves.get("body_pos", self._positions), float)
        quats = jnp.asarray(leaves.get("body_quat", self._quats), float)
        return {
            thing.name: thing.read(
                physics.qpos[place.qpos],
                physics.qvel[place.qvel],
                Frame(positions[place.frame], _yaw(quats[place.frame])),
            )
            for thing, place in zip(self.objects, self._places, strict=True)
        }


def _place(model: mujoco.MjModel, thing: SceneObject) -> _Place:
    body = model.body(thing.name)
    joints = range(body.jntadr[0], body.jntadr[0] + body.jntnum[0])
    n_qpos = sum(7 if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE else 1 for j in joints)
    qpos = int(model.jnt_qposadr[joints[0]]) if joints else 0
    qvel, n_qvel = int(body.dofadr[0]), int(body.dofnum[0])
    assert qpos >= N_ARM_POSITIONS or not joints
    return _Place(
        slice(qpos, qpos + n_qpos), slice(qvel, qvel + n_qvel), int(model.body(thing.frame_name).id)
    )


def _yaw(quat: Float[Array, "4"]) -> Float[Array, ""]:
    """Return the turn about the vertical of a frame that stands upright."""
    return 2.0 * jnp.arctan2(quat[3], quat[0])
