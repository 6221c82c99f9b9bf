"""MJX simulates what it takes as MuJoCo does, and refuses the rest in one sentence."""

import dataclasses

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.physics.factory import make_engine

BALL = '<body pos="2 0 .099"><freejoint/><geom name="ball" size=".1"/></body>'
FLOOR = '<geom name="floor" type="plane" size="5 5 .1" {}/>'
TENDON = """<tendon><fixed name="t" {}><joint joint="j" coef="1"/><joint joint="k" coef="-1"/>
</fixed></tendon>"""


@dataclasses.dataclass(frozen=True)
class Arm:
    """A double pendulum, with what a case adds to it."""

    option: str = ""
    flag: str = ""
    joint: str = ""
    geom: str = ""
    world: str = ""
    elements: str = ""
    actuator: str = '<motor joint="j"/>'
    sensor: str = ""

    def model(self) -> mujoco.MjModel:
        return mujoco.MjModel.from_xml_string(f"""
        <mujoco>
          <option {self.option}><flag {self.flag}/></option>
          <worldbody>{self.world}
            <body name="a" pos="0 0 1"><joint name="j" axis="0 1 0" {self.joint}/>
              <geom type="capsule" fromto="0 0 0 .3 0 0" size=".05" {self.geom}/><site name="s"/>
              <body name="b" pos=".3 0 0"><joint name="k" axis="0 1 0"/>
                <geom type="capsule" fromto="0 0 0 .3 0 0" size=".05" contype="0" conaffinity="0"/>
                <site name="e" pos=".2 0 .1"/>
              </body>
            </body>
          </worldbody>
          {self.elements}
          <actuator>{self.actuator}</actuator><sensor>{self.sensor}</sensor>
        </mujoco>""")


# Of those above the line MJX says nothing; those below it refuses itself.
REFUSED = {
    "delays": Arm(actuator='<motor joint="j" delay=".01" nsample="6"/>'),
    "delays of actuators and sensors": Arm(sensor='<jointpos joint="j" delay=".01" nsample="6"/>'),
    "springs that yield": Arm(joint='stiffness="20" springyield=".1"'),
    "yield": Arm(elements=TENDON.format('stiffness="20" springyield=".05"')),
    "actearly": Arm(actuator='<general joint="j" dyntype="filter" dynprm=".1" actearly="true"/>'),
    "disabled groups": Arm('actuatorgroupdisable="2"', actuator='<motor joint="j" group="2"/>'),
    "armature of actuators": Arm(actuator='<motor joint="j" armature=".5"/>'),
    "damping and armature": Arm(actuator='<motor joint="j" damping="1"/>'),
    "polynomial damping": Arm(joint='damping="0 .1"'),
    "damping with more": Arm(elements=TENDON.format('damping="0 .1"')),
    "polynomial stiffness": Arm(joint='stiffness="0 10"'),
    "stiffness with more": Arm(elements=TENDON.format('stiffness="0 10"')),
    "flags spring": Arm(flag='spring="disable"', joint='damping="1" stiffness="10"'),
    "damper": Arm(flag='damper="disable"', joint='damping="1" stiffness="10"'),
    "ellipsoids": Arm('density="1000"', geom='fluidshape="ellipsoid"'),
    "noslip": Arm('noslip_iterations="10"', world=FLOOR.format("") + BALL),
    "surfacevel": Arm(world=FLOOR.format('surfacevel="1 0 0 0 0 0"') + BALL),
    "adhesive": Arm(world=FLOOR.format('adhesion="20"') + BALL),
    "adhesion": Arm(
        world=FLOOR.format("") + BALL,
        elements='<contact><pair geom1="floor" geom2="ball" adhesion="20"/></contact>',
    ),
    "discrete": Arm('integrator="discrete"'),
    # -----------------------------------------------------------------------
    "mjINT_IMPLICIT": Arm('integrator="implicit"'),
    "mjSOL_PGS": Arm('solver="PGS"'),
    "mjENBL_OVERRIDE": Arm(flag='override="enable"'),
    "mjENBL_DIAGEXACT": Arm(flag='diagexact="enable"'),
    "condim=1 with": Arm(
        'cone="elliptic"',
        world=FLOOR.format('condim="1"') + BALL.replace("size", 'condim="1" size'),
    ),
    "mjTRN_SLIDERCRANK": Arm(actuator='<motor cranksite="e" slidersite="s" cranklength=".5"/>'),
    "mjTRN_BODY": Arm(actuator='<adhesion body="a" ctrlrange="0 1"/>'),
    "mjGAIN_PID": Arm(actuator='<pid joint="j" kp="3"/>'),
    "mjSENS_USER": Arm(sensor='<user dim="1"/>'),
    "mjGEOM_CYLINDER with mjGEOM_BOX": Arm(
        world='<geom type="box" size="1 1 .1" pos="2 0 -.1"/><body pos="2 0 .15"><freejoint/>'
        '<geom type="cylinder" size=".1 .1"/></body>'
    ),
}


@pytest.mark.fault(2)
@pytest.mark.parametrize("words", REFUSED)
def test_what_mjx_cannot_do_is_refused_when_the_engine_is_built(words: str) -> None:
    model = REFUSED[words].model()
    with pytest.raises(UserError, match=f"MJX does not simulate.*{words}.*--engine=native") as said:
        make_engine("mjx", model)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("words", REFUSED)
def test_the_native_engine_does_it_as_mujoco(words: str) -> None:
    model = REFUSED[words].model()
    engine = make_engine("native", model)
    qvel = np.linspace(-1, 1, model.nv, dtype=np.float32)
    state = engine.reset({}, jnp.asarray(model.qpos0), jnp.asarray(qvel))
    step = jax.jit(lambda state, ctrl: engine.step({}, state, ctrl, 5))
    data = mujoco.MjData(model)
    data.qvel[:] = qvel
    for t in range(4):
        data.ctrl[:] = np.float32(np.cos(t))
        state = step(state, jnp.asarray(data.ctrl))
        mujoco.mj_step(model, data, 5)
    np.testing.assert_allclose(state.qvel, data.qvel, rtol=1e-3, atol=1e-3)


def test_mjx_refuses_a_model_without_joints() -> None:
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><geom size='1'/></worldbody></mujoco>"
    )
    with pytest.raises(UserError, match="without joints"):
        make_engine("mjx", model)


def test_flags_and_attributes_without_effect_on_states_are_taken() -> None:
    for arm in (
        Arm(flag='energy="enable"'),
        Arm(flag='fwdinv="enable"'),
        Arm('actuatorgroupdisable="3"'),
        Arm(flag='spring="disable"'),
        Arm(geom='fluidshape="ellipsoid"'),
    ):
        make_engine("mjx", arm.model())


@pytest.mark.parametrize("engine", ["native", "mjx"])
@pytest.mark.parametrize(
    ("leaves", "message"),
    [
        ({"body_mas": np.ones(3)}, "did you mean 'body_mass'"),
        ({"body_mass": np.ones(4)}, r"body_mass has the shape \(4,\): give the model's, \(3,\)"),
        ({"geom_contype": np.ones(2, int)}, "'geom_contype' cannot vary per world"),
    ],
)
def test_fields_that_are_not_the_models_are_refused(
    engine: str, leaves: dict[str, np.ndarray], message: str
) -> None:
    built = make_engine(engine, Arm().model())
    with pytest.raises(UserError, match=message):
        built.reset(leaves, jnp.zeros(2), jnp.zeros(2))


@pytest.mark.parametrize("field", ["dof_dampingpoly", "geom_surfacevel", "actuator_delay"])
def test_fields_that_mjx_would_ignore_are_refused(field: str) -> None:
    model = Arm().model()
    with pytest.raises(UserError, match=f"'{field}' cannot vary per world with the mjx engine"):
        make_engine("mjx", model).reset(
            {field: np.float32(getattr(model, field))}, jnp.zeros(2), jnp.zeros(2)
        )


@pytest.mark.parametrize("engine", ["native", "mjx"])
def test_vectors_of_another_length_are_refused(engine: str) -> None:
    built = make_engine(engine, Arm().model())
    with pytest.raises(UserError, match=r"qpos has the shape \(3,\)"):
        built.reset({}, jnp.zeros(3), jnp.zeros(2))
    state = built.reset({}, jnp.zeros(2), jnp.zeros(2))
    with pytest.raises(UserError, match=r"ctrl has the shape \(2,\): give the model's, \(1,\)"):
        built.step({}, state, jnp.zeros(2), 1)
    with pytest.raises(UserError, match=r"qvel has the shape \(5,\)"):
        built.step({}, dataclasses.replace(state, qvel=jnp.zeros(5)), jnp.zeros(1), 1)
