"""`metaskill eval --grid` as a user meets it."""

import json
import pathlib

import jax
import numpy as np
import pytest
from command_line import call

from metaskill.cli.experiments import find_experiment
from metaskill.cli.grid import parse_axis
from metaskill.configuration import with_values
from metaskill.training.checkpoint import Checkpoint, Checkpoints
from metaskill.training.run_folder import RunFolder

PNG = b"\x89PNG"


def untrained_run(path: pathlib.Path, env: dict) -> str:
    """Make the folder of a run that stopped before its first iteration: nothing to compile."""
    sizes = {"num_envs": 2, "rollout_length": 1, "num_minibatches": 1}
    sizes |= {"policy_hidden": (8,), "value_hidden": (8,)}
    changes = {"env": env, "ppo": sizes, "trainer": {"population": 2, "env_steps": 1}}
    config = with_values(find_experiment("demo"), changes)
    run = RunFolder(path)
    run.create("demo", config)
    keys = jax.random.split(jax.random.key(0), 2)
    population = jax.jit(jax.vmap(config.make_learner().init, in_axes=(0, None)))
    with Checkpoints(run.checkpoints) as checkpoints:
        checkpoints.save(Checkpoint(population(keys, config.hparams), iteration=0))
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    env = {"name": "point_mass", "options": {"episode_length": 5}}
    return untrained_run(tmp_path_factory.mktemp("runs") / "point", env)


@pytest.fixture(scope="module")
def robot_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    env = {"name": "hopper", "options": {"episode_length": 5}}
    return untrained_run(tmp_path_factory.mktemp("runs") / "hopper", env)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=0.5:1.5:5", (0.5, 0.75, 1.0, 1.25, 1.5)),
        ("a.b=log:0.25:4:5", (0.25, 0.5, 1.0, 2.0, 4.0)),
        ("a.b=-1,0,2e1", (-1.0, 0.0, 20.0)),
        ("a.b=3", (3.0,)),
    ],
)
def test_axes(text: str, values: tuple[float, ...]) -> None:
    axis = parse_axis(text)
    assert axis.name == "a.b"
    assert axis.values == values


def test_a_grid_is_printed_written_and_drawn(
    run: str, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    axes = ["--grid=reward.goal.0=-1:1:3", "--grid=reward.goal.1=0,2"]
    assert call("eval", run, *axes, f"--output={tmp_path / 'new'}", "--threshold=-6") == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "new" / "grid.json").read_text())
    assert printed.items() <= written.items()
    assert written["randomization"] == "none"
    assert written["axes"] == {"reward.goal.0": [-1.0, 0.0, 1.0], "reward.goal.1": [0.0, 2.0]}
    assert np.shape(written["returns"]) == (2, 6)
    assert np.shape(written["cuts"]["reward.goal.0"]) == (2, 3)
    for returns, statistics in zip(written["returns"], printed["statistics"], strict=True):
        assert statistics["worst"] == min(returns)
        assert statistics["mean"] == pytest.approx(np.mean(returns), rel=1e-4)
        assert statistics["worst_cell"]["reward.goal.1"] == 2.0
        assert statistics["threshold"] == -6.0
        # Hardly moving, the distance from (0.5, 2) is about 2.
        assert statistics["breaks"]["reward.goal.1"] == {"down": None, "up": 2.0}
    assert (tmp_path / "new" / "grid.png").read_bytes().startswith(PNG)


def test_a_run_without_randomization_gets_locomotions_parameters(
    robot_run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = ["--grid=physics.mass=0.8,1.2", "--grid=physics.friction=0.5,1"]
    assert call("eval", robot_run, *axes, "--grid=reward.control_cost=0.001,1") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["randomization"] == "locomotion"
    assert "returns" not in printed
    written = json.loads((pathlib.Path(robot_run) / "grid.json").read_text())
    assert np.shape(written["returns"]) == (2, 8)
    assert (pathlib.Path(robot_run) / "grid.png").read_bytes().startswith(PNG)


def test_one_axis_is_enough(run: str, tmp_path: pathlib.Path) -> None:
    assert call("eval", run, "--grid=reward.goal.0=1", f"--output={tmp_path}") == 0
    assert (tmp_path / "grid.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--grid=reward.gaol.0=0:1:3"], "did you mean 'reward.goal.0' or 'reward.goal.1'"),
        (["--grid=reward.goal.0=0:1"], "LOW:HIGH:COUNT"),
        (["--grid=reward.goal.0=0:1:3:4"], "LOW:HIGH:COUNT"),
        (["--grid=reward.goal.0=0:1:x"], "LOW:HIGH:COUNT"),
        (["--grid=reward.goal.0=log:1"], "LOW:HIGH:COUNT"),
        (["--grid=reward.goal.0"], "LOW:HIGH:COUNT"),
        (["--grid=reward.goal.0=1,,2"], "LOW:HIGH:COUNT"),
        (["--grid=reward.goal.0=0:1:0"], "at least 2 values"),
        (["--grid=reward.goal.0=1:1:3"], "from a lower to a higher value"),
        (["--grid=reward.goal.0=0:inf:3"], "from a lower to a higher value"),
        (["--grid=reward.goal.0=log:-1:1:3"], "ends must be positive"),
        (["--grid=reward.goal.0=2,1"], "increasing order"),
        (["--grid=reward.goal.0=1", "--grid=reward.goal.0=2"], "on two axes"),
        (["--grid=physics.mass=1"], "choose another with --randomization"),
        (["--grid=reward.goal.0=1", "--randomization=dactil"], "did you mean 'dactyl'"),
        (["--grid=reward.goal.0=1", "--episodes=0"], "episodes"),
        (["--threshold=3"], "add --grid"),
    ],
)
def test_mistakes(
    run: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("eval", run, *flags) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--grid=physics.mas=1"], "did you mean 'physics.mass'"),
        (["--grid=interface.action_delay=1"], "--randomization=dactyl"),
        (["--grid=interface.action_delay=0,3", "--randomization=dactyl"], "largest delay is 1"),
    ],
)
def test_mistakes_about_robots(
    robot_run: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("eval", robot_run, *flags) == 2
    assert message in capsys.readouterr().err
