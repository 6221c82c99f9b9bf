"""Which runs an experiment's figures come from, and where they are."""

import pathlib

import pytest

from metaskill.cli import reproduce
from metaskill.cli.experiments import find_baselines, find_experiment, open_run
from metaskill.cli.reproduce import train_all
from metaskill.errors import UserError
from metaskill.training.run_folder import RunFolder


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The experiments and folders that are trained, in order; each for its configuration."""
    calls: list[tuple[str, str]] = []

    def train(name, config, path, take_over):
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
        ("ant_navigation_hierarchy-diayn", "mine-diayn"),
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


def test_a_baselines_run_is_opened_as_what_it_is(tmp_path: pathlib.Path) -> None:
    """Also where the baseline is no experiment of the main one's kind."""
    sac = find_experiment("maze_spirl-sac")
    assert sac == find_baselines("maze_spirl")["sac"]
    assert type(sac) is not type(find_experiment("maze_spirl"))
    RunFolder(tmp_path / "mine-sac").create("maze_spirl-sac", sac)
    _, name, opened = open_run(str(tmp_path / "mine-sac"))
    assert (name, opened) == ("maze_spirl-sac", sac)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "maze_spirl-sca",
            "maze_spirl has no baseline called 'sca': did you mean 'maze_spirl-sac'",
        ),
        ("demo-oracle", "demo has no baseline called 'oracle': it has none."),
        ("maze-sac", "no experiment is called 'maze'"),
    ],
)
def test_a_baseline_that_is_not_there_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_experiment(name)
