"""What a short trial at build time feels, and how it reports what it does not."""

import logging
import time

import mujoco
import pytest

from metaskill.envs.registry import make
from metaskill.physics.parameters import ParamSpec, PhysicsParameters
from metaskill.tasks.randomizations import locomotion

# Two pendulums, of which one is out of the other's reach, and a slide that only moves along x.
XML = """
<mujoco>
  <worldbody>
    <geom name="{far}" pos="0 9 0" size=".1"/>
    <body><joint name="hinge" axis="0 1 0" damping=".1"/>
      <geom type="capsule" fromto="0 0 0 .5 0 0" size=".05"/></body>
    <body><joint type="slide" axis="1 0 0"/><geom size=".1" pos="0 3 0"/></body>
  </worldbody>
</mujoco>"""


def reports(
    caplog: pytest.LogCaptureFixture, model: mujoco.MjModel, *specs: ParamSpec
) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "metaskill"):
        PhysicsParameters(model, specs)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.fault(3)
def test_what_no_rule_tells_is_reported_once_and_accepted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = mujoco.MjModel.from_xml_string(XML.format(far="far"))
    sideways = ParamSpec("sideways", "opt.gravity", "add", columns=(1,))
    damping = ParamSpec("damping", "dof_damping", "scale", "hinge")
    (report,) = reports(caplog, model, sideways, damping)
    assert report.startswith("sideways: a trial of 100 steps from 16 states felt nothing")
    assert "opt.gravity" in report
    assert not reports(caplog, model, sideways, damping)
    # Another model is tried anew; a geom that nothing reaches has a pose that nothing feels ...
    other = mujoco.MjModel.from_xml_string(XML.format(far="farther"))
    (report,) = reports(caplog, other, ParamSpec("place", "geom_pos", "add", "farther"))
    assert report.startswith("place:")


def test_what_the_environment_reads_counts_as_felt(caplog: pytest.LogCaptureFixture) -> None:
    model = mujoco.MjModel.from_xml_string(XML.format(far="seen"))
    with caplog.at_level(logging.WARNING, "metaskill"):
        PhysicsParameters(
            model, (ParamSpec("place", "geom_pos", "add", "seen"),), derived_fields=("geom_xpos",)
        )
    assert not caplog.records


def test_a_parameter_that_another_makes_matter_is_felt(caplog: pytest.LogCaptureFixture) -> None:
    model = mujoco.MjModel.from_xml_string(XML.format(far="wind"))
    density = ParamSpec("density", "opt.density", "add")
    assert not reports(caplog, model, density, ParamSpec("wind", "opt.wind", "add", columns=(0,)))


def test_states_that_explode_are_not_warned_about(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><option timestep=".2"/><worldbody><body><joint name="j" axis="0 1 0"/>'
        '<geom type="capsule" fromto="0 0 0 1 0 0" size=".1"/></body></worldbody>'
        '<actuator><motor joint="j" gear="1e9"/></actuator></mujoco>'
    )
    assert not reports(caplog, model, ParamSpec("mass", "body_mass", "scale"))
    assert "WARNING" not in capfd.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["ant", "half_cheetah", "hopper", "humanoid", "walker2d"])
def test_the_ready_made_randomization_of_robots_is_felt_and_quickly_tried(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = make(name, engine="native").model
    start = time.perf_counter()
    assert not reports(caplog, model, *(spec for spec, _ in locomotion().physics))
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("name", ["arm_button", "arm_drawer", "arm_spring_wall"])
def test_what_the_arms_draw_is_felt(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "metaskill"):
        make(name, engine="native")
    assert not caplog.records
