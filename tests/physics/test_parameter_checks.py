"""Which parameters no state can feel by MuJoCo's rules; `mj_step` is the judge of each rule."""

import logging
import re

import mujoco
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.physics.change import Change
from metaskill.physics.param_spec import ParamSpec
from metaskill.physics.parameters import PhysicsParameters
from metaskill.physics.selection import field_values, rows_of
from metaskill.physics.trial import perturbed

# A cart and a block that slide on a floor, a pendulum with a motor, a ball, a fixed shelf.
XML = """
<mujoco>
  <option {option}><flag {flag}/></option>
  <asset><mesh name="tetra" vertex="0 0 0 .1 0 0 0 .1 0 0 0 .1"/></asset>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 .1" {floor}/>
    <body name="shelf" pos="0 2 1">
      <geom name="board" type="box" size=".2 .2 .01"/>
      <body name="lamp"> <geom name="shade" size=".02" contype="0" conaffinity="0"/> </body>
    </body>
    <body name="cart" pos="0 0 .09">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="z" type="slide" axis="0 0 1"/>
      <geom name="box" type="box" size=".1 .1 .1" {box}/>
      <body name="pole" pos="0 0 .2">
        <joint name="hinge" axis="0 1 0" {hinge}/>
        <geom name="rod" type="capsule" fromto="0 0 0 .1 0 .5" size=".02" contype="0"
          conaffinity="0"/>
        <site name="tip" pos=".1 0 .5"/>
      </body>
    </body>
    <body name="block" pos="1 0 .09">
      <freejoint name="free"/>
      <geom name="brick" type="box" size=".1 .1 .1" {brick}/>
    </body>
    <body name="rock" pos="-1 0 .05">
      <freejoint/>
      <geom name="stone" type="mesh" mesh="tetra"/>
    </body>
  </worldbody>
  <contact>{contact}</contact>
  <actuator> <motor name="motor" joint="hinge" {motor}/> </actuator>
</mujoco>
"""
BLANKS = dict.fromkeys(("option", "floor", "box", "brick", "hinge", "motor", "contact"), "") | {
    "flag": 'energy="disable"'
}


def compiled(**places: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(XML.format(**BLANKS | places))


def mj_step_feels(model: mujoco.MjModel, spec: ParamSpec) -> bool:
    """Tell whether 100 steps of sliding, swinging and touching differ by more than rounding."""
    rows = rows_of(model, spec.field, spec.selector)
    width = int(np.prod(field_values(model, spec.field).shape[1:]))
    columns = np.arange(width) if spec.columns is None else np.array(spec.columns)
    change = Change("p", spec.field, spec.operation, rows, columns)

    def run(changed: mujoco.MjModel) -> np.ndarray:
        data = mujoco.MjData(changed)
        mujoco.mj_setConst(changed, data)
        # The same state for both, whatever changed.
        mujoco.mj_resetData(model, data)
        data.qpos[:] = model.qpos0
        data.qvel[:] = np.linspace(-1, 1, model.nv)
        data.ctrl[:] = 0.7
        mujoco.mj_step(changed, data, 100)
        return np.array(data.qpos)

    changed = [perturbed(model, change, size) for size in (1, -1, 6, -6)]
    return any(np.abs(run(other) - run(model)).max() > 1e-9 for other in changed if other)


ALONE = "".join(f'<exclude body1="cart" body2="{other}"/>' for other in ("block", "rock", "shelf"))
PAIR = ALONE + '<pair geom1="floor" geom2="box" friction=".5 .5 .1 .1 .1"/>'
BRICK_PAIR = ALONE + '<pair geom1="floor" geom2="brick" condim="1"/>'

# A parameter; where it is refused, with the reason; and where the same parameter is felt.
RULES = [
    # A contact takes the friction of the higher priority, in as many directions as its condim.
    ("geom_friction box 0", {"floor": 'priority="1"', "contact": ALONE}, "higher priority", {}),
    ("geom_friction box 0", {"box": 'contype="0" conaffinity="0"'}, "touch nothing", {}),
    ("geom_friction box 0", {"contact": PAIR}, "vary pair_friction", {}),
    ("geom_friction box 0", {"flag": 'contact="disable"'}, "touch nothing", {}),
    ("geom_friction box 0", {"flag": 'constraint="disable"'}, "touch nothing", {}),
    ("geom_friction box 0", {"flag": 'override="enable"'}, "opt.o_friction", {}),
    (
        "geom_friction box 0",
        {"contact": ALONE + '<exclude body1="world" body2="cart"/>'},
        "touch nothing",
        {"contact": ALONE},
    ),
    ("geom_friction brick 1", {}, "condim", {"brick": 'condim="4"'}),
    ("geom_friction brick 2", {"brick": 'condim="4"'}, "condim", {"brick": 'condim="6"'}),
    ("geom_friction board", {"flag": 'contact="disable"'}, "touch nothing", None),
    ("geom_solref box", {"floor": 'priority="1"', "contact": ALONE}, "higher priority", {}),
    ("geom_solimp box", {"contact": PAIR}, "vary pair_solimp", {}),
    ("geom_margin box", {"contact": PAIR}, "vary pair_margin", {}),
    ("geom_solmix box", {}, "nothing to mix", {"box": 'solref=".05 1"'}),
    ("pair_friction pair0 2", {"contact": PAIR}, "condim", None),
    ("pair_friction pair0 0", {"contact": BRICK_PAIR}, "condim", {"contact": PAIR}),
    ("opt.impratio", {"flag": 'contact="disable"'}, "no contact has friction", {}),
    # Shapes.
    ("geom_size floor", {}, "planes are infinite", None),
    ("geom_size stone", {}, "its vertices", None),
    (
        "geom_size rod",
        {},
        "touch nothing",
        {"contact": '<pair geom1="rod" geom2="box" margin=".5"/>'},
    ),
    ("geom_size rod 2", {}, "2 of the 3 sizes", None),
    # Bodies and joints.
    ("body_pos block", {}, "where qpos says", None),
    ("body_quat block", {}, "where qpos says", None),
    ("body_pos world", {}, "always at the origin", None),
    ("body_mass shelf|lamp", {}, "cannot move", None),
    ("body_ipos shelf", {}, "cannot move", None),
    ("body_inertia cart", {}, "cannot turn", {"option": 'density="1"'}),
    ("body_inertia pole", None, "", {}),
    ("body_iquat block", {}, 'simple="false"', None),
    ("body_gravcomp block", {"option": 'gravity="0 0 0"'}, "no gravity", {}),
    ("jnt_pos x", {}, "turn about no point", None),
    ("jnt_pos hinge", None, "", {}),
    ("jnt_axis free", {}, "have no axis", None),
    ("opt.gravity - 2", {"flag": 'gravity="disable"'}, "<flag gravity=", {}),
    # Flags of objects and of the model.
    ("jnt_range hinge", {}, 'limited="true"', {"hinge": 'range="-5 5" limited="true"'}),
    ("jnt_solref hinge", {}, 'limited="true"', {"hinge": 'range="-5 5" limited="true"'}),
    (
        "jnt_range hinge",
        {"hinge": 'range="-5 5" limited="true"', "flag": 'limit="disable"'},
        "<flag limit=",
        {"hinge": 'range="-5 5" limited="true"'},
    ),
    (
        "jnt_actfrcrange hinge",
        {},
        'actuatorfrclimited="true"',
        {"hinge": 'actuatorfrcrange="-.5 .5" actuatorfrclimited="true"'},
    ),
    ("dof_solref hinge", {}, "friction loss", {"hinge": 'frictionloss=".01"'}),
    ("dof_frictionloss hinge", {"flag": 'frictionloss="disable"'}, "<flag frictionloss=", {}),
    ("jnt_stiffness hinge", {"flag": 'spring="disable"'}, "<flag spring=", {}),
    # Options that something has to switch on.
    ("opt.wind", {}, "without density or viscosity", {"option": 'density="1"'}),
    ("opt.o_solref", {}, "override", {"flag": 'override="enable"'}),
    ("opt.noslip_tolerance", {}, "noslip_iterations", None),
    ("opt.sleep_tolerance", {}, "sleep", None),
    ("opt.magnetic", {}, "magnetometer", None),
    # Actuators.
    ("actuator_gainprm motor 1", {}, "do not read these columns", None),
    ("actuator_gainprm motor 0", None, "", {}),
    ("actuator_biasprm motor 1", {}, "do not read these columns", None),
    ("actuator_dynprm motor 0", {}, "do not read these columns", None),
    ("actuator_gear motor 1", {}, "do not read these columns", None),
    (
        "actuator_gear motor 0",
        {"flag": 'energy="enable"', "option": 'actuatorgroupdisable="2"', "motor": 'group="2"'},
        "",
        None,
    ),
    (
        "actuator_gainprm motor 0",
        {"option": 'actuatorgroupdisable="2"', "motor": 'group="2"'},
        "group of the selected actuators",
        {},
    ),
    ("actuator_gainprm motor 0", {"flag": 'actuation="disable"'}, "<flag actuation=", {}),
    (
        "actuator_ctrlrange motor",
        {},
        'ctrllimited="true"',
        {"motor": 'ctrlrange="-.5 .5" ctrllimited="true"'},
    ),
    (
        "actuator_ctrlrange motor",
        {"motor": 'ctrlrange="-.5 .5" ctrllimited="true"', "flag": 'clampctrl="disable"'},
        "<flag clampctrl=",
        None,
    ),
    (
        "actuator_forcerange motor",
        {},
        'forcelimited="true"',
        {"motor": 'forcerange="-.5 .5" forcelimited="true"'},
    ),
    ("actuator_lengthrange motor", {}, "only muscles", None),
    # What MuJoCo derives, and what only pictures show.
    ("body_subtreemass cart", {}, "MuJoCo derives", None),
    ("dof_invweight0 hinge", {}, "MuJoCo derives", None),
    ("geom_rbound box", {}, "MuJoCo derives", None),
    ("geom_rgba box", {}, "for pictures", None),
    ("site_size tip", {}, "size of a site", None),
]


def spec_of(text: str) -> ParamSpec:
    field, selector, column = (*text.split(), "-", "")[:3]
    columns = (int(column),) if column.isdigit() else None
    return ParamSpec("p", field, "add", selector, columns=columns)


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("text", "places", "message"),
    [
        (text, places, message)
        for text, places, message, _ in RULES
        if places is not None and message
    ],
)
def test_what_no_state_can_feel_is_refused_with_the_reason(
    text: str, places: dict[str, str], message: str
) -> None:
    model = compiled(**places)
    with pytest.raises(UserError, match=re.escape(message)):
        PhysicsParameters(model, (spec_of(text),))
    assert not mj_step_feels(model, spec_of(text))


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("text", "places"), [(text, felt) for text, _, _, felt in RULES if felt is not None]
)
def test_the_same_parameter_is_accepted_where_it_is_felt(text: str, places: dict[str, str]) -> None:
    model = compiled(**places)
    PhysicsParameters(model, (spec_of(text),))
    assert mj_step_feels(model, spec_of(text))


def test_one_felt_object_is_enough_and_reasons_add_up() -> None:
    PhysicsParameters(compiled(), (ParamSpec("p", "body_mass", "scale", "shelf|cart"),))
    spec = ParamSpec("p", "body_pos", "add", "world|block")
    with pytest.raises(UserError, match=r"where qpos says.*, and .*at the origin"):
        PhysicsParameters(compiled(), (spec,))


def test_what_another_parameter_switches_on_is_felt() -> None:
    wind, density = ParamSpec("w", "opt.wind", "set"), ParamSpec("d", "opt.density", "set")
    PhysicsParameters(compiled(), (wind, density))
    loss, solref = (ParamSpec(f, f"dof_{f}", "add", "hinge") for f in ("frictionloss", "solref"))
    PhysicsParameters(compiled(), (loss, solref))


def test_a_parameter_that_a_later_one_overwrites_is_refused() -> None:
    scaled = ParamSpec("scaled", "dof_damping", "add", "hinge")
    fixed = ParamSpec("fixed", "dof_damping", "set", "x|hinge")
    with pytest.raises(UserError, match="scaled would do nothing: fixed acts after it"):
        PhysicsParameters(compiled(), (scaled, fixed))
    PhysicsParameters(compiled(), (fixed, scaled))


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("spec", "places", "message"),
    [
        (ParamSpec("a", "geom_friction", "scale", "floor", (0,)), {}, "acts only above 1:"),
        (ParamSpec("b", "geom_friction", "add", "floor", (0,)), {}, "acts only above 0:"),
        (ParamSpec("c", "geom_friction", "set", "floor", (0,)), {}, "acts only above 1:"),
        (
            ParamSpec("d", "geom_friction", "scale", "box", (0,)),
            {"box": 'friction=".4"'},
            "acts only above 2.5:",
        ),
        (
            ParamSpec("e", "actuator_ctrlrange", "scale"),
            {"motor": 'ctrlrange="-1 1" ctrllimited="true"'},
            "acts only below 1:",
        ),
        (
            ParamSpec("f", "actuator_forcerange", "scale"),
            {"motor": 'ctrlrange="-1 1" ctrllimited="true" forcerange="-4 4" forcelimited="true"'},
            "acts only below 0.25:",
        ),
        # Felt on both sides of nominal.
        (ParamSpec("g", "geom_friction", "scale", columns=(0,)), {}, None),
        (ParamSpec("h", "geom_friction", "scale", "floor", (0,)), {"floor": 'priority="1"'}, None),
        (ParamSpec("i", "geom_friction", "scale", "floor", (0,)), {"floor": 'friction="2"'}, None),
    ],
)
def test_it_is_said_from_which_value_on_a_parameter_acts(
    spec: ParamSpec, places: dict[str, str], message: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    model = compiled(**places)
    with caplog.at_level(logging.WARNING, "metaskill"):
        PhysicsParameters(model, (spec,))
        PhysicsParameters(model, (spec,))
    assert [message in record.getMessage() for record in caplog.records] == [True] * bool(message)


@pytest.mark.fault(3)
def test_it_is_said_of_each_model_though_the_lines_read_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    spec = ParamSpec("j", "geom_friction", "scale", "floor", (0,))
    with caplog.at_level(logging.WARNING, "metaskill"):
        PhysicsParameters(compiled(), (spec,))
        PhysicsParameters(compiled(box='rgba="1 0 0 1"'), (spec,))
    assert ["acts only above 1:" in record.getMessage() for record in caplog.records] == [True] * 2
