"""One process at a time writes into a folder."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from metaskill.errors import UserError
from metaskill.training.lock import locked

pytestmark = pytest.mark.fault(14)

HOLD = """
import pathlib, sys
from metaskill.training.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "runs" / "run"


def lock_of(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name("run.lock")


def leave_lock(folder: pathlib.Path, **holder: object) -> None:
    folder.parent.mkdir(parents=True)
    record = {"host": socket.gethostname(), "process": os.getpid(), "started": "1"} | holder
    lock_of(folder).write_text(json.dumps(record))


def start_holder(folder: pathlib.Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_folder_is_free_again_at_the_end(folder: pathlib.Path) -> None:
    for _ in range(2):
        with locked(folder):
            assert lock_of(folder).exists()
        assert not folder.parent.exists()


def test_a_folder_is_free_again_after_an_error(folder: pathlib.Path) -> None:
    def write_and_fail() -> None:
        with locked(folder):
            folder.mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert list(folder.parent.iterdir()) == [folder]


def test_a_second_process_is_refused_and_the_first_goes_on(folder: pathlib.Path) -> None:
    holder = start_holder(folder)
    with pytest.raises(UserError, match=f"written by process {holder.pid}: wait"), locked(folder):
        pass
    assert lock_of(folder).exists()
    holder.communicate("")
    assert holder.returncode == 0
    assert not lock_of(folder).exists()


def test_the_lock_of_a_killed_process_is_taken_over(folder: pathlib.Path) -> None:
    holder = start_holder(folder)
    holder.kill()
    holder.communicate()
    with locked(folder):
        assert json.loads(lock_of(folder).read_text())["process"] == os.getpid()
    assert list(folder.parent.iterdir()) == []


def test_a_number_that_another_process_has_by_now_is_no_holder(folder: pathlib.Path) -> None:
    leave_lock(folder, process=os.getppid())
    with locked(folder):
        pass


def test_another_machine_is_asked_about(folder: pathlib.Path) -> None:
    leave_lock(folder, host="elsewhere")
    with pytest.raises(UserError, match=r"on elsewhere: .* add --take-over"), locked(folder):
        pass
    with locked(folder, take_over=True):
        assert json.loads(lock_of(folder).read_text())["process"] == os.getpid()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"host": 1, "process": "x", "started": 2}'])
def test_a_damaged_lock_is_asked_about(folder: pathlib.Path, content: str) -> None:
    leave_lock(folder)
    lock_of(folder).write_text(content)
    with pytest.raises(UserError, match=r"cannot be read: .* --take-over"), locked(folder):
        pass
    with locked(folder, take_over=True):
        pass


def test_one_process_holds_a_folder_once(folder: pathlib.Path) -> None:
    with locked(folder), pytest.raises(UserError, match="this very process"), locked(folder):
        pass


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to"), locked(tmp_path / "file" / "run"):
        pass
