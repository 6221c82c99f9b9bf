"""D4RL as it is published: every step that leads somewhere known is read, in its own episode."""

import pathlib
from typing import Any

import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.offline.d4rl import read_d4rl, write_d4rl
from metaskill.offline.episodes import Episodes

h5py = pytest.importorskip("h5py")

OBSERVATIONS = np.array([0, 10, 20, 30, 40, 50], np.float32)[:, None]
FOLLOWING = np.array([10, 20, 99, 40, 50, 99], np.float32)[:, None]
REWARDS = np.array([0, 0, 1, 0, 0, 1], np.float32)  # At the end, as in AntMaze.
ENDS = np.array([0, 0, 1, 0, 0, 1], bool)
NOWHERE = np.zeros(6, bool)


def write(folder: pathlib.Path, **changes: Any) -> pathlib.Path:
    """Write two episodes of three steps; `a__b` is an array in the group a, None is left out."""
    arrays = {
        "observations": OBSERVATIONS,
        "actions": np.full((6, 1), 0.5, np.float32),
        "rewards": REWARDS,
        "terminals": ENDS,
        "timeouts": NOWHERE,
    }
    path = folder / "set.hdf5"
    with h5py.File(path, "w") as file:
        for name, value in (arrays | changes).items():
            if value is not None:
                file[name.replace("__", "/")] = value
    return path


def last_observations(episodes: Episodes) -> list[float]:
    return episodes.observations[episodes.first_states + episodes.lengths, 0].tolist()


@pytest.mark.fault(4)
def test_version_2_keeps_last_steps_with_positions_of_steps_only(tmp_path: pathlib.Path) -> None:
    poses = np.arange(12, dtype=np.float64).reshape(6, 2)
    metadata = {"metadata__algorithm": np.bytes_(b"SAC"), "metadata__policy__fc0__weight": poses}
    path = write(
        tmp_path,
        next_observations=FOLLOWING,
        infos__qpos=poses,
        infos__qvel=poses,
        infos__action_log_probs=np.zeros(6),
        **metadata,
    )
    episodes = read_d4rl(path)
    assert episodes.lengths.tolist() == [3, 3]
    assert episodes.rewards.sum() == 2.0
    assert episodes.terminated.sum() == 2
    assert last_observations(episodes) == [99.0, 99.0]
    # Where the robot was after a last step is not in the file, so these are no states.
    assert episodes.qpos.shape == (8, 0)
    np.testing.assert_array_equal(episodes.step_extras["qpos"], poses)
    assert {"qvel", "action_log_probs"} < episodes.step_extras.keys()


@pytest.mark.fault(4)
def test_version_0_without_next_observations_keeps_what_terminated(tmp_path: pathlib.Path) -> None:
    timeouts = np.array([0, 0, 0, 0, 0, 1], bool)
    terminals = np.array([0, 0, 1, 0, 0, 0], bool)
    episodes = read_d4rl(write(tmp_path, terminals=terminals, timeouts=timeouts))
    assert episodes.lengths.tolist() == [3, 2]
    assert episodes.rewards.tolist() == [0, 0, 1, 0, 0]
    assert episodes.terminated.tolist() == [False, False, True, False, False]
    assert episodes.truncated.tolist() == [False, False, False, False, True]
    # The observation of the step that terminated stands for the one after it.
    assert episodes.observations[:, 0].tolist() == [0, 10, 20, 20, 30, 40, 50]


@pytest.mark.fault(4)
def test_antmaze_keeps_each_step_at_the_goal_and_its_physics(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    reached = np.array([0, 1, 1, 0, 0, 0], bool)  # The data go on after the goal.
    goals = np.arange(12, dtype=np.float32).reshape(6, 2)
    path = write(
        tmp_path,
        terminals=reached,
        rewards=reached.astype(np.float32),
        timeouts=np.array([0, 0, 0, 0, 0, 1], bool),
        infos__goal=goals,
        infos__qpos=OBSERVATIONS,
        infos__qvel=OBSERVATIONS,
    )
    episodes = read_d4rl(path)
    assert episodes.lengths.tolist() == [2, 1, 2]
    assert episodes.rewards.tolist() == [0, 1, 1, 0, 0]
    assert episodes.terminated.tolist() == [False, True, True, False, False]
    np.testing.assert_array_equal(episodes.qpos, episodes.observations)
    np.testing.assert_array_equal(episodes.step_extras["goal"], goals[:5])
    assert "the last step of each of 1 episodes" in caplog.text


@pytest.mark.fault(4)
def test_kitchen_has_ends_and_nothing_else(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, timeouts=None)
    with pytest.raises(UserError, match=r"neither timeouts nor next_observations.*episode_length"):
        read_d4rl(path)
    episodes = read_d4rl(path, episode_length=280)
    assert episodes.lengths.tolist() == [3, 3]
    assert episodes.rewards.sum() == 2.0


@pytest.mark.fault(5)
def test_without_timeouts_episodes_end_where_the_next_observation_is_another(
    tmp_path: pathlib.Path,
) -> None:
    path = write(
        tmp_path,
        observations=np.array([0, 1, 2, 100, 101, 102], np.float32)[:, None],
        next_observations=np.array([1, 2, 3, 101, 102, 103], np.float32)[:, None],
        terminals=NOWHERE,
        timeouts=None,
    )
    episodes = read_d4rl(path)
    assert episodes.lengths.tolist() == [3, 3]
    assert last_observations(episodes) == [3.0, 103.0]
    assert episodes.truncated.tolist() == [False, False, True, False, False, True]


@pytest.mark.fault(5)
def test_an_end_that_timeouts_do_not_mark_is_seen_in_next_observations(
    tmp_path: pathlib.Path,
) -> None:
    episodes = read_d4rl(write(tmp_path, next_observations=FOLLOWING, terminals=NOWHERE))
    assert episodes.lengths.tolist() == [3, 3]
    assert not episodes.terminated.any()


@pytest.mark.fault(5)
def test_without_next_observations_the_length_of_an_episode_is_asked_for(
    tmp_path: pathlib.Path,
) -> None:
    path = write(tmp_path, terminals=np.array([0, 1, 0, 0, 0, 0], bool), timeouts=None)
    with pytest.raises(UserError, match="episode_length"):
        read_d4rl(path)
    # As D4RL counts: anew after each end. What was cut loses the step that led nowhere known.
    episodes = read_d4rl(path, episode_length=3)
    assert episodes.lengths.tolist() == [2, 2]
    assert episodes.observations[:, 0].tolist() == [0, 10, 10, 20, 30, 40]
    with pytest.raises(UserError, match="holds nothing"):
        read_d4rl(path, episode_length=0)


def test_steps_that_are_not_in_order_are_refused(tmp_path: pathlib.Path) -> None:
    order = np.array([3, 0, 5, 1, 4, 2])
    path = write(
        tmp_path,
        observations=OBSERVATIONS[order],
        next_observations=FOLLOWING[order],
        terminals=NOWHERE,
        timeouts=None,
    )
    with pytest.raises(UserError, match="not in order"):
        read_d4rl(path)


@pytest.mark.fault(18)
@pytest.mark.parametrize("dtype", [bool, np.float64, np.uint8])
def test_flags_and_rewards_may_stand_in_columns(tmp_path: pathlib.Path, dtype: type) -> None:
    episodes = read_d4rl(
        write(
            tmp_path,
            next_observations=FOLLOWING,
            terminals=ENDS[:, None].astype(dtype),
            timeouts=NOWHERE[:, None].astype(dtype),
            rewards=REWARDS[:, None],
        )
    )
    assert episodes.terminated.tolist() == ENDS.tolist()
    assert episodes.rewards.tolist() == REWARDS.tolist()
    with pytest.raises(UserError, match=r"terminals are of shape .6, 2., not one number a row"):
        read_d4rl(write(tmp_path, terminals=np.zeros((6, 2))))


@pytest.mark.fault(6)
def test_actions_outside_of_what_is_known_are_refused_with_what_to_do(
    tmp_path: pathlib.Path,
) -> None:
    actions = np.array([[-2, 0], [0, 1], [2, 3], [0, 3], [1, 2], [0, -1]], np.float32)
    path = write(tmp_path, actions=actions)
    with pytest.raises(UserError, match=r"hold no limits.*action_limits=.low, high"):
        read_d4rl(path)
    with pytest.raises(UserError, match="outside of their limits -2 and 2"):
        read_d4rl(path, action_limits=(-2, 2))
    episodes = read_d4rl(path, action_limits=((-2, -1), (2, 3)))
    assert episodes.actions[:3].tolist() == [[-1, -0.5], [0, 0], [1, 1]]
    clipped = read_d4rl(path, action_limits=(-2, 2), clip_actions=True)
    assert clipped.actions[:3].tolist() == [[-1, 0], [0, 0.5], [1, 1]]
    # For others they are written in their own units, which are read again.
    write_d4rl(tmp_path / "again.hdf5", episodes)
    with h5py.File(tmp_path / "again.hdf5") as file:
        np.testing.assert_array_equal(file["actions"][()], actions)
    again = read_d4rl(tmp_path / "again.hdf5")
    np.testing.assert_array_equal(again.actions, episodes.actions)
    assert again.action_limits == episodes.action_limits


@pytest.mark.fault(27)
def test_discrete_actions_are_called_what_they_are(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UserError, match="actions are discrete"):
        read_d4rl(write(tmp_path, actions=np.arange(6)))


@pytest.mark.fault(24)
def test_what_is_no_column_is_kept_or_named_once(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(
        tmp_path,
        next_observations=FOLLOWING,
        infos__lights=np.arange(6),
        infos__next_lights=np.arange(1, 7),
        infos__goal__xy=np.ones((6, 2)),
        infos__words=["a"] * 6,
        metadata__weights=np.ones((3, 3)),
    )
    episodes = read_d4rl(path)
    assert caplog.text.count("left out infos/words, metadata/weights") == 1
    assert episodes.state_extras["lights"].tolist() == [0, 1, 2, 3, 3, 4, 5, 6]
    write_d4rl(tmp_path / "again.hdf5", episodes)
    again = read_d4rl(tmp_path / "again.hdf5")
    np.testing.assert_array_equal(again.state_extras["lights"], episodes.state_extras["lights"])
    np.testing.assert_array_equal(again.step_extras["goal/xy"], np.ones((6, 2)))


def test_next_positions_without_next_observations_are_named(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, infos__qvel=OBSERVATIONS, infos__next_qvel=OBSERVATIONS)
    assert read_d4rl(path).state_extras.keys() == {"qvel"}
    assert "left out next_qvel (of no use without next_observations)" in caplog.text
    with pytest.raises(UserError, match="next_qvel are of shape"):
        read_d4rl(write(tmp_path, infos__qvel=OBSERVATIONS, infos__next_qvel=np.zeros((6, 2))))
