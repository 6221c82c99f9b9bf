"""What `metaskill doctor` finds on this machine."""

import json

import pytest
from command_line import call

from metaskill.cli import doctor
from metaskill.measure import machine
from metaskill.measure.machine import EngineCheck, Speed


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure_speed", lambda: Speed(1000.0, 2000.0, 0.0))


def test_engines_are_checked_beside_mujoco(quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["engines"].keys() == {"native", "mjx"}
    assert all(check["works"] and check["error"] < 1e-5 for check in found["engines"].values())
    assert {"jax", "mujoco", "mujoco-mjx", "brax", "orbax-checkpoint"} <= found["versions"].keys()
    assert found["devices"]


def test_an_engine_that_does_not_work_is_named_with_its_reason(
    quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_engine(name: str, model: object) -> object:
        raise ImportError("no module\nof that name")

    monkeypatch.setattr(machine, "make_engine", make_engine)
    assert call("doctor") == 1
    assert "DOES NOT WORK: no module of that name" in capsys.readouterr().out
    assert call("doctor", "--json") == 1
    assert json.loads(capsys.readouterr().out)["engines"]["mjx"]["error"] is None


def test_an_engine_whose_steps_are_others_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LARGEST_ERROR", -1.0)
    check = machine._check_engine("native")
    assert check == EngineCheck(False, check.error, check.reason)
    assert "differ from MuJoCo's" in check.reason


def test_the_race_is_run_by_both_from_one_start() -> None:
    speed = machine.measure_speed(seconds=0.05)
    assert speed.mj_step > 0
    assert speed.native > 0
    assert speed.error < 1e-6
