"""OGBench's files, as published and as its loader returns them: nothing is lost without a word."""

import pathlib
from typing import Any

import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.offline.ogbench import read_ogbench, write_ogbench

N = 6
LAST = np.array([0, 0, 1, 0, 0, 1], np.float32)
STATES = np.arange(N, dtype=np.float32)[:, None]


def write(folder: pathlib.Path, **changes: Any) -> pathlib.Path:
    """Write two episodes of two steps; an array that is None is left out."""
    arrays = {
        "observations": STATES,
        "actions": np.full((N, 1), 0.5, np.float32),
        "terminals": LAST,
    }
    path = folder / "set.npz"
    given = {name: array for name, array in (arrays | changes).items() if array is not None}
    np.savez_compressed(path, **given)
    return path


@pytest.mark.fault(24)
def test_button_states_are_kept(tmp_path: pathlib.Path) -> None:
    given = {
        "qpos": STATES,
        "qvel": STATES,
        "button_states": np.arange(N * 9, dtype=np.int64).reshape(N, 9),
    }
    train, validation = read_ogbench(write(tmp_path, **given))
    assert validation is None
    write_ogbench(tmp_path / "again.npz", train)
    with np.load(tmp_path / "again.npz") as file:
        for name, array in given.items():
            np.testing.assert_array_equal(file[name], array)
        assert file["button_states"].dtype == np.int64


@pytest.mark.fault(24)
def test_ogbench_itself_reads_button_states_that_were_written(tmp_path: pathlib.Path) -> None:
    utils = pytest.importorskip("ogbench.utils")
    train, _ = read_ogbench(write(tmp_path, button_states=np.ones((N, 9), np.int64)))
    write_ogbench(tmp_path / "again.npz", train)
    found = utils.load_dataset(tmp_path / "again.npz", add_info=True)
    assert found["button_states"].tolist() == [[1] * 9] * 4


@pytest.mark.fault(24)
def test_what_is_no_column_is_named_once(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_ogbench(write(tmp_path, words=np.array(["a"] * N), weights=np.ones((2, 2))))
    assert caplog.text.count("left out weights, words") == 1


@pytest.mark.fault(5)
def test_rewards_and_masks_of_states_are_read(tmp_path: pathlib.Path) -> None:
    rewards = np.array([-1, 0, 7, -1, -1, 7], np.float32)[:, None]
    masks = np.array([1, 0, 0, 1, 1, 1], np.float32)
    train, _ = read_ogbench(write(tmp_path, rewards=rewards, masks=masks))
    assert train.rewards.tolist() == [-1, 0, -1, -1]
    assert train.terminated.tolist() == [False, True, False, False]
    assert train.truncated.tolist() == [False, False, False, True]
    assert read_ogbench(write(tmp_path))[0].rewards.tolist() == [0, 0, 0, 0]


@pytest.mark.fault(5)
def test_masks_within_an_episode_do_not_end_it(tmp_path: pathlib.Path) -> None:
    masks = np.array([0, 1, 1, 1, 1, 1], np.float32)
    train, _ = read_ogbench(write(tmp_path, masks=masks))
    assert train.lengths.tolist() == [2, 2]
    assert not train.terminated.any()
    assert train.step_extras["masks"].tolist() == [0, 1, 1, 1]
    write_ogbench(tmp_path / "again.npz", train)
    again, _ = read_ogbench(tmp_path / "again.npz")
    assert again.step_extras["masks"].tolist() == [0, 1, 1, 1]


@pytest.mark.fault(5)
def test_a_row_may_be_a_step_with_its_next_observation(tmp_path: pathlib.Path) -> None:
    path = write(
        tmp_path,
        observations=np.array([0, 1, 2, 10, 11, 12], np.float32)[:, None],
        next_observations=np.array([1, 2, 3, 11, 12, 13], np.float32)[:, None],
        rewards=np.array([0, 0, 1, 0, 0, 1], np.float32),
        terminals=LAST[:, None],
        button_states=np.arange(N),
    )
    train, _ = read_ogbench(path)
    assert train.lengths.tolist() == [3, 3]
    assert train.observations[:, 0].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert train.rewards.sum() == 2.0
    assert train.step_extras["button_states"].tolist() == list(range(N))
    np.testing.assert_array_equal(np.flatnonzero(train.truncated), [2, 5])


@pytest.mark.fault(5)
def test_a_compact_data_set_says_by_valids_what_are_last_states(tmp_path: pathlib.Path) -> None:
    both = np.array([0, 1, 1, 0, 1, 1], np.float32)
    train, _ = read_ogbench(write(tmp_path, terminals=both, valids=1 - LAST))
    assert train.lengths.tolist() == [2, 2]
    with pytest.raises(UserError, match="needs next_observations, or valids"):
        read_ogbench(write(tmp_path, terminals=both))


@pytest.mark.fault(6)
def test_actions_of_unknown_scale_are_refused(tmp_path: pathlib.Path) -> None:
    actions = np.array([[-2], [1], [99], [0], [2], [99]], np.float32)
    path = write(tmp_path, actions=actions)
    with pytest.raises(UserError, match=r"from -2 to 2.*action_limits=.low, high"):
        read_ogbench(path)
    # The action of a last state leads nowhere, so that its size says nothing.
    train, _ = read_ogbench(path, action_limits=(-2, 2))
    assert train.actions[:, 0].tolist() == [-1, 0.5, 0, 1]
    write_ogbench(tmp_path / "again.npz", train)
    with np.load(tmp_path / "again.npz") as file:
        assert file["actions"][:, 0].tolist() == [-2, 1, 0, 0, 2, 0]
    assert read_ogbench(tmp_path / "again.npz")[0].actions[:, 0].tolist() == [-1, 0.5, 0, 1]


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": np.arange(N, dtype=np.int32)}, "actions are discrete"),  # Powderworld.
        ({"actions": np.zeros((N, 3), np.int32)}, "actions are discrete"),
        ({"observations": np.zeros((N, 8, 8, 3), np.uint8)}, "pictures cannot be read"),
    ],
)
def test_other_spaces_are_called_what_they_are(
    tmp_path: pathlib.Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_ogbench(write(tmp_path, **changes))


def test_arrays_may_be_stored_column_by_column(tmp_path: pathlib.Path) -> None:
    observations = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(N, 2))
    train, _ = read_ogbench(write(tmp_path, observations=observations))
    np.testing.assert_array_equal(train.observations, observations)
