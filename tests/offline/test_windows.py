"""Windows never cross the end of an episode, and all of them can be drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metaskill.errors import UserError
from metaskill.networks.normalizer import normalize
from metaskill.offline.episodes import Episodes
from metaskill.offline.made_up import made_up_episodes
from metaskill.offline.windows import (
    load_windows,
    observation_statistics,
    sample_window,
    split,
    window_at,
)

LENGTHS = (3, 1, 5, 2)


@pytest.fixture(scope="module")
def episodes() -> Episodes:
    """Episodes whose numbers say where they are from: 100 episode + step."""
    made_up = made_up_episodes(np.random.default_rng(0), LENGTHS)
    states = np.concatenate([100 * i + np.arange(n + 1) for i, n in enumerate(LENGTHS)])
    steps = np.concatenate([100 * i + np.arange(n) for i, n in enumerate(LENGTHS)])
    columns = {
        "observations": states[:, None] + np.zeros(3),
        "actions": steps[:, None] + np.zeros(2),
    }
    return Episodes(**{**vars(made_up), **{k: v.astype(np.float32) for k, v in columns.items()}})


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_every_window_lies_within_an_episode(episodes: Episodes, length: int) -> None:
    windows = load_windows(episodes, length)
    expected = [100 * i + start for i, n in enumerate(LENGTHS) for start in range(n - length + 1)]
    assert windows.count == len(expected)
    all_windows = jax.vmap(lambda i: window_at(windows, i))(jnp.arange(windows.count))
    assert all_windows.observations.shape == (len(expected), length + 1, 3)
    for start, observations, actions in zip(expected, *map(np.asarray, all_windows), strict=True):
        np.testing.assert_array_equal(observations[:, 0], start + np.arange(length + 1))
        np.testing.assert_array_equal(actions[:, 0], start + np.arange(length))


def test_draws_are_uniform_and_depend_on_the_key_alone(episodes: Episodes) -> None:
    windows = load_windows(episodes, 2)
    draw = jax.jit(jax.vmap(lambda key: sample_window(windows, key)))
    keys = jax.random.split(jax.random.key(0), 7000)
    drawn = draw(keys)
    np.testing.assert_array_equal(draw(keys).actions, drawn.actions)
    _, counts = np.unique(np.asarray(drawn.actions[:, 0, 0]), return_counts=True)
    assert len(counts) == windows.count == 7
    chi_squared = np.sum((counts - 1000.0) ** 2 / 1000.0)
    assert chi_squared < 22.5  # p = .001 with six degrees of freedom.


def test_too_long_windows_are_refused(episodes: Episodes) -> None:
    with pytest.raises(UserError, match=r"no episode has 6 steps \(the longest has 5\)"):
        load_windows(episodes, 6)
    with pytest.raises(UserError, match="holds nothing"):
        load_windows(episodes, 0)


def test_whole_episodes_are_held_out(episodes: Episodes) -> None:
    rest, held_out = split(episodes, 2)
    assert rest.lengths.tolist() == [3, 5]
    assert held_out.lengths.tolist() == [1, 2]
    rest, held_out = split(episodes, 100)
    assert held_out.lengths.tolist() == [2]
    with pytest.raises(UserError, match="at least two"):
        split(held_out, 2)


def test_statistics_normalize_the_data(episodes: Episodes) -> None:
    constant = np.where([True, False, False], np.float32(7.0), episodes.observations)
    data = Episodes(**{**vars(episodes), "observations": constant})
    normalized = np.asarray(normalize(observation_statistics(data), jnp.asarray(constant)))
    np.testing.assert_allclose(normalized.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(normalized.std(axis=0), [0.0, 1.0, 1.0], atol=1e-5)
    nearly = jnp.asarray([[7.0001, 0.0, 0.0]])
    assert abs(float(normalize(observation_statistics(data), nearly)[0, 0])) < 0.2
