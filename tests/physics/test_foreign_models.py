"""The native engine is `mj_step` on whatever a model of one's own is made of."""

import mujoco
import pytest

from benchmarks.models import TOLERANCE, largest_error, load_published
from metaskill.errors import UserError

FLOOR = '<geom type="plane" size="5 5 .1"/>'
ARM = """
    <body><joint name="a" axis="0 1 0" damping=".1"/><geom type="capsule" size=".03"
      fromto="0 0 0 .3 0 0"/><site name="upper" pos=".2 0 .05"/>
      <body pos=".3 0 0"><joint name="b" axis="0 1 0" damping=".1"/><geom type="capsule" size=".03"
        fromto="0 0 0 .3 0 0"/><geom name="ball" size=".04"/>
      <site name="lower" pos=".1 0 .05"/></body></body>
"""
TENDON = """
    <tendon><spatial name="t"><site site="upper"/><site site="lower"/></spatial></tendon>
"""
TWO_FREE = """
    <body name="one" pos="0 0 .3"><freejoint/><geom type="box" size=".1 .1 .05"/></body>
    <body name="two" pos=".3 0 .3"><freejoint/><geom type="ellipsoid" size=".1 .08 .05"/></body>
"""


def world(bodies: str, more: str = "", option: str = "") -> str:
    return f"<mujoco><option {option}/><worldbody>{FLOOR}{bodies}</worldbody>{more}</mujoco>"


def actuated(actuator: str, more: str = "", option: str = "") -> str:
    return world(ARM, f"{more}<actuator>{actuator}</actuator>", option)


def free(section: str, content: str) -> str:
    return world(TWO_FREE, f"<{section}>{content}</{section}>")


MODELS = {
    "muscle": actuated('<muscle tendon="t" lengthrange=".1 .5" ctrlrange="0 1"/>', TENDON),
    "muscle without a range": actuated('<muscle tendon="t" lengthrange=".1 .5"/>', TENDON),
    "position": actuated('<position joint="b" kp="5" dampratio="1" timeconst=".05"/>'),
    "velocity": actuated('<velocity joint="b" kv="1" forcerange="-.1 .1"/>'),
    "clamped activation": actuated('<intvelocity joint="b" kp="5" actrange="-.02 .02"/>'),
    "exact filter": actuated(
        '<general joint="b" dyntype="filterexact" dynprm=".1" actearly="true"/>'
    ),
    "cylinder": actuated('<cylinder joint="b" timeconst=".1" area=".5"/>'),
    "damper": actuated('<damper joint="b" kv="3" ctrlrange="0 1"/>'),
    "site": actuated('<motor site="lower" gear="0 0 1 0 0 0"/>'),
    "adhesion": free("actuator", '<adhesion body="one" gain="9" ctrlrange="0 1"/>'),
    "wrapped tendon": world(
        ARM,
        '<tendon><spatial range="0 .2" stiffness="9"><site site="upper"/><geom geom="ball"/>'
        '<site site="lower"/></spatial></tendon>',
    ),
    "joint equality": world(ARM, '<equality><joint joint1="a" joint2="b"/></equality>'),
    "connect": free("equality", '<connect body1="one" body2="two" anchor="0 0 0"/>'),
    "weld": free("equality", '<weld body1="one" body2="two"/>'),
    "inactive weld": free("equality", '<weld body1="one" body2="two" active="false"/>'),
    "ball joint": world(
        '<body pos="0 0 1"><joint type="ball" stiffness="1"/><geom size=".1" pos=".2 0 0"/></body>'
    ),
    "cloth": world(
        '<body name="cloth" pos="0 0 .05"><flexcomp name="c" type="grid" count="3 3 1" '
        'radius=".02" spacing=".1 .1 .1" dim="2" mass="1"><edge equality="true"/></flexcomp></body>'
    ),
    "Runge-Kutta": actuated('<motor joint="b"/>', option='integrator="RK4"'),
    "implicit": actuated('<motor joint="b"/>', option='integrator="implicitfast"'),
    "PGS": world(TWO_FREE, option='solver="PGS" cone="elliptic"'),
    "no actuators": world(TWO_FREE),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_native_engine_steps_as_mujoco(name: str) -> None:
    model = mujoco.MjModel.from_xml_string(MODELS[name])
    assert largest_error(model, n_steps=20) <= TOLERANCE


def test_a_model_whose_package_is_missing_is_refused() -> None:
    with pytest.raises(UserError, match="no_such_package is not installed"):
        load_published("no_such_package", "robot")
