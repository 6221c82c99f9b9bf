"""Adapting a meta-learned policy to a task."""

import json
import pathlib

import jax
import numpy as np
import pytest
from command_line import call

from metaskill.cli.adapt import choose_task
from metaskill.cli.experiments import open_run
from metaskill.envs.registry import make
from metaskill.errors import UserError
from metaskill.tasks.families import make_family
from metaskill.training.trainer import restore

TINY = [
    "--config.env.options={'episode_length': 5}",
    "--config.meta.num_tasks=2",
    "--config.meta.num_episodes=2",
    "--config.meta.num_eval_tasks=2",
    "--config.meta.num_curvature_tasks=1",
    "--config.meta.hidden=(4,)",
    "--config.trainer.env_steps=40",
    "--config.trainer.iterations_per_chunk=1",
    "--config.trainer.population=2",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    assert call("train", "nav2d_maml", *TINY, f"--workdir={path}") == 0
    return path


def test_the_curve_is_printed_and_the_adapted_policy_is_a_run(
    run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapted = tmp_path / "adapted"
    arguments = ["--task=goal_x=0.25", "--steps=2", "--member=1", f"--workdir={adapted}"]
    assert call("adapt", str(run), *arguments) == 0
    out = capsys.readouterr().out
    assert "goal_x = 0.25" in out
    assert len([line for line in out.splitlines() if "±" in line]) == 3
    record = json.loads((adapted / "adaptation.json").read_text())
    assert record["member"] == 1
    assert record["task"]["goal_x"] == 0.25
    assert len(record["returns"]) == 3
    # It differs from what it was adapted from by its policy alone.
    before, after = (restore(open_run(str(p))[2], open_run(str(p))[0])[1] for p in (run, adapted))
    moved = jax.tree.map(lambda a, b: bool(np.any(a[1] != b[0])), before.params, after.params)
    assert any(jax.tree.leaves(moved))
    assert np.array_equal(jax.random.key_data(before.key)[1:], jax.random.key_data(after.key))
    assert call("eval", str(adapted)) == 0


def test_an_adapted_policy_is_not_overwritten(
    run: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert call("adapt", str(run), f"--workdir={tmp_path}") == 2
    assert "is not empty" in capsys.readouterr().err


def test_what_is_not_given_is_drawn_from_the_held_out_tasks() -> None:
    family = make_family("navigation", make("point_mass"))
    chosen = choose_task(family, ["goal_y=0.1"], jax.random.key(3))
    drawn = family.held_out.sample(jax.random.key(3))
    assert chosen["goal_x"] == drawn["goal_x"]
    assert float(chosen["goal_y"]) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("goal_x", "has no value"),
        ("goal=1", "have no parameter 'goal': did you mean"),
        ("goal_x=north", "'north' is no number"),
        ("goal_x=(1, 2)", "give finite numbers"),
        ("goal_x=1e999", "give finite numbers"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    family = make_family("navigation", make("point_mass"))
    with pytest.raises(UserError, match=message):
        choose_task(family, [text], jax.random.key(0))
