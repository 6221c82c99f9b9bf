"""What is drawn of explorations: the numbers, not the pixels."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

from metaskill.report.exploration import (
    draw_counts,
    draw_shares,
    draw_ways,
    one_below_the_other,
    plot_exploration,
)
from metaskill.skills.exploration import Exploration

REACHED = {
    "prior": np.array([[True, True], [True, False]]),
    "standard": np.array([[False, True], [False, False]]),
    "uniform": np.array([[False, False], [False, False]]),
}


@pytest.fixture
def axes() -> Iterator[Axes]:
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_every_way_is_drawn_in_the_colour_of_its_state(axes: Axes) -> None:
    ways = np.random.default_rng(0).normal(size=(2, 3, 5, 2))
    draw_ways(axes, ways)
    assert len(axes.collections) == len(axes.lines) == 2
    for of_state, lines, ends in zip(ways, axes.collections, axes.lines, strict=True):
        np.testing.assert_array_equal(np.array(lines.get_segments()), of_state)
        np.testing.assert_array_equal(np.array(ends.get_data()).T, of_state[:, -1])
    colours = [tuple(lines.get_color()[0]) for lines in axes.collections]
    assert colours[0] != colours[1]


def test_episodes_have_a_colour_each(axes: Axes) -> None:
    draw_ways(axes, np.zeros((4, 5, 2)))
    assert [len(lines.get_segments()) for lines in axes.collections] == [1, 1, 1, 1]


def test_bars_are_the_shares_of_episodes_with_a_subtask(axes: Axes) -> None:
    draw_shares(axes, REACHED, ("kettle", "light"))
    heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert heights == [[1.0, 0.5], [0.0, 0.5], [0.0, 0.0]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["kettle", "light"]


def test_counts_are_the_shares_of_episodes_with_at_least_so_many(axes: Axes) -> None:
    draw_counts(axes, REACHED)
    drawn = [line.get_xydata().tolist() for line in axes.lines]
    assert drawn == [[[1, 1.0], [2, 0.5]], [[1, 0.5], [2, 0.0]], [[1, 0.0], [2, 0.0]]]


def test_a_picture_has_a_column_for_each_way_to_draw() -> None:
    exploration = Exploration(np.zeros((2, 3, 5, 2)), np.ones((4, 5, 2)))
    walls = np.eye(3, dtype=bool)
    one = plot_exploration({"prior": exploration}, walls, np.ones(2))
    three = plot_exploration(dict.fromkeys(REACHED, exploration))
    assert size(three)[0] == pytest.approx(3 * size(one)[0], abs=3)
    assert size(one_below_the_other([one, three])) == (
        size(three)[0],
        size(one)[1] + size(three)[1],
    )
