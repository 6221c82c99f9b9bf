"""Which runs an experiment's figures come from, and where they are."""

import pathlib

import pytest

from metaskill.cli import reproduce
from metaskill.cli.reproduce import train_all


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The experiments and folders that are trained, in order; each for its configuration."""
    calls: list[tuple[str, str]] = []

    def train(name, config, path, title):
        calls.append((name, path.name))
        return config

    monkeypatch.setattr(reproduce, "_train", train)
    return calls


def test_skills_are_trained_before_what_starts_from_them(trained, tmp_path: pathlib.Path) -> None:
    runs = train_all("ant_navigation_hierarchy", tmp_path / "mine")
    assert trained == [
        ("ant_dads_xy", "ant_dads_xy"),
        ("ant_navigation_hierarchy", "mine"),
        ("ant_diayn_xy", "ant_diayn_xy"),
        ("ant_navigation_hierarchy", "mine-diayn"),
        ("ant_dads_xy", "ant_dads_xy"),
    ]
    assert runs["diayn"].source.folder.path == tmp_path / "ant_diayn_xy"
    assert list(runs) == ["main", "diayn", "planner"]


def test_what_is_borrowed_is_not_trained_as_ones_own(trained, tmp_path: pathlib.Path) -> None:
    train_all("ant_navigation_planner", tmp_path / "mine")
    assert trained == [("ant_dads_xy", "ant_dads_xy")]


def test_the_usual_folder_goes_without_saying(trained) -> None:
    """So a run that train began is one that reproduce goes on with."""
    runs = train_all("half_cheetah_finetune", pathlib.Path("runs/half_cheetah_finetune"))
    assert runs["main"].source.run == ""
    assert runs["main"].source.folder.path == pathlib.Path("runs/half_cheetah_diayn")
