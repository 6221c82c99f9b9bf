"""The data set format: what was written is read, and what is not as it was is refused."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.offline.action_limits import ActionLimits
from metaskill.offline.dataset import read_dataset, sizes_of, write_dataset
from metaskill.offline.episodes import OF_STATES, OF_STEPS, Episodes, concatenate
from metaskill.offline.labels import composed_of, require_label
from metaskill.offline.made_up import made_up_episodes
from metaskill.offline.manifest import VERSION, Sizes, read_manifest


def assert_same(one: Episodes, other: Episodes) -> None:
    for name in (*OF_STATES, *OF_STEPS, "lengths"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    assert [dict(label) for label in one.labels] == [dict(label) for label in other.labels]


@pytest.fixture
def episodes() -> Episodes:
    return made_up_episodes(np.random.default_rng(0), lengths=(3, 1, 5))


def test_what_was_written_is_read(tmp_path: pathlib.Path, episodes: Episodes) -> None:
    more = made_up_episodes(np.random.default_rng(1), lengths=(2,))
    folder = tmp_path / "data" / "set"
    written = write_dataset(folder, "somewhere", [episodes, more], {"policy": "nobody"})
    manifest, found = read_dataset(folder)
    assert manifest == written == read_manifest(folder)
    assert manifest.env == "somewhere"
    assert manifest.collected_by == {"policy": "nobody"}
    assert manifest.lengths == (3, 1, 5, 2)
    assert manifest.steps == 11
    assert manifest.sizes == sizes_of(episodes) == Sizes(3, 2, 1, 2)
    assert [shard.episodes for shard in manifest.shards] == [3, 1]
    assert_same(found, concatenate([episodes, more]))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["set"]


def test_some_episodes_are_left_out_by_their_labels(tmp_path: pathlib.Path) -> None:
    parts = [
        made_up_episodes(np.random.default_rng(i), lengths=(2,), labels=({"subtasks": done},))
        for i, done in enumerate([["a", "b"], ["b", "a"], ["a", "c", "b"], ["c"]])
    ]
    write_dataset(tmp_path / "set", "somewhere", parts)
    _, found = read_dataset(tmp_path / "set", composed_of(["a", "b"], "subtasks"))
    assert_same(found, concatenate([parts[1], parts[3]]))
    _, found = read_dataset(tmp_path / "set", composed_of("ab", "subtasks", in_order=False))
    assert_same(found, parts[3])
    with pytest.raises(UserError, match=r"every episode of .* is left out"):
        read_dataset(tmp_path / "set", lambda _: True)


def test_labels_are_compared_as_what_they_are() -> None:
    goal = composed_of([0.1, 2], "goal")
    assert goal({"goal": [float(np.float32(0.1)), 2.0]})
    assert not goal({"goal": [0.1001, 2.0]})
    assert not goal({"goal": [0.1]})
    assert not goal({})
    assert composed_of([3], "goal")({"goal": 3})
    assert not composed_of(["a", "a"], "x")({"x": ["a"]})
    assert not composed_of(["a", "a"], "x", in_order=False)({"x": ["a", "b"]})
    with pytest.raises(UserError, match="did you mean 'goal'"):
        require_label("gaol", [{"goal": 1}], "the set")


def test_rows_of_episodes() -> None:
    episodes = made_up_episodes(np.random.default_rng(0), lengths=(3, 1, 5))
    assert episodes.first_steps.tolist() == [0, 3, 4]
    assert episodes.first_states.tolist() == [0, 4, 6]
    some = episodes.select(np.array([True, False, True]))
    np.testing.assert_array_equal(some.actions, episodes.actions[[0, 1, 2, 4, 5, 6, 7, 8]])
    np.testing.assert_array_equal(some.qpos, episodes.qpos[[0, 1, 2, 3, 6, 7, 8, 9, 10, 11]])


@pytest.fixture
def with_extras(episodes: Episodes) -> Episodes:
    return dataclasses.replace(
        episodes,
        action_limits=ActionLimits((-2.0, -np.inf), (2.0, np.inf)),
        state_extras={"button_states": np.arange(24, dtype=np.int64).reshape(12, 2)},
        step_extras={"goal/xy": np.full((9, 2, 1), np.nan), "flag": np.arange(9) % 2 == 0},
    )


@pytest.mark.fault(24)
def test_extra_columns_and_limits_of_actions_are_kept(
    tmp_path: pathlib.Path, with_extras: Episodes
) -> None:
    more = with_extras.select(np.array([True, False, True]))
    written = write_dataset(tmp_path / "set", "somewhere", [with_extras, more])
    manifest, found = read_dataset(tmp_path / "set")
    assert manifest == written
    both = concatenate([with_extras, more])
    assert_same(found, both)
    assert found.action_limits == with_extras.action_limits
    for name in ("state_extras", "step_extras"):
        assert getattr(found, name).keys() == getattr(both, name).keys()
        for column, array in getattr(both, name).items():
            np.testing.assert_array_equal(getattr(found, name)[column], array)
            assert getattr(found, name)[column].dtype == array.dtype
    np.testing.assert_array_equal(
        more.step_extras["flag"], both.step_extras["flag"][[0, 1, 2, *range(4, 9)]]
    )


def test_data_without_extra_columns_are_written_as_version_1(
    tmp_path: pathlib.Path, episodes: Episodes, with_extras: Episodes
) -> None:
    for name, batch in (("plain", episodes), ("more", with_extras)):
        write_dataset(tmp_path / name, "somewhere", [batch])
    versions = [
        json.loads((tmp_path / name / "manifest.json").read_text())["version"]
        for name in ("plain", "more")
    ]
    assert versions == [1, 2]


def test_episodes_of_different_kinds_are_not_put_together(
    tmp_path: pathlib.Path, episodes: Episodes, with_extras: Episodes
) -> None:
    limited = dataclasses.replace(episodes, action_limits=with_extras.action_limits)
    with pytest.raises(UserError, match="different limits of actions"):
        concatenate([episodes, limited])
    with pytest.raises(UserError, match="different extra columns"):
        concatenate([limited, with_extras])
    with pytest.raises(UserError, match="batch 1 of the new data set has"):
        write_dataset(tmp_path / "set", "somewhere", [limited, with_extras])


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda shard: shard.unlink(), "episodes-00001.npz is missing"),
        (lambda shard: shard.write_bytes(shard.read_bytes()[:-9]), "is damaged .it has"),
    ],
)
def test_missing_and_truncated_shards_are_refused(
    tmp_path: pathlib.Path, episodes: Episodes, damage, message: str
) -> None:
    write_dataset(tmp_path / "set", "somewhere", [episodes, episodes])
    damage(tmp_path / "set" / "episodes-00001.npz")
    with pytest.raises(UserError, match=message):
        read_dataset(tmp_path / "set")


def broken(episodes: Episodes, **changes) -> Episodes:
    return dataclasses.replace(episodes, **changes)


def with_value(array: np.ndarray, value: object) -> np.ndarray:
    array = array.copy()
    array[(0,) * array.ndim] = value
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: {"actions": with_value(e.actions, np.nan)}, "actions hold numbers that are not"),
        (lambda e: {"qpos": with_value(e.qpos, np.inf)}, "qpos hold numbers that are not finite"),
        (lambda e: {"actions": e.actions.astype(np.float64)}, "actions are float64"),
        (lambda e: {"observations": e.observations[:-1]}, "observations are .* 12 rows were"),
        (lambda e: {"rewards": e.rewards[:, None]}, "rewards are .* 1 axes"),
        (lambda e: {"terminated": with_value(e.terminated, True)}, "do not end where"),
        (lambda e: {"truncated": ~e.truncated}, "do not end where|has both"),
        (lambda e: {"lengths": e.lengths[::-1].copy()}, "do not end where"),
        (lambda _: {"lengths": np.array([9, 0, 0])}, "has no steps"),
        (lambda e: {"labels": e.labels[:1]}, "3 episodes have 1 sets of labels"),
        (lambda _: {"labels": ({"goal": object()},) * 3}, "label 'goal' is no finite number"),
        (lambda _: {"labels": ({"goal": [np.nan]},) * 3}, "label 'goal' is no finite number"),
        (lambda e: {"observations": e.observations[:, :0]}, "have no columns"),
        (lambda e: {"actions": 2.0 * with_value(e.actions, 1.0)}, "actions are as large as 2"),
        (lambda _: {"action_limits": ActionLimits((-1.0,), (1.0,))}, "as many action limits"),
        (lambda _: {"step_extras": {"goal": np.zeros(8)}}, "'goal' is .* 9 rows under"),
        (lambda _: {"state_extras": {"../goal": np.zeros(12)}}, "under a plain name"),
        (lambda _: {"state_extras": {"words": np.array(["a"] * 12)}}, "numbers with 12 rows"),
    ],
)
def test_what_is_no_data_is_not_written(
    tmp_path: pathlib.Path, episodes: Episodes, change, message: str
) -> None:
    bad = broken(episodes, **change(episodes))
    with pytest.raises(UserError, match=message):
        write_dataset(tmp_path / "set", "somewhere", [episodes, bad])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_leaves_nothing(tmp_path: pathlib.Path, episodes: Episodes) -> None:
    def interrupted():
        yield episodes
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "set", "somewhere", interrupted())
    with pytest.raises(UserError, match="without episodes"):
        write_dataset(tmp_path / "set", "somewhere", [])
    other = broken(episodes, actions=episodes.actions[:, :1])
    with pytest.raises(UserError, match="batch 1 of the new data set has"):
        write_dataset(tmp_path / "set", "somewhere", [episodes, other])
    assert list(tmp_path.iterdir()) == []
    write_dataset(tmp_path / "set", "somewhere", [episodes])
    with pytest.raises(UserError, match="is there already"):
        write_dataset(tmp_path / "set", "somewhere", [episodes])
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to"):
        write_dataset(tmp_path / "file" / "set", "somewhere", [episodes])


def test_a_newer_version_is_refused_with_what_to_do(
    tmp_path: pathlib.Path, episodes: Episodes
) -> None:
    write_dataset(tmp_path / "set", "somewhere", [episodes])
    file = tmp_path / "set" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": VERSION + 1}))
    with pytest.raises(UserError, match="update metaskill"):
        read_dataset(tmp_path / "set")


def test_a_folder_without_data_is_refused_with_what_to_do(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="`metaskill collect` makes one"):
        read_manifest(tmp_path)
