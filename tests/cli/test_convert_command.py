"""`metaskill convert`: data of others become a data set that experiments learn from."""

import json
import pathlib

import numpy as np
import pytest
from command_line import call

from metaskill.offline.dataset import read_dataset
from metaskill.offline.made_up import made_up_episodes
from metaskill.offline.minari import write_minari
from metaskill.offline.ogbench import write_ogbench

h5py = pytest.importorskip("h5py")


@pytest.fixture
def d4rl(tmp_path: pathlib.Path) -> pathlib.Path:
    """Two episodes of three steps, without a word of where they end, and actions up to 2."""
    path = tmp_path / "set-v0.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"] = np.arange(6.0)[:, None]
        file["actions"] = np.tile([[-2.0, 0.0]], (6, 1))
        file["rewards"], file["terminals"] = np.ones(6), np.zeros(6, bool)
    return path


def test_what_a_file_does_not_say_is_said_by_flags(
    tmp_path: pathlib.Path, d4rl: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["convert", str(d4rl), f"--output={tmp_path / 'set'}"]
    limits = ["--action_low=-2,-1", "--action_high=2,1"]
    assert call(*arguments, *limits) == 2
    assert "--episode_length=N" in capsys.readouterr().err
    assert call(*arguments, "--episode_length=3") == 2
    assert "--action_low=" in capsys.readouterr().err
    assert call(*arguments, "--episode_length=3", *limits) == 0
    assert "2 episodes with 4 steps" in capsys.readouterr().out
    manifest, episodes = read_dataset(tmp_path / "set")
    assert manifest.env == "set-v0"
    assert manifest.collected_by["episode_length"] == 3
    assert episodes.actions[0].tolist() == [-1, 0]


def test_parts_of_observations_are_chosen_by_name(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    episodes = made_up_episodes(np.random.default_rng(0), (3, 2))
    write_minari(tmp_path / "maze-v0", episodes, "made/maze-v0")
    with h5py.File(tmp_path / "maze-v0" / "data" / "main_data.hdf5", "a") as file:
        for number, rows in enumerate((4, 3)):
            del file[f"episode_{number}/observations"]
            for name in ("observation", "desired_goal"):
                file[f"episode_{number}/observations/{name}"] = np.zeros((rows, 2))
    metadata = tmp_path / "maze-v0" / "data" / "metadata.json"
    record = json.loads(metadata.read_text())
    del record["observation_space"]
    metadata.write_text(json.dumps(record))
    arguments = ["convert", str(tmp_path / "maze-v0"), f"--output={tmp_path / 'set'}"]
    assert call(*arguments) == 2
    assert "--observations=observation,desired_goal" in capsys.readouterr().err
    assert call(*arguments, "--observations=observation,desired_goal", "--env=maze") == 0
    manifest, _ = read_dataset(tmp_path / "set")
    assert (manifest.env, manifest.sizes.observations) == ("maze", 4)


@pytest.mark.slow
def test_an_experiment_learns_from_what_was_converted(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ogbench(tmp_path / "walk-v0.npz", made_up_episodes(np.random.default_rng(0), (12,) * 4))
    assert call("convert", str(tmp_path / "walk-v0.npz"), f"--output={tmp_path / 'set'}") == 0
    train = ["train", "maze_skills", f"--config.data.folder={tmp_path / 'set'}"]
    train += ["--config.embedding.lstm_size=4", "--config.embedding.prior_hidden=(4,)"]
    train += ["--config.embedding.length=2", "--config.embedding.size=2"]
    train += ["--config.trainer.iterations_per_chunk=1", "--config.trainer.chunks_per_evaluation=1"]
    train += ["--config.trainer.env_steps=1", "--config.fitting.updates_per_iteration=1"]
    train += ["--config.fitting.batch_size=2", "--config.fitting.num_eval_windows=2"]
    train += [f"--workdir={tmp_path / 'run'}"]
    assert call(*train) == 2
    assert "--config.collection.policy=''" in capsys.readouterr().err
    assert call(*train, "--config.collection.policy=") == 0


def test_both_files_of_ogbench_are_kept_apart_by_a_label(tmp_path: pathlib.Path) -> None:
    random = np.random.default_rng(0)
    train, validation = (made_up_episodes(random, lengths) for lengths in ((3, 2), (4,)))
    write_ogbench(tmp_path / "cube-v0.npz", train, validation)
    assert call("convert", str(tmp_path / "cube-v0.npz"), f"--output={tmp_path / 'set'}") == 0
    manifest, _ = read_dataset(tmp_path / "set")
    assert manifest.lengths == (3, 2, 4)
    assert [label["part"] for label in manifest.labels] == ["train", "train", "validation"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "say where to by --output=FOLDER"),
        (["--output=out", "--layout=d4rll"], "did you mean 'd4rl'"),
        (["--output=out", "--observations=a"], "leave --observations out"),
        (["--output=out", "--layout=ogbench", "--episode_length=3"], "leave --episode_length out"),
        (["--output=out", "--action_low=-1"], "belong together"),
        (["--output=out", "--action_low=a", "--action_high=1"], "is no number"),
        (["--output=out", "--episode_length=0"], "episode_length"),
    ],
)
def test_mistakes_are_refused_in_a_sentence(
    tmp_path: pathlib.Path,
    d4rl: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("convert", str(d4rl), *flags) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
