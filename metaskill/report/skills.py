"""Pictures of skills: where they lead, and how a planner uses them."""

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from metaskill.report.adaptation import picture
from metaskill.skills.execution import Execution
from metaskill.skills.navigation import SUCCESS_DISTANCE, Journey
from metaskill.skills.space import SkillSpace


def plot_skills(execution: Execution, space: SkillSpace) -> bytes:
    """Draw executions of skills (axes: skill, episode, time) as a PNG.

    On the left their paths, each skill in its own colour: by number, or by the angle of the
    first two components of z. On the right, for continuous skills, the direction in which
    each went against that angle; for discrete ones, how far each got in x and y.
    """
    positions = np.asarray(execution.positions)
    skills = np.asarray(execution.obs["skill"])[:, :, 0]
    with picture(2, width=9.5, height=4.4) as panels:
        paths, summary = panels.axes
        draw_paths(paths, positions, colours_of(skills[:, 0], space))
        _summarize(summary, positions, skills, space)
        return panels.png()


def draw_paths(
    axes: Axes,
    positions: Float[np.ndarray, "skill episode time 2"],
    colours: Float[np.ndarray, "skill 4"],
) -> None:
    """Draw x against y, from the start of each execution."""
    for executions, colour in zip(positions, colours, strict=True):
        for path in executions:
            points = np.vstack([np.zeros((1, 2)), path])
            axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=0.9, alpha=0.8)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.set_title("paths, a colour a skill", fontsize=9)
    axes.grid(alpha=0.3)


def colours_of(
    skills: Float[np.ndarray, "skill size"], space: SkillSpace
) -> Float[np.ndarray, "skill 4"]:
    """Return a colour for each skill: around the circle of hues."""
    if space.is_discrete:
        hue = np.argmax(skills, axis=-1) / space.size
    elif space.size == 1:
        hue = 0.4 * (skills[:, 0] + 1.0)
    else:
        hue = _angle(skills[:, :2]) / (2 * np.pi) + 0.5
    return np.asarray(colormaps["hsv"](hue % 1.0))


def plot_experiment(
    execution: Execution,
    space: SkillSpace,
    journeys: Journey,
    net: Float[np.ndarray, "row column 2"] | None = None,
) -> bytes:
    """Draw what skills do, and what a planner does with them, as a PNG.

    Paths of skills, their headings, the planner's ways to its goals, and before these, where
    skills are a square, how it lies in the plane.

    Args:
        execution: Executions of skills.
        space: What skills there are.
        journeys: The ways.
        net: Where a grid of skills is predicted to lead in an episode, metres.
    """
    positions = np.asarray(execution.positions)
    skills = np.asarray(execution.obs["skill"])[:, :, 0]
    n_panels = 3 if net is None else 4
    with picture(n_panels, width=4.7 * n_panels, height=4.4) as panels:
        paths, headings, *between, ways = panels.axes
        draw_paths(paths, positions, colours_of(skills[:, 0], space))
        _summarize(headings, positions, skills, space)
        for axes in between:
            _draw_net(axes, np.asarray(net))
        draw_journeys(ways, journeys)
        ways.set_title("zero-shot navigation", fontsize=9)
        return panels.png()


def plot_comparison(executions: dict[str, Execution], spaces: dict[str, SkillSpace]) -> bytes:
    """Draw the paths of several runs' skills side by side as a PNG."""
    with picture(len(executions), width=4.8 * len(executions), height=4.4) as panels:
        for axes, (name, execution) in zip(panels.axes, executions.items(), strict=True):
            skills = np.asarray(execution.obs["skill"])[:, 0, 0]
            draw_paths(axes, np.asarray(execution.positions), colours_of(skills, spaces[name]))
            axes.set_title(name, fontsize=9)
        return panels.png()


def plot_journeys(journeys: Journey) -> bytes:
    """Draw ways to goals (axes: goal, time) as a PNG: paths, and distance over time."""
    with picture(2, width=9.5, height=4.4) as panels:
        draw_journeys(panels.axes[0], journeys)
        distances = np.asarray(journeys.distance)
        goals = np.asarray(journeys.goal)
        for index, (goal, distance) in enumerate(zip(goals, distances, strict=True)):
            label = f"({goal[0]:g}, {goal[1]:g})"
            panels.axes[1].plot(distance, color=f"C{index % 10}", linewidth=1.2, label=label)
        panels.axes[1].axhline(SUCCESS_DISTANCE, color="0.5", linestyle=":", linewidth=1)
        panels.axes[1].set_xlabel("control steps")
        panels.axes[1].set_ylabel("distance from the goal (m)")
        panels.axes[1].set_ylim(bottom=0.0)
        panels.axes[1].grid(alpha=0.3)
        panels.axes[1].legend(frameon=False, fontsize=8)
        return panels.png()


def plot_ways(journeys: dict[str, Journey]) -> bytes:
    """Draw several travellers' ways to their goals (axes: goal, time) side by side as a PNG."""
    with picture(len(journeys), width=4.8 * len(journeys), height=4.6) as panels:
        for axes, (name, of_traveller) in zip(panels.axes, journeys.items(), strict=True):
            draw_journeys(axes, of_traveller)
            axes.set_title(name, fontsize=9)
        return panels.png()


def draw_journeys(axes: Axes, journeys: Journey) -> None:
    """Draw ways to goals (axes: goal, time), each goal as a circle of what counts as there."""
    goals, starts = np.asarray(journeys.goal), np.asarray(journeys.start)
    for index, (goal, start, path) in enumerate(
        zip(goals, starts, np.asarray(journeys.position), strict=True)
    ):
        colour = f"C{index % 10}"
        points = np.vstack([start, path])
        axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=1.2)
        angle = np.linspace(0.0, 2 * np.pi, 60)
        circle = goal + SUCCESS_DISTANCE * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        axes.add_line(Line2D(circle[:, 0], circle[:, 1], color=colour, linestyle=":"))
        axes.plot(*goal, "x", color=colour)
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.grid(alpha=0.3)


def _summarize(
    axes: Axes,
    positions: Float[np.ndarray, "skill episode time 2"],
    skills: Float[np.ndarray, "skill episode size"],
    space: SkillSpace,
) -> None:
    if space.is_discrete or space.size < 2:
        _draw_ends(axes, positions, colours_of(skills[:, 0], space))
    else:
        _draw_headings(axes, positions, skills)


def _draw_headings(
    axes: Axes,
    positions: Float[np.ndarray, "skill episode time 2"],
    skills: Float[np.ndarray, "skill episode size"],
) -> None:
    ends = positions[:, :, -1]
    distance = np.linalg.norm(ends, axis=-1)
    points = axes.scatter(
        np.degrees(_angle(skills[..., :2])),
        np.degrees(_angle(ends)),
        c=distance,
        s=12,
        cmap="viridis",
    )
    axes.figure.colorbar(points, ax=axes, label="distance covered (m)")
    axes.set_xlabel("angle of z (degrees)")
    axes.set_ylabel("heading (degrees)")
    axes.set_xlim(-180, 180)
    axes.set_ylim(-180, 180)
    axes.grid(alpha=0.3)


def _draw_net(axes: Axes, net: Float[np.ndarray, "row column 2"]) -> None:
    """Draw the image of a grid: its lines in one direction, and those in the other."""
    for lines, name in ((net, "viridis"), (net.swapaxes(0, 1), "plasma")):
        for line, share in zip(lines, np.linspace(0.0, 1.0, len(lines)), strict=True):
            axes.plot(line[:, 0], line[:, 1], color=colormaps[name](share), linewidth=0.8)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.set_title("the square of skills, as the dynamics predicts where they lead", fontsize=9)
    axes.grid(alpha=0.3)


def _draw_ends(
    axes: Axes,
    positions: Float[np.ndarray, "skill episode time 2"],
    colours: Float[np.ndarray, "skill 4"],
) -> None:
    ends = positions[:, :, -1]
    for index, (points, colour) in enumerate(zip(ends, colours, strict=True)):
        axes.plot(np.full(len(points), index), points[:, 0], "o", color=colour, markersize=4)
        axes.plot(np.full(len(points), index), points[:, 1], "^", color=colour, markersize=4)
    axes.set_xlabel("skill")
    axes.set_ylabel("distance covered along x (o) and y (^), m")
    axes.grid(alpha=0.3)


def _angle(points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch"]:
    return np.arctan2(points[..., 1], points[..., 0])
