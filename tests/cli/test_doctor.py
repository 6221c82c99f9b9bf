"""`metaskill doctor`: what a bug report needs, and an exit code."""

import copy
import json
import pathlib
import pwd
import tomllib

import pytest
from command_line import call

from metaskill.errors import UserError
from metaskill.measure import engines, installation

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure speeds in an instant, on few worlds."""
    monkeypatch.setattr(engines, "_SECONDS", 0.02)
    monkeypatch.setattr(engines, "_WORLDS", 16)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, briefly: None) -> None:
    """Try only the native engine, which compiles at once."""
    monkeypatch.setattr(engines, "ENGINE_NAMES", ("auto", "native"))


@pytest.mark.usefixtures("briefly")
def test_every_engine_is_tried_against_mj_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("doctor", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["problems"] == []
    assert set(record["engines"]) == {"native", "mjx"}
    for check in record["engines"].values():
        assert check["works"]
        assert 0.0 < check["difference"] < 1e-6
    assert record["native_on_ant"]["difference"] < 1e-5
    assert record["native_on_ant"]["steps_per_second"] > 0.0
    assert record["devices"] == {"platform": "cpu", "devices": ["cpu", "cpu"]}
    assert set(record["versions"]) >= {"python", "metaskill", "jax", "jaxlib", "mujoco", "brax"}
    assert record["opengl"]["videos"] in ("renderings", "sketches")
    assert record["processors"]["usable"] >= 1


@pytest.mark.usefixtures("small")
def test_people_read_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("doctor") == 0
    text = capsys.readouterr().out
    assert "  native  works (largest difference" in text
    assert "physics steps/s" in text
    assert text.endswith("all is well\n")


@pytest.mark.usefixtures("small")
def test_an_engine_that_goes_elsewhere_than_mj_step_does_not_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def heavy(name, model):
        other = copy.copy(model)
        other.body_mass[:] *= 1.5
        return make_engine(name, other)

    make_engine = engines.make_engine
    monkeypatch.setattr(engines, "make_engine", heavy)
    assert call("doctor") == 1
    text = capsys.readouterr().out
    assert "native  FAILS: differs from mj_step by" in text
    assert "problems\n  the engine native does not work: differs" in text


@pytest.mark.usefixtures("small")
def test_an_engine_that_comes_to_no_numbers_does_not_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    differences = iter([0.0, float("nan"), *[0.0] * 10])
    monkeypatch.setattr(engines, "_difference", lambda *_: next(differences))
    assert call("doctor", "--json") == 1
    record = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert record["engines"]["native"] == {
        "works": False,
        "reason": "came to positions that are not finite",
        "difference": None,
    }


@pytest.mark.usefixtures("small")
def test_an_engine_that_cannot_be_built_does_not_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name, model):
        raise ImportError("libmujoco.so: no such\nfile")

    monkeypatch.setattr(engines, "make_engine", broken)
    assert call("doctor", "--json") == 1
    record = json.loads(capsys.readouterr().out)
    assert record["engines"]["native"]["works"] is False
    assert record["problems"][0] == (
        "the engine native does not work: ImportError: libmujoco.so: no such file"
    )


@pytest.mark.usefixtures("small")
def test_an_engine_for_other_platforms_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name, model):
        raise UserError("the native engine runs on CPUs.")

    monkeypatch.setattr(engines, "make_engine", refuse)
    monkeypatch.setattr(engines.jax, "default_backend", lambda: "gpu")
    assert call("doctor") == 0
    text = capsys.readouterr().out
    assert "native  not here: the native engine runs on CPUs." in text


@pytest.mark.usefixtures("small")
def test_a_platform_that_does_not_start_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail():
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(installation, "devices", fail)
    assert call("doctor") == 1
    assert "devices: RuntimeError: Unable to initialize backend" in capsys.readouterr().out


@pytest.mark.fault(15)
@pytest.mark.usefixtures("small")
def test_it_works_without_a_home(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    for name in ("HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert call("doctor", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["caches"] == {"compiled": None, "own": None}


def test_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(installation.EXTRAS) == set(project["optional-dependencies"]) - {"dev"}


def test_a_flag_that_it_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("doctor", "--jsn") == 2
    assert "takes only --json, not --jsn" in capsys.readouterr().err
