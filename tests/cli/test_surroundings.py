"""Commands where there is no home, no reader and no Unicode."""

import os
import pathlib
import subprocess
import sys

import pytest

from metaskill.cache import cache_folder
from metaskill.cli import main as command_line
from metaskill.cli.main import main

RUN = "import sys; from metaskill.cli.main import main; main(sys.argv[1:])"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    inherited = {name: os.environ[name] for name in ("PATH", "JAX_PLATFORMS")}
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env={**inherited, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        capture_output=True,
        check=False,
    )


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, and a user without an entry in passwd."""

    def no_home() -> pathlib.Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("HOME", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pathlib.Path, "home", no_home)


@pytest.mark.fault(15)
def test_help_needs_no_home(homeless: None, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["train", "--help"], ["list"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code
        captured = capsys.readouterr()
        assert captured.out
        assert not captured.err


@pytest.mark.fault(15)
def test_where_nothing_can_be_kept_this_is_said_once(
    homeless: None, caplog: pytest.LogCaptureFixture
) -> None:
    command_line._keep_compiled_programs()
    assert cache_folder() is None
    (record,) = caplog.records
    assert "set XDG_CACHE_HOME" in record.getMessage()


@pytest.mark.fault(15)
def test_a_home_that_is_no_folder_is_no_home(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "metaskill"


@pytest.mark.fault(20)
def test_a_reader_that_has_enough_ends_a_command_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", RUN, "--help"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert ended.returncode == 141
    assert ended.stderr == b""


def test_an_ascii_terminal_is_no_reason_to_fail() -> None:
    ended = run("list", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
