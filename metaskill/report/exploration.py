"""Pictures of what a prior does without any learning, beside what it is held against."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from PIL import Image

from metaskill.envs.env import Env
from metaskill.envs.pose import Pose
from metaskill.report.adaptation import picture
from metaskill.report.video import draw_strip
from metaskill.skills.exploration import Exploration

_TITLES = {"prior": "prior", "standard": "z ~ N(0, I)", "uniform": "uniform z"}
_COLOURS = {"prior": "C0", "standard": "C1", "uniform": "C2"}


def plot_exploration(
    explorations: Mapping[str, Exploration],
    walls: Bool[np.ndarray, "rows columns"] | None = None,
    goal: Float[np.ndarray, "2"] | None = None,
) -> bytes:
    """Draw as a PNG where actions lead, seen from above, a column for each way to draw them.

    Above, from some states the ways by many actions each; below, whole episodes.

    Args:
        explorations: By the names of the ways to draw actions.
        walls: Where walls are, of a maze.
        goal: Where its goal is.
    """
    count = len(explorations)
    with picture(count, width=4.2 * count, height=8.4, rows=2) as panels:
        for column, (name, exploration) in enumerate(explorations.items()):
            above, below = panels.axes[column], panels.axes[count + column]
            for axes in (above, below):
                if walls is not None:
                    draw_walls(axes, walls)
                if goal is not None:
                    axes.plot(*goal, "*", color="tab:red", markersize=10)
            draw_ways(above, np.asarray(exploration.proposed))
            draw_ways(below, np.asarray(exploration.paths))
            n_actions, n_episodes = exploration.proposed.shape[1], exploration.paths.shape[0]
            above.set_title(f"{_TITLES[name]}: {n_actions} actions in each of some states", size=9)
            below.set_title(f"{_TITLES[name]}: {n_episodes} episodes without learning", size=9)
        _share_limits(panels.axes[:count])
        _share_limits(panels.axes[count:])
        return panels.png()


def draw_ways(axes: Axes, ways: Float[np.ndarray, "*way time 2"]) -> None:
    """Draw ways seen from above, a colour for each of the first axis, with a dot at their ends."""
    for index, group in enumerate(ways.reshape(len(ways), -1, *ways.shape[-2:])):
        colour = f"C{index % 10}"
        axes.add_collection(LineCollection(list(group), colors=colour, linewidths=0.7, alpha=0.7))
        axes.plot(*group[:, -1].T, ".", color=colour, markersize=3)
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("x")
    axes.set_ylabel("y")


def draw_walls(axes: Axes, walls: Bool[np.ndarray, "rows columns"]) -> None:
    """Draw a maze from above; a cell is one unit wide."""
    rows, columns = walls.shape
    axes.imshow(walls, cmap="Greys", vmax=2.0, extent=(0, columns, 0, rows), origin="lower")


def plot_coverage(
    reached: Mapping[str, Bool[np.ndarray, "episode subtask"]], subtasks: Sequence[str]
) -> bytes:
    """Draw as a PNG in what share of episodes each subtask is done, and how many are in one."""
    with picture(2, width=12.0, height=3.2) as panels:
        draw_shares(panels.axes[0], reached, subtasks)
        draw_counts(panels.axes[1], reached)
        return panels.png()


def draw_shares(
    axes: Axes,
    reached: Mapping[str, Bool[np.ndarray, "episode subtask"]],
    subtasks: Sequence[str],
) -> None:
    """Draw a bar for each subtask and each way to draw actions: the share of episodes with it."""
    width = 0.8 / len(reached)
    for index, (name, of_episodes) in enumerate(reached.items()):
        places = np.arange(len(subtasks)) + (index - (len(reached) - 1) / 2) * width
        axes.bar(places, of_episodes.mean(0), width, color=_COLOURS[name], label=_TITLES[name])
    axes.set_xticks(range(len(subtasks)), subtasks)
    axes.set_ylim(0.0, 1.0)
    axes.set_ylabel("share of episodes")
    axes.set_title("subtasks done without learning", fontsize=9)


def draw_counts(axes: Axes, reached: Mapping[str, Bool[np.ndarray, "episode subtask"]]) -> None:
    """Draw the share of episodes with at least 1, 2, ... different subtasks."""
    numbers = np.arange(1, next(iter(reached.values())).shape[1] + 1)
    for name, of_episodes in reached.items():
        counts = of_episodes.sum(1)
        shares = [np.mean(counts >= number) for number in numbers]
        axes.plot(numbers, shares, "o-", color=_COLOURS[name], label=_TITLES[name])
    axes.set_xticks(numbers)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("different subtasks in an episode, at least")
    axes.set_ylabel("share of episodes")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


def plot_strips(env: Env, episodes: Mapping[str, Pose], n_frames: int = 8) -> bytes:
    """Draw an episode (axis: time) for each way to draw actions as a PNG: a row of frames each.

    Raises:
        UserError: If the environment has no model.
    """
    rows = len(episodes)
    with picture(1, width=12.0, height=1.4 * rows, rows=rows) as panels:
        for axes, (name, poses) in zip(panels.axes, episodes.items(), strict=True):
            axes.imshow(draw_strip(env, poses, n_frames))
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_ylabel(_TITLES[name])
        return panels.png()


def one_below_the_other(pictures: Sequence[bytes]) -> bytes:
    """Put PNGs into one, each in the middle of its row."""
    images = [Image.open(io.BytesIO(png)) for png in pictures]
    width, height = max(i.width for i in images), sum(i.height for i in images)
    whole = Image.new("RGB", (width, height), "white")
    top = 0
    for image in images:
        whole.paste(image.convert("RGB"), ((width - image.width) // 2, top))
        top += image.height
    buffer = io.BytesIO()
    whole.save(buffer, format="png")
    return buffer.getvalue()


def _share_limits(panels: Sequence[Axes]) -> None:
    """Show the same part of the plane in all panels."""
    for low, high, setter in (("x0", "x1", "set_xlim"), ("y0", "y1", "set_ylim")):
        ends = [axes.viewLim for axes in panels]
        limits = (min(getattr(e, low) for e in ends), max(getattr(e, high) for e in ends))
        for axes in panels:
            getattr(axes, setter)(*limits)
