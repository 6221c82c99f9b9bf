"""Minari as it is published: spaces say what is read, totals whether all of it is there."""

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.offline.minari import read_minari, write_minari

h5py = pytest.importorskip("h5py")

N_STEPS = 3


def box(low: Any, high: Any, size: int = 1) -> dict[str, Any]:
    return {"type": "Box", "dtype": "float32", "shape": [size], "low": low, "high": high}


def parts(**spaces: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Dict", "subspaces": spaces}


def write(
    folder: pathlib.Path, episodes: dict[int, dict[str, Any]] | None = None, **metadata: Any
) -> pathlib.Path:
    """Write episodes of three steps by number; spaces are written as JSON in JSON, as Minari does.

    An array that is None is left out, and a dictionary of arrays is a group.
    """
    data = folder / "data"
    data.mkdir(exist_ok=True)
    text = {k: json.dumps(v) if k.endswith("_space") else v for k, v in metadata.items()}
    (data / "metadata.json").write_text(json.dumps({"data_format": "hdf5", **text}))
    with h5py.File(data / "main_data.hdf5", "w") as file:
        for number, changes in (episodes if episodes is not None else {0: {}}).items():
            usual = {
                "observations": np.arange(8.0).reshape(4, 2),
                "actions": np.array([[-0.5], [0.0], [0.5]]),
                "rewards": np.ones(N_STEPS),
                "terminations": np.zeros(N_STEPS, bool),
                "truncations": np.array([0, 0, 1], bool),
            }
            fill(file.create_group(f"episode_{number}"), usual | changes)
    return folder


def fill(group: Any, arrays: dict[str, Any]) -> None:
    for name, value in arrays.items():
        if isinstance(value, dict):
            fill(group.create_group(name), value)
        elif value is not None:
            group[name] = value


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    ("low", "high", "actions", "expected"),
    [
        ([-2.0], [2.0], [[-2], [0], [2]], [[-1], [0], [1]]),  # Pendulum.
        ([-0.4], [0.4], [[-0.4], [0.2], [0.4]], [[-1], [0.5], [1]]),  # Humanoid.
        ([-1.0], [3.0], [[-1], [1], [3]], [[-1], [0], [1]]),
        ([0.0, -5.0], [1.0, 5.0], [[0, 0], [0.5, 5], [1, -5]], [[-1, 0], [0, 1], [1, -1]]),
        (
            [-np.inf, -2.0],
            [np.inf, 2.0],
            [[0.5, 2], [1, 0], [-1, -2]],
            [[0.5, 1], [1, 0], [-1, -1]],
        ),
    ],
)
def test_actions_are_scaled_by_their_space(
    tmp_path: pathlib.Path, low: list[float], high: list[float], actions: Any, expected: Any
) -> None:
    space = box(low, high, len(low))
    folder = write(tmp_path, {0: {"actions": np.array(actions, float)}}, action_space=space)
    episodes = read_minari(folder)
    np.testing.assert_allclose(episodes.actions, expected, atol=1e-6)
    # For others they are written in their own units again.
    write_minari(tmp_path / "again", episodes, "made/up-v0")
    with h5py.File(tmp_path / "again" / "data" / "main_data.hdf5") as file:
        np.testing.assert_allclose(file["episode_0/actions"][()], actions, atol=1e-6)
    written = json.loads((tmp_path / "again" / "data" / "metadata.json").read_text())
    assert json.loads(written["action_space"])["high"] == high
    again = read_minari(tmp_path / "again")
    np.testing.assert_allclose(again.actions, expected, atol=1e-6)


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    "metadata", [{}, {"action_space": box([-np.inf], [np.inf])}, {"env_spec": "{}"}]
)
def test_actions_of_no_known_scale_are_refused_outside_of_one(
    tmp_path: pathlib.Path, metadata: dict[str, Any]
) -> None:
    actions = np.array([[-2.0], [0.0], [1.0]])
    with pytest.raises(UserError, match=r"from -2 to 1, .* action_limits=.low, high."):
        read_minari(write(tmp_path, {0: {"actions": actions}}, **metadata))
    found = read_minari(tmp_path, action_limits=(-2, 2))
    assert found.actions[:, 0].tolist() == [-1, 0, 0.5]
    assert read_minari(write(tmp_path, **metadata)).actions[:, 0].tolist() == [-0.5, 0, 0.5]


@pytest.mark.fault(6)
def test_actions_outside_of_their_space_are_refused_or_clipped(tmp_path: pathlib.Path) -> None:
    actions = np.array([[-3.0], [0.0], [2.0]])
    write(tmp_path, {0: {"actions": actions}}, action_space=box([-2.0], [2.0]))
    with pytest.raises(UserError, match=r"outside of their limits -2 and 2.*clip_actions"):
        read_minari(tmp_path)
    assert read_minari(tmp_path, clip_actions=True).actions[:, 0].tolist() == [-1, 0, 1]


@pytest.mark.parametrize("space", [box([2.0], [-2.0]), box("low", "high"), box([-1] * 3, [1] * 3)])
def test_a_space_that_cannot_be_is_refused(tmp_path: pathlib.Path, space: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="action_space: "):
        read_minari(write(tmp_path, action_space=space))


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("numbers", "metadata", "message"),
    [
        ((0, 3), {"total_episodes": 5, "total_steps": 15}, "episodes 1, 2, 4 are missing"),
        ((0, 3), {}, "episodes 1, 2 are missing"),
        ((1, 2), {}, "episodes 0 are missing"),
        ((0, 1), {"total_episodes": 2, "total_steps": 7}, "6 steps, and metadata.json says 7"),
        ((0, 1), {"total_episodes": 1}, "2 episodes, and metadata.json says 1"),
        ((0,), {"total_episodes": 10**12}, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 999999999989 more"),
        ((0,), {"total_episodes": "one"}, "total_episodes is no count"),
    ],
)
def test_an_incomplete_data_set_is_refused(
    tmp_path: pathlib.Path, numbers: tuple[int, ...], metadata: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_minari(write(tmp_path, {number: {} for number in numbers}, **metadata))


@pytest.mark.fault(17)
def test_an_episode_that_was_cut_off_is_refused(tmp_path: pathlib.Path) -> None:
    write(tmp_path, total_episodes=1)
    with h5py.File(tmp_path / "data" / "main_data.hdf5", "a") as file:
        file["episode_0"].attrs["total_steps"] = 4
    with pytest.raises(UserError, match="episode 0 has 3 steps, and says that it has 4"):
        read_minari(tmp_path)


def test_a_complete_data_set_is_read(tmp_path: pathlib.Path) -> None:
    write(tmp_path, {number: {} for number in range(11)}, total_episodes=11, total_steps=33)
    assert len(read_minari(tmp_path)) == 11


GOALS = {
    "observation": np.full((4, 4), 1.0),
    "achieved_goal": np.full((4, 2), 2.0),
    "desired_goal": np.full((4, 2), 3.0),
}
GOAL_SPACE = parts(achieved_goal=box(0, 9, 2), desired_goal=box(0, 9, 2), observation=box(0, 9, 4))


@pytest.mark.fault(27)
@pytest.mark.parametrize("metadata", [{}, {"observation_space": GOAL_SPACE}])
def test_parts_of_observations_are_joined_by_choice(
    tmp_path: pathlib.Path, metadata: dict[str, Any]
) -> None:
    write(tmp_path, {0: {"observations": GOALS}}, **metadata)
    with pytest.raises(
        UserError, match=r"a Dict of achieved_goal, .*'observation', 'desired_goal'"
    ):
        read_minari(tmp_path)
    episodes = read_minari(tmp_path, observations=("observation", "desired_goal"))
    assert episodes.observations[0].tolist() == [1, 1, 1, 1, 3, 3]
    # The part that was not chosen is kept.
    assert episodes.state_extras["achieved_goal"].tolist() == [[2, 2]] * 4
    assert read_minari(tmp_path, observations="observation").observations.shape == (4, 4)
    with pytest.raises(UserError, match="have no part 'goal'"):
        read_minari(tmp_path, observations=("goal",))
    with pytest.raises(UserError, match="are chosen twice"):
        read_minari(tmp_path, observations=("observation", "observation"))


@pytest.mark.fault(27)
def test_parts_may_have_parts_and_numbers(tmp_path: pathlib.Path) -> None:
    nested = {
        "robot": {"arm": np.full((4, 2), 1.0), "hand": np.full(4, 2.0)},
        "task": {f"_index_{i}": np.full((4, 1), 3.0 + i) for i in range(11)},
    }
    write(tmp_path, {0: {"observations": nested}})
    episodes = read_minari(tmp_path, observations=("task", "robot/hand"))
    assert episodes.observations[0].tolist() == [*range(3, 14), 2]
    pair = {"_index_0": np.zeros((4, 1)), "_index_1": np.ones((4, 1))}
    write(tmp_path, {0: {"observations": pair}})
    with pytest.raises(UserError, match="a Tuple of 0, 1"):
        read_minari(tmp_path)
    assert read_minari(tmp_path, observations=("1", "0")).observations[0].tolist() == [1, 0]


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("changes", "metadata", "message"),
    [
        ({"actions": np.arange(3)}, {}, "actions are discrete"),
        (
            {"actions": np.arange(3)},
            {"action_space": {"type": "Discrete", "n": 4, "start": 0}},
            "actions are Discrete, no Box",
        ),
        (
            {"actions": {"a": np.zeros((3, 1)), "b": np.arange(3)}},
            {"action_space": parts(a=box(-1, 1), b={"type": "Discrete", "n": 3})},
            "actions are Discrete, no Box",
        ),
        ({"observations": np.arange(4)}, {}, "observations is Discrete"),
        (
            {"observations": ["go north"] * 4},
            {"observation_space": {"type": "Text", "max_length": 9}},
            "observations is Text",
        ),
        ({"observations": np.zeros((4, 8, 8, 3), np.uint8)}, {}, "a picture"),
    ],
)
def test_other_spaces_are_called_what_they_are(
    tmp_path: pathlib.Path, changes: dict[str, Any], metadata: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_minari(write(tmp_path, {0: changes}, **metadata))


@pytest.mark.fault(27)
def test_actions_in_parts_are_joined_in_the_order_of_their_space(tmp_path: pathlib.Path) -> None:
    actions = {"arm": np.full((3, 2), 2.0), "hand": np.full((3, 1), 5.0)}
    space = parts(hand=box([0], [10]), arm=box(-2, 2, 2))
    episodes = read_minari(write(tmp_path, {0: {"actions": actions}}, action_space=space))
    assert episodes.actions[0].tolist() == [0, 1, 1]


@pytest.mark.fault(27)
@pytest.mark.parametrize("stored", ["arrow", "parquet"])
@pytest.mark.parametrize("is_said", [True, False])
def test_other_storage_is_called_what_it_is(
    tmp_path: pathlib.Path, stored: str, is_said: bool
) -> None:
    data = tmp_path / "data"
    (data / "0").mkdir(parents=True)
    (data / "0" / f"part-0.{stored}").write_bytes(b"")
    (data / "metadata.json").write_text(json.dumps({"data_format": stored} if is_said else {}))
    with pytest.raises(UserError, match=f"stored as '{stored}', not hdf5: convert it with Minari"):
        read_minari(tmp_path)


@pytest.mark.fault(24)
def test_infos_are_kept_or_named_once(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    infos = {
        "qpos": np.ones((4, 2)),
        "qvel": np.ones((4, 2)),
        "success": np.array([0, 0, 0, 1], bool),
        "energy": np.arange(3.0),
        "words": ["a"] * 4,
        "constant": 3.0,
    }
    write(tmp_path, {0: {"infos": infos}, 1: {"infos": {**infos, "energy": None}}})
    episodes = read_minari(tmp_path)
    assert episodes.qpos.shape == (8, 2)
    assert episodes.state_extras["success"].tolist() == [False, False, False, True] * 2
    assert caplog.text.count("left out infos/constant, infos/words") == 1
    assert caplog.text.count("left out energy (not alike in all episodes)") == 1
    write_minari(tmp_path / "again", episodes, "made/up-v0")
    again = read_minari(tmp_path / "again")
    np.testing.assert_array_equal(again.state_extras["success"], episodes.state_extras["success"])


@pytest.mark.fault(18)
def test_flags_and_rewards_may_stand_in_columns(tmp_path: pathlib.Path) -> None:
    columns = {"rewards": np.ones((3, 1)), "terminations": np.array([[0.0], [0.0], [1.0]])}
    columns["truncations"] = np.zeros((3, 1))
    episodes = read_minari(write(tmp_path, {0: columns}))
    assert episodes.rewards.tolist() == [1, 1, 1]
    assert episodes.terminated.tolist() == [False, False, True]
