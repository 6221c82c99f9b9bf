"""Other people's layouts: what they hold comes back, and files that reach elsewhere do not."""

import json
import pathlib

import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.offline.d4rl import read_d4rl, write_d4rl
from metaskill.offline.episodes import OF_STATES, OF_STEPS, Episodes
from metaskill.offline.made_up import made_up_episodes
from metaskill.offline.minari import read_minari, write_minari
from metaskill.offline.ogbench import read_ogbench, write_ogbench

h5py = pytest.importorskip("h5py")

LENGTHS = (3, 1, 5)


@pytest.fixture
def episodes() -> Episodes:
    return made_up_episodes(np.random.default_rng(0), LENGTHS)


def assert_same(one: Episodes, other: Episodes, without: tuple[str, ...] = ()) -> None:
    for name in (*OF_STATES, *OF_STEPS, "lengths"):
        if name not in without:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
            assert getattr(one, name).dtype == getattr(other, name).dtype


@pytest.mark.parametrize("with_physics", [True, False])
def test_minari_there_and_back(
    tmp_path: pathlib.Path, episodes: Episodes, with_physics: bool
) -> None:
    if not with_physics:
        nothing = episodes.qpos[:, :0]
        episodes = Episodes(**{**vars(episodes), "qpos": nothing, "qvel": nothing})
    write_minari(tmp_path / "set", episodes, "metaskill/made-up-v0")
    found = read_minari(tmp_path / "set")
    assert_same(found, episodes)
    assert found.labels == tuple(map(dict, episodes.labels))
    assert_same(read_minari(tmp_path / "set" / "data"), episodes)
    metadata = json.loads((tmp_path / "set" / "data" / "metadata.json").read_text())
    assert metadata["total_episodes"] == 3
    assert metadata["total_steps"] == 9
    assert json.loads(metadata["action_space"])["shape"] == [2]
    with pytest.raises(UserError, match="is there already"):
        write_minari(tmp_path / "set", episodes, "metaskill/made-up-v0")


def test_minari_itself_reads_what_was_written(
    tmp_path: pathlib.Path, episodes: Episodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    minari = pytest.importorskip("minari")
    write_minari(tmp_path / "metaskill" / "made-up-v0", episodes, "metaskill/made-up-v0")
    found = minari.load_dataset("metaskill/made-up-v0")
    assert (found.total_episodes, found.total_steps) == (3, 9)
    whole = list(found.iterate_episodes())
    for name in ("observations", "actions", "rewards"):
        theirs = np.concatenate([getattr(episode, name) for episode in whole])
        np.testing.assert_array_equal(theirs, getattr(episodes, name))
    assert [len(episode.infos["qpos"]) for episode in whole] == [4, 2, 6]


def test_d4rl_there_and_back(tmp_path: pathlib.Path, episodes: Episodes) -> None:
    write_d4rl(tmp_path / "set.hdf5", episodes)
    assert_same(read_d4rl(tmp_path / "set.hdf5"), episodes)


def test_ogbench_there_and_back(tmp_path: pathlib.Path, episodes: Episodes) -> None:
    path = tmp_path / "made-up-v0.npz"
    validation = made_up_episodes(np.random.default_rng(1), (2, 2))
    write_ogbench(path, episodes, validation)
    assert (tmp_path / "made-up-v0-val.npz").exists()
    train, found_validation = read_ogbench(path)
    assert_same(train, episodes)
    assert_same(found_validation, validation)
    # As its own loader divides it: the last of each episode starts nothing.
    with np.load(path) as file:
        starts = file["terminals"] == 0
        np.testing.assert_array_equal(file["actions"][starts], episodes.actions)
        np.testing.assert_array_equal(np.flatnonzero(~starts), [3, 5, 11])
    write_ogbench(tmp_path / "alone.npz", episodes)
    assert read_ogbench(tmp_path / "alone.npz")[1] is None


def damage_link(file) -> None:
    del file["actions"]
    file["actions"] = h5py.ExternalLink("secret.hdf5", "/actions")


def damage_soft_link(file) -> None:
    del file["actions"]
    file["actions"] = h5py.SoftLink("/observations")


def damage_external(file) -> None:
    del file["actions"]
    file.create_dataset("actions", (9, 2), np.float32, external=[("/etc/passwd", 0, 72)])


def damage_virtual(file) -> None:
    layout = h5py.VirtualLayout((9, 2), np.float32)
    layout[:] = h5py.VirtualSource("secret.hdf5", "actions", (9, 2), np.float32)
    del file["actions"]
    file.create_virtual_dataset("actions", layout)


def damage_bomb(file) -> None:
    del file["actions"]
    file.create_dataset("actions", (10**9, 2), np.float32, chunks=(1000, 2), compression="gzip")


def damage_words(file) -> None:
    del file["actions"]
    file["actions"] = ["a"] * 9


def damage_nan(file) -> None:
    file["actions"][0, 0] = np.nan


def damage_large(file) -> None:
    actions = file["actions"][()].astype(np.float64)
    del file["actions"]
    actions[0] = 1e300
    file["actions"] = actions


def damage_shape(file) -> None:
    actions = file["actions"][()]
    del file["actions"]
    file["actions"] = actions[:-1]


def damage_flat(file) -> None:
    del file["observations"]
    file["observations"] = np.zeros(9, np.float32)


def damage_flags(file) -> None:
    file["terminals"][0] = True
    terminals = file["terminals"][()].astype(np.float32)
    del file["terminals"]
    file["terminals"] = terminals * 2


def damage_group(file) -> None:
    del file["rewards"]
    file.create_group("rewards")


def damage_missing(file) -> None:
    del file["rewards"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_link, "is a link to somewhere else"),
        (damage_soft_link, "is a link to somewhere else"),
        (damage_external, "is stored in another file"),
        (damage_virtual, "is stored in another file"),
        (damage_bomb, "far larger than the file"),
        (damage_words, "no numbers"),
        (damage_nan, "not finite"),
        (damage_large, "not finite"),
        (damage_shape, "there are 9 observations, and 8 actions"),
        (damage_flat, "no rows of numbers"),
        (damage_flags, "neither true nor false"),
        (damage_group, "is no array"),
        (damage_missing, "has no 'rewards'"),
    ],
)
def test_bad_hdf5_is_refused(
    tmp_path: pathlib.Path, episodes: Episodes, damage, message: str
) -> None:
    path = tmp_path / "set.hdf5"
    write_d4rl(path, episodes)
    write_d4rl(tmp_path / "secret.hdf5", episodes)
    with h5py.File(path, "a") as file:
        damage(file)
    with pytest.raises(UserError, match=message):
        read_d4rl(path)


def test_files_that_are_no_hdf5_are_refused(tmp_path: pathlib.Path, episodes: Episodes) -> None:
    path = tmp_path / "set.hdf5"
    with pytest.raises(UserError, match="does not exist"):
        read_d4rl(path)
    write_d4rl(path, episodes)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="is damaged"):
        read_d4rl(path)
    path.write_text("hello")
    with pytest.raises(UserError, match="is damaged"):
        read_d4rl(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ("[" * 10**5, "is damaged"),
        ('{"data_format": "arrow"}', "not hdf5: convert it with Minari"),
    ],
)
def test_bad_minari_metadata_is_refused(
    tmp_path: pathlib.Path, episodes: Episodes, text: str, message: str
) -> None:
    write_minari(tmp_path / "set", episodes, "metaskill/made-up-v0")
    (tmp_path / "set" / "data" / "metadata.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_minari(tmp_path / "set")


def test_episodes_of_different_sizes_are_refused(
    tmp_path: pathlib.Path, episodes: Episodes
) -> None:
    write_minari(tmp_path / "set", episodes, "metaskill/made-up-v0")
    with h5py.File(tmp_path / "set" / "data" / "main_data.hdf5", "a") as file:
        del file["episode_1/actions"]
        file["episode_1/actions"] = np.zeros((1, 3), np.float32)
    with pytest.raises(UserError, match="episodes differ in the sizes"):
        read_minari(tmp_path / "set")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": np.array([[None] * 2] * 12)}, "are object, no numbers"),
        ({"terminals": np.zeros(12, np.float32)}, "does not end with the end of an episode"),
        ({"terminals": np.full(12, 2.0)}, "neither true nor false"),
        ({"actions": np.zeros((11, 2))}, "actions are of shape .11, 2., where 12 rows"),
        ({"observations": np.zeros((2**24, 3))}, "far larger than the file"),
        ({"qpos": np.full((12, 2), np.nan)}, "qpos hold numbers that are not finite"),
    ],
)
def test_bad_ogbench_files_are_refused(
    tmp_path: pathlib.Path, episodes: Episodes, change: dict, message: str
) -> None:
    path = tmp_path / "set.npz"
    write_ogbench(path, episodes)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez_compressed(path, **{**arrays, **change})
    with pytest.raises(UserError, match=message):
        read_ogbench(path)


def test_a_missing_h5py_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(UserError, match=r"pip install 'metaskill\[offline\]'"):
        read_d4rl(tmp_path / "set.hdf5")
