"""Planning with a run's skills, as a user meets it."""

import pathlib

import pytest
from command_line import call

TINY = [
    "--config.env.name=point_mass",
    "--config.env.options={'episode_length': 20}",
    "--config.dads.hidden=(8,)",
    "--config.dads.prior_samples=4",
    "--config.ppo.num_envs=4",
    "--config.ppo.rollout_length=8",
    "--config.ppo.num_minibatches=2",
    "--config.ppo.policy_hidden=(8,)",
    "--config.ppo.value_hidden=(8,)",
    "--config.discovery.num_eval_skills=3",
    "--config.trainer.env_steps=64",
    "--config.trainer.iterations_per_chunk=2",
    "--config.trainer.population=2",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert call("train", "ant_dads_xy", *TINY, f"--workdir={path}", "--report") == 0
    return path


def test_the_report_shows_the_skills(run: pathlib.Path) -> None:
    assert 'alt="Skills" src="data:image/png' in (run / "report.html").read_text()


def test_it_prints_the_way_to_every_goal_and_draws_it(
    run: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("plan", str(run), "--goal=3,4", "--goal=-1,0", "--member=1") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[2].split()[:2] == ["(3,", "4)"]
    assert "(-1, 0)" in printed[3]
    assert printed[4].endswith("of 2 goals")
    assert (run / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert not (run / "plan.mp4").exists()  # The point mass has no model to draw.


def test_the_way_may_be_gone_in_an_environment_with_other_options(
    run: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("plan", str(run), "--goal=3,4", "--option=episode_length=30") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["goal", "25", "delta"]


def test_a_policy_that_is_told_skills_has_no_grid(
    run: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("eval", str(run), "--grid=reward.goal.0=0,1") == 2
    assert "cannot act on a grid" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--goal=3"], "write --goal=X,Y"),
        (["--goal=0,0"], "where the robot starts"),
        (["--output=/nowhere/at/all"], "does not exist"),
        (["--member=9"], "no member 9"),
        (["--option=episode_lenth=9"], "did you mean 'episode_length'?"),
    ],
)
def test_mistakes_are_told(
    run: pathlib.Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("plan", str(run), *arguments) == 2
    assert message in capsys.readouterr().err
