"""Figures of reinforcement learning that past data guides, against what lacks a part of that."""

import numpy as np

from metaskill.report.adaptation import picture
from metaskill.report.curves import series
from metaskill.report.sweep import Points, draw_curves
from metaskill.results.figure import over_seeds
from metaskill.results.findings import Findings, Judge, TrainedRun
from metaskill.training.metrics import read_rows

_LAST = 0.1  # The share of a run that "at its end" is a mean over.
_WITHIN = 0.2  # How near its target a divergence settles.


def guided_findings(
    prefix: str, measure: str, required: float | None, limits: dict[str, float], source: str
) -> Judge:
    """Judge SPiRL (`main`) and its ablations by the return of their deterministic policies.

    The rewards are such that an episode's return is what is measured: whether it succeeded, or
    how many subtasks were done.

    Args:
        prefix: Beginning of the figures' keys.
        measure: Their end.
        required: What SPiRL has to reach; None where it is only reported.
        limits: What baselines must not, by their names; those of others are only reported.
        source: Where the bars come from.
    """

    def judge(runs: dict[str, TrainedRun]) -> Findings:
        figures = {
            f"{prefix}_{'spirl' if name == 'main' else name}_{measure}": over_seeds(
                [float(value) for value in run.outcome.evaluation["eval/return"]],
                source,
                required=required if name == "main" else None,
                limit=limits.get(name),
            )
            for name, run in runs.items()
        }
        figures["kl_over_target"] = over_seeds(
            at_the_end(runs["main"], "divergence_over_target"),
            f"own bar: within 20 % of the target; mean of the last {_LAST:.0%} of training",
            required=1.0 - _WITHIN,
            limit=1.0 + _WITHIN,
        )
        settings = {
            "at_the_end": {
                name: {metric: at_the_end(run, metric) for metric in ("loss/alpha", "loss/critic")}
                for name, run in runs.items()
            }
        }
        return Findings(figures, _draw(runs, measure), settings)

    return judge


def at_the_end(run: TrainedRun, metric: str) -> list[float]:
    """Return every seed's mean of a metric of training over the last tenth of its record."""
    by_seed = series(read_rows(run.folder.metrics_file), metric)
    values = [by_seed[seed][1] for seed in sorted(by_seed)]
    return [float(np.mean(of_seed[-max(1, round(_LAST * len(of_seed))) :])) for of_seed in values]


def _draw(runs: dict[str, TrainedRun], measure: str) -> bytes:
    with picture(1, width=6.5) as panels:
        axes = panels.axes[0]
        draw_curves(axes, returns_of(runs), [f"C{index}" for index in range(len(runs))])
        axes.set_xlabel("environment steps (millions)")
        axes.set_ylabel(measure)
        axes.legend(frameon=False, fontsize=8)
        return panels.png()


def returns_of(runs: dict[str, TrainedRun]) -> dict[str, Points]:
    """Return the evaluated returns of every seed by steps, under the runs' titles."""
    curves: dict[str, Points] = {}
    for name, run in runs.items():
        points: dict[float, list[float]] = {}
        for steps, values in series(read_rows(run.folder.metrics_file), "eval/return").values():
            for step, value in zip(steps, values, strict=True):
                points.setdefault(float(step), []).append(float(value))
        curves["SPiRL" if name == "main" else name.replace("_", " ")] = points
    return curves
