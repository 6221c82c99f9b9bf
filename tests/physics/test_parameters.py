"""Physics parameters: what they change, what follows, and what is refused."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from metaskill.envs.mjcf import load_brax_model
from metaskill.errors import UserError
from metaskill.physics.factory import make_engine
from metaskill.physics.parameters import ParamSpec, PhysicsParameters

XML = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 .1" priority="2"/>
    <body name="cart" pos="0 0 .5">
      <joint name="slide" type="slide" axis="1 0 0"/>
      <geom name="box" type="box" size=".1 .1 .1"/>
      <body name="pole">
        <joint name="hinge" type="hinge" axis="0 1 0" range="-1 1" limited="true" damping=".5"/>
        <geom name="rod" type="capsule" fromto="0 0 0 0 0 .5" size=".02" contype="0"
          conaffinity="0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position name="servo" joint="hinge" kp="20"/>
    <motor name="motor" joint="slide" gear="3"/>
  </actuator>
</mujoco>
"""


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(XML)


def test_mass_takes_inertia_with_it_and_leaves_other_bodies_alone(model: mujoco.MjModel) -> None:
    parameters = PhysicsParameters(model, (ParamSpec("mass", "body_mass", "scale", "pole"),))
    leaves = parameters.apply({"mass": jnp.float32(2.0)})
    pole, cart = model.body("pole").id, model.body("cart").id
    for field in ("body_mass", "body_inertia"):
        np.testing.assert_allclose(leaves[field][pole], 2 * getattr(model, field)[pole], rtol=1e-6)
        np.testing.assert_allclose(leaves[field][cart], getattr(model, field)[cart], rtol=1e-6)


def test_position_gain_takes_its_feedback_with_it_and_motors_have_none(
    model: mujoco.MjModel,
) -> None:
    spec = ParamSpec("gain", "actuator_gainprm", "scale", columns=(0,))
    leaves = PhysicsParameters(model, (spec,)).apply({"gain": jnp.float32(1.5)})
    np.testing.assert_allclose(leaves["actuator_gainprm"][:, 0], [30.0, 1.5])
    np.testing.assert_allclose(leaves["actuator_biasprm"][:, 1], [-30.0, 0.0])


def test_operations_selectors_columns_and_values_per_object(model: mujoco.MjModel) -> None:
    parameters = PhysicsParameters(
        model,
        (
            ParamSpec("damping", "dof_damping", "add", per_object=True),
            ParamSpec("gravity", "opt.gravity", "set", columns=(2,)),
            ParamSpec("friction", "geom_friction", "scale", "floor", columns=(0,)),
        ),
    )
    leaves = parameters.apply(
        {
            "damping": jnp.array([0.1, 0.2]),
            "gravity": jnp.float32(-3.0),
            "friction": jnp.float32(0.5),
        }
    )
    np.testing.assert_allclose(leaves["dof_damping"], [0.1, 0.7], rtol=1e-6)
    np.testing.assert_allclose(leaves["opt.gravity"].ravel(), [0, 0, -3.0])
    floor = model.geom("floor").id
    np.testing.assert_allclose(leaves["geom_friction"][floor], [0.5, 0.005, 0.0001], rtol=1e-6)
    others = np.delete(np.arange(model.ngeom), floor)
    np.testing.assert_array_equal(
        leaves["geom_friction"][others], np.float32(model.geom_friction[others])
    )


def test_orientations_are_turned_about_the_vertical() -> None:
    xml = """
    <mujoco>
      <compiler eulerseq="XYZ"/>
      <worldbody>
        <body name="ramp" euler="0 20 {turn}"/>
        <body name="post" euler="0 0 {turn}"> <joint/> <geom size=".1"/> </body>
      </worldbody>
    </mujoco>"""
    level, turned = (mujoco.MjModel.from_xml_string(xml.format(turn=turn)) for turn in (0, 50))
    spec = ParamSpec("heading", "body_quat", "turn", "ramp|post")
    parameters = PhysicsParameters(level, (spec,))
    assert parameters.nominal_values() == {"heading": 0.0}
    leaves = parameters.apply({"heading": jnp.deg2rad(50.0)})
    np.testing.assert_allclose(leaves["body_quat"], turned.body_quat, atol=1e-6)
    each = dataclasses.replace(spec, per_object=True)
    leaves = PhysicsParameters(level, (each,)).apply({"heading": jnp.deg2rad(jnp.array([0, 50]))})
    np.testing.assert_allclose(leaves["body_quat"][1], level.body_quat[1], atol=1e-6)
    np.testing.assert_allclose(leaves["body_quat"][2], turned.body_quat[2], atol=1e-6)


def test_nominal_values_change_nothing_and_applying_twice_is_applying_once(
    model: mujoco.MjModel,
) -> None:
    parameters = PhysicsParameters(
        model,
        (
            ParamSpec("mass", "body_mass", "scale"),
            ParamSpec("payload", "body_mass", "add", "pole"),
            ParamSpec("gravity", "opt.gravity", "set", columns=(2,)),
        ),
    )
    nominal = parameters.nominal_values()
    assert float(nominal["gravity"]) == pytest.approx(-9.81)
    leaves = parameters.apply(nominal)
    np.testing.assert_allclose(leaves["body_mass"], model.body_mass, rtol=1e-6)
    values = {**nominal, "mass": jnp.float32(2.0), "payload": jnp.float32(1.0)}
    once, twice = parameters.apply(values), parameters.apply(values)
    np.testing.assert_array_equal(once["body_mass"], twice["body_mass"])
    pole = model.body("pole").id
    np.testing.assert_allclose(once["body_mass"][pole], 2 * model.body_mass[pole] + 1, rtol=1e-6)


def test_one_trace_serves_a_thousand_values(model: mujoco.MjModel) -> None:
    parameters = PhysicsParameters(model, (ParamSpec("mass", "body_mass", "scale"),))
    apply = jax.jit(jax.vmap(parameters.apply))
    scales = jnp.linspace(0.5, 2.0, 1000)
    mass = apply({"mass": scales})["body_mass"]
    np.testing.assert_allclose(mass, scales[:, None] * np.float32(model.body_mass), rtol=1e-5)
    apply({"mass": scales + 1.0})
    assert apply._cache_size() == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ParamSpec("p", "body_mas", "scale"), "did you mean 'body_mass'"),
        (ParamSpec("p", "body_mass", "mul"), "cannot 'mul'"),
        (ParamSpec("p", "body_mass", "scale", "pol"), "did you mean 'pole'"),
        (ParamSpec("p", "body_mass", "scale", "(pole"), "no regular expression"),
        (ParamSpec("p", "geom_contype", "set"), "not a quantity"),
        (ParamSpec("p", "geom_friction", "scale", "floor", columns=(7,)), "has 3 columns"),
        (ParamSpec("p", "body_pos", "turn", "pole"), "choose an orientation"),
        (ParamSpec("p", "body_quat", "turn", "pole", columns=(0,)), "all of its columns"),
        # What would silently do nothing:
        (ParamSpec("p", "body_gravcomp", "scale"), "use add or set"),
        (ParamSpec("p", "opt.gravity", "scale", columns=(0,)), "use add or set"),
        (ParamSpec("p", "opt.wind", "set"), "without density or viscosity"),
        (ParamSpec("p", "jnt_range", "add", "slide"), 'limited="true"'),
        (ParamSpec("p", "dof_damping", "scale", "slide"), "use add or set"),
        (ParamSpec("p", "geom_friction", "scale", "rod"), "touch nothing"),
        (ParamSpec("p", "geom_friction", "scale", "box"), "higher priority"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(
    model: mujoco.MjModel, spec: ParamSpec, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        PhysicsParameters(model, (spec,))


def test_two_parameters_of_one_name_are_refused(model: mujoco.MjModel) -> None:
    spec = ParamSpec("mass", "body_mass", "scale")
    with pytest.raises(UserError, match="two parameters"):
        PhysicsParameters(model, (spec, spec))


def test_the_robots_floor_and_feet_have_friction_that_matters() -> None:
    for name in ("ant", "half_cheetah", "hopper", "humanoid", "walker2d"):
        PhysicsParameters(load_brax_model(name), (ParamSpec("f", "geom_friction", "scale"),))


@pytest.mark.fault(3)
def test_columns_of_a_field_that_has_one_do_not_pick_objects(model: mujoco.MjModel) -> None:
    spec = ParamSpec("mass", "body_mass", "scale", "cart|pole", columns=(0,))
    leaves = PhysicsParameters(model, (spec,)).apply({"mass": jnp.float32(2.0)})
    np.testing.assert_allclose(leaves["body_mass"][1:], 2 * model.body_mass[1:], rtol=1e-6)


@pytest.mark.fault(3)
@pytest.mark.parametrize("engine_name", ["native", "mjx"])
def test_what_is_0_in_the_compiled_model_and_varies_is_felt_by_every_engine(
    engine_name: str,
) -> None:
    swing = mujoco.MjModel.from_xml_string(
        """<mujoco><worldbody><body name="bob"><joint name="j" axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 .5 0 0" size=".05"/></body></worldbody></mujoco>"""
    )
    fields = ("dof_frictionloss", "opt.density", "opt.viscosity", "body_gravcomp")
    parameters = PhysicsParameters(
        swing, tuple(ParamSpec(field, field, "add", "j|bob") for field in fields)
    )
    engine = make_engine(engine_name, parameters.engine_model())
    nominal = parameters.nominal_values()
    values = [nominal] + [nominal | {field: jnp.float32(0.5)} for field in fields]

    def velocity(value: dict[str, jax.Array]) -> jax.Array:
        leaves = parameters.apply(value)
        state = engine.reset(leaves, jnp.zeros(1), jnp.ones(1))
        return engine.step(leaves, state, jnp.zeros(0), 50).qvel[0]

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *values)
    velocities = np.asarray(jax.jit(jax.vmap(velocity))(stacked))
    data = mujoco.MjData(swing)
    data.qvel[:] = 1
    mujoco.mj_step(swing, data, 50)
    np.testing.assert_allclose(velocities[0], data.qvel[0], rtol=1e-4)
    assert len(set(velocities)) == len(velocities)


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    "spec",
    [
        ParamSpec("p", "qpos0", "add"),
        ParamSpec("p", "qpos_spring", "add"),
        ParamSpec("p", "geom_contype", "add"),
        ParamSpec("p", "geom_frictio", "scale", "rod"),
        ParamSpec("p", "geom_friction", "scale", "ro"),
        ParamSpec("p", "jnt_range", "add", "slid"),
        ParamSpec("p", "actuator_gea", "scale", "motor"),
        ParamSpec("p", "body_pos", "turn", "pole"),
        ParamSpec("p", "tendon_damping", "add"),
    ],
)
def test_refusals_propose_only_what_is_accepted(model: mujoco.MjModel, spec: ParamSpec) -> None:
    with pytest.raises(UserError) as refusal:
        PhysicsParameters(model, (spec,))
    _, _, hint = str(refusal.value).rpartition(": ")
    hint = hint.rpartition("; ")[2]
    proposed = re.findall(r"'([^']+)'", hint) or re.findall(
        r"[\w.]+\w", hint.removeprefix("choose one of ")
    )
    if "none that would do" in hint:
        return
    is_field = "selects" not in str(refusal.value)
    for name in proposed:
        changed = {"field": name} if is_field else {"selector": name}
        PhysicsParameters(model, (dataclasses.replace(spec, **changed),))


@pytest.mark.fault(30)
def test_contacts_are_found_as_far_away_as_a_varied_margin_reaches() -> None:
    row = "".join(f'<geom size=".1" pos="{x} 0 0"/>' for x in (-0.5, 0, 0.5))
    model = mujoco.MjModel.from_xml_string(
        f"""<mujoco><option gravity="0 0 0"/><worldbody><body>{row}</body>
        <body pos="0 0 .3"><freejoint/>{row}</body></worldbody></mujoco>"""
    )
    parameters = PhysicsParameters(model, (ParamSpec("margin", "geom_margin", "add"),))
    engine = make_engine("native", parameters.engine_model())
    leaves = parameters.apply({"margin": jnp.float32(0.2)})
    start = engine.reset(leaves, jnp.asarray(model.qpos0, jnp.float32), jnp.zeros(model.nv))
    height = engine.step(leaves, start, jnp.zeros(0), 50).qpos[2]
    model.geom_margin[:] = 0.2
    data = mujoco.MjData(model)
    mujoco.mj_setConst(model, data)
    mujoco.mj_step(model, data, 50)
    assert data.qpos[2] > 0.4
    assert float(height) == pytest.approx(data.qpos[2], rel=1e-4)
