"""Learning curves, drawn from a run's metrics."""

import io
import pathlib
from collections.abc import Iterable

import matplotlib

matplotlib.use("Agg")  # No display is ever needed.

import numpy as np
from matplotlib import pyplot as plt

from metaskill.errors import UserError
from metaskill.learner import Headline, Learner
from metaskill.training.experiment import TrainerConfig
from metaskill.training.metrics import Row, read_rows


def series(
    rows: Iterable[Row], metric: str, by: str = "seed", along: str = "env_steps"
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Collect a metric against environment steps or seconds, by seed or by member.

    Returns:
        For each of them the steps and the values, without the rows that lack the metric.
    """
    points: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        value = row.get(metric)
        if value is not None:
            points.setdefault(int(row[by] or 0), []).append((row[along] or 0, value))
    return {
        seed: (np.array([x for x, _ in pairs]), np.array([y for _, y in pairs]))
        for seed, pairs in points.items()
    }


def best_member(
    metrics_file: pathlib.Path, config: TrainerConfig, headline: Headline, member: int | None
) -> int:
    """Choose the member of a population to show.

    Args:
        metrics_file: The run's record.
        config: The run's trainer configuration.
        headline: What is better.
        member: The user's choice; None for the best last evaluation.

    Raises:
        UserError: If the chosen member does not exist.
    """
    if member is None:
        evaluations = series(read_rows(metrics_file), headline.metric)
        sign = 1 if headline.higher_is_better else -1
        last = {seed: sign * values[-1] for seed, (_, values) in evaluations.items()}
        return max(last, key=lambda seed: last[seed]) - config.seed if last else 0
    if member >= config.population:
        raise UserError(
            f"there is no member {member}: the population has {config.population}, from 0 on."
        )
    return member


def plot_learning(metrics_file: pathlib.Path, learner: Learner) -> bytes:
    """Draw a learner's headline against its steps, in training and evaluation, as a PNG."""
    headline = learner.headline
    rows = list(read_rows(metrics_file))
    figure, axes = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
    training, evaluation = series(rows, headline.running), series(rows, headline.metric)
    for index, seed in enumerate(sorted({*training, *evaluation})):
        colour = f"C{index % 10}"
        if seed in training:  # Not where no episode ended.
            steps, values = training[seed]
            axes.plot(steps / 1e6, _smooth(values), color=colour, alpha=0.5, linewidth=1)
        if seed in evaluation:
            steps, values = evaluation[seed]
            axes.plot(steps / 1e6, values, "o-", color=colour, markersize=3, label=f"seed {seed}")
    axes.set_xlabel(f"{learner.step_unit} (millions)")
    axes.set_ylabel(headline.label)
    axes.set_title("thick: evaluation; thin: during training", fontsize=9)
    axes.grid(alpha=0.3)
    if evaluation:
        axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    plt.close(figure)
    return picture.getvalue()


def _smooth(values: np.ndarray, window: int = 10) -> np.ndarray:
    """Return the running mean of the last `window` values."""
    sums = np.cumsum(np.insert(values, 0, 0.0))
    starts = np.maximum(np.arange(len(values)) + 1 - window, 0)
    ends = np.arange(len(values)) + 1
    return (sums[ends] - sums[starts]) / (ends - starts)
