import importlib.metadata
import pathlib
import subprocess

import pytest

from metaskill.training.provenance import commit_of, provenance


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = importlib.metadata.version

    def version(name: str) -> str:
        if name == "metaskill":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    versions = provenance()["versions"]
    assert versions["metaskill"] is None
    assert versions["numpy"] == installed("numpy")


def test_the_commit_says_whether_what_ran_is_in_it(tmp_path: pathlib.Path) -> None:
    assert commit_of(tmp_path) is None
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org")

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *author, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "old.py").write_text("1")
    git("init")
    git("add", ".")
    git("commit", "--message=first")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "notes.txt").write_text("not code")
    assert commit_of(folder) == commit
    (tmp_path / "new.py").write_text("2")
    assert commit_of(folder) == f"{commit}+changes"
    (tmp_path / "new.py").unlink()
    (folder / "old.py").write_text("3")
    assert commit_of(folder) == f"{commit}+changes"
