"""Commands where something around them is missing: a home, a cache, a reader, characters."""

import os
import pathlib
import pwd
import subprocess
import sys

import pytest
from command_line import TINY_DEMO, call

from metaskill.cache import cache_folder
from metaskill.cli.main import keep_compiled_programs


def metaskill(
    arguments: str, shell: str = "{}", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own, inside of a line of shell."""
    command = f"{sys.executable} -m metaskill.cli.main {arguments}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.format(command)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without an entry in passwd, as in containers that run as any user."""

    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.fault(15)
@pytest.mark.usefixtures("no_home")
def test_help_needs_no_home(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    printed = capsys.readouterr()
    assert "usage: metaskill COMMAND" in printed.out
    assert printed.err == ""


@pytest.mark.fault(15)
@pytest.mark.usefixtures("no_home")
def test_a_run_needs_no_home_and_says_once_that_nothing_is_cached(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", "demo", *TINY_DEMO, f"--workdir={tmp_path / 'run'}") == 0
    assert capsys.readouterr().err.count("no cache folder can be written") == 1
    assert call("list") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.fault(15)
@pytest.mark.parametrize("home", ["file", "file/below", "relative"])
def test_a_home_that_is_no_folder_is_no_cache(
    home: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(
        pathlib.Path,
        "home",
        lambda: pathlib.Path(home) if home == "relative" else tmp_path / home,
    )
    assert cache_folder() is None


def test_the_cache_is_below_xdg_cache_home_where_that_is_absolute(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "metaskill"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / "home" / ".cache" / "metaskill"


def test_compiled_programs_are_kept_where_the_user_says(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    keep_compiled_programs(tells=True)
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "mine"
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    keep_compiled_programs(tells=True)
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "metaskill" / "compiled")


@pytest.mark.fault(20)
@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["--help", "sweep --help", "figures"])
def test_a_pipe_that_nobody_reads_ends_a_command_quietly(arguments: str, buffered: str) -> None:
    outcome = metaskill(arguments, "{} | true", PYTHONUNBUFFERED=buffered)
    # Where all of it fits into the pipe, `true` may end after the command.
    assert outcome.returncode in (0, 141)
    assert outcome.stderr == ""


@pytest.mark.fault(20)
def test_the_first_line_of_a_list_is_all_that_is_read() -> None:
    outcome = metaskill("list", "{} | head -1", PYTHONUNBUFFERED="1")
    assert outcome.stdout == "experiments\n"
    assert outcome.stderr == ""
    assert outcome.returncode == 141


@pytest.mark.parametrize(
    ("shell", "code", "message"),
    [
        ("{} >/dev/full", 2, "no space is left"),
        ("{} >&-", 0, ""),
        ("{} >&- 2>&- <&-", 0, ""),
    ],
)
def test_standard_streams_may_be_full_or_closed(shell: str, code: int, message: str) -> None:
    outcome = metaskill("--help", shell)
    assert outcome.returncode == code
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_character_that_the_terminal_lacks_is_written_in_others() -> None:
    program = (
        "from metaskill.cli.streams import prepare_streams; prepare_streams(); "
        r"print('1 \u00b1 2 \u2026 \u00e9')"
    )
    for locale in ("C", "POSIX"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={
                **os.environ,
                "LC_ALL": locale,
                "PYTHONUTF8": "0",
                "PYTHONCOERCECLOCALE": "0",
            },
        )
        assert printed.stdout == b"1 +/- 2 ... ?\n"


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nav2d_maml-orcale"], "did you mean 'nav2d_maml-oracle'"),
        (["list", "--foo"], "no flag is called --foo: there are none here."),
        (
            ["sweep", "demo", "--vary", "learning_rate=log:1e-4:1e-2"],
            "as in learning_rate=log:0.0001:0.01:5",
        ),
    ],
)
def test_what_a_refusal_proposes_is_accepted(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    assert message in capsys.readouterr().err
